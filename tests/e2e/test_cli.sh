#!/usr/bin/env bash
# The command line: exit codes, where output goes, the JSON documents against their schema, what init writes, and that no
# secret comes out of anything but render.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/cli.bash
. "$top/tests/e2e/cli.bash"
link='trojan://canary-one@192.0.2.7:443?sni=edge.example.net#edge'

# usage
run 2; says 'no command given'; silent stdout
run 2 chekc; says "did you mean 'check'"
run 2 check --tagret x; says "did you mean '--target'"
run 2 check --target xray-1.0; says 'known are xray-26.2'
run 2 check --format yaml; says 'allowed are text, json'
run 2 render xray; says 'exactly one of --desired and --live'
run 2 render xray --desired --live
run 2 render sing-box --desired
run 2 diff onlyone
run 2 explain
run 2 --format json chekc; silent stdout; json stderr
run 0 help; prints 'Commands:'
run 0 --help; prints 'Commands:'
run 0 check --help; prints '--strict'
run 0 --version; prints 'targets: '
run 0 version --format json; json

# nothing there
run 1 --root nowhere check; says 'init'
run 1 --root nowhere --format json check; silent stdout; json stderr
run 7 explain XR999
run 7 schema nothing
run 0 explain xr302; prints XR302
run 0 explain --list
run 0 explain --list --format json; json
run 0 schema; prints xray
run 0 schema --format json; json
for name in $("$XRAT" schema); do
	"$XRAT" schema "$name" >schema.json
	expect "schema $name is JSON" python3 -m json.tool schema.json /dev/null
done
for shell in bash zsh fish; do run 0 completion $shell; done
run 2 completion tcsh

# init
for role in client server; do
	run 0 --root "fresh-$role/deep" --role $role init; prints "xp2p-$role.toml"
	run 0 --root "fresh-$role/deep" check
	wide=$(find "fresh-$role" \( -type f -a ! -perm 600 -o -type d -a ! -perm 700 \) | head -n 3)
	expect "init $role writes 0600 and 0700: $wide" test -z "$wide"
	echo '# mine' >>"fresh-$role/deep/xp2p-$role.toml"
	sum=$(cat "fresh-$role"/deep/*.toml | cksum)
	run 0 --root "fresh-$role/deep" --role $role --format json init; json
	expect "init $role overwrites nothing" test "$sum" = "$(cat "fresh-$role"/deep/*.toml | cksum)"
done
run 1 --root linked init --from 'trojan://nobody'; expect 'a bad link writes nothing' test ! -e linked
run 2 --root linked --role server init --from "$link"
printf '%s\n' "$link" >link.txt
run 0 --root linked init --from - <link.txt
run 1 --root linked init --from "$link"; says 'never overwritten'
run 0 --root linked check
run 0 --root linked check --strict -q
run 0 --root linked --format json check; json
run 0 --root linked render xray --desired; prints canary-one
run 0 --root linked render xray --desired --redact
expect 'a redacted render hides the password' sh -c '! grep -q canary stdout'
run 0 --root linked render xray --desired --output out.json --map map.json; silent stdout
expect 'the output is 0600' test "$(stat -c %a out.json)$(stat -c %a map.json)" = 600600
expect 'the map names the file' grep -q xp2p-client.toml map.json
run 3 --root linked render xray --desired --output nowhere/out.json
expect 'no temporary is left' test -z "$(find . -name '*.tmp*' -o -name '.out*')"
run 7 --root linked render xray --live
run 7 --root linked diff

# why, diff
run 0 --root linked why socks-in; prints socks-in
run 0 --root linked why /outbounds/0; prints xp2p-client.toml
expect 'why hides the password' sh -c '! grep -q canary stdout'
run 0 --root linked --format json why direct; json
run 7 --root linked why nothing-of-that-name
run 0 diff out.json out.json; silent stdout
sed 's/51180/51199/' out.json >changed.json
run 0 diff out.json changed.json; prints 51199
run 8 diff --exit-code out.json changed.json
run 8 --format json diff --exit-code out.json changed.json; json
mkdir -p linked/.state/live/config-client
cp changed.json linked/.state/live/config-client/xray.json
run 0 --root linked render xray --live; expect 'live bytes as they are' cmp -s stdout changed.json
run 8 --root linked diff --exit-code; prints 51199
run 0 --root linked render xray --live --redact; prints 51199
expect 'a redacted live file hides the password' sh -c '! grep -q canary stdout'
run 2 --root linked render xray --live --map map.json; says '--map goes with --desired'
mkdir -p torn/.state/live/config-client
cp linked/*.toml torn/
head -c 100 changed.json >torn/.state/live/config-client/xray.json
run 3 --root torn render xray --live --redact; says 'cannot be masked'; silent stdout

# where the root comes from, pages, a raw file that is not there
XRAT_ROOT=linked run 0 check
XP2P_CONFIG_ROOT=linked run 0 check
run 1 --root nowhere --role server check; says 'xp2p-server.toml'
run 0 docs man; prints '.Sh'
run 0 docs diagnostics; prints XR302
run 0 docs engine; prints followRedirect
run 2 docs nothing
run 0 --root linked why socks-in -v
run 3 --root link.txt check; says 'link.txt'

# both roles
cp -r linked both && cp -r fresh-server/deep/. both/
run 0 --root both check; says client; says server
run 2 --root both render xray --desired; says '--role'
run 0 --root both client render xray --desired
run 0 --root both --role server render xray --desired

# errors of the configuration
cp -r linked broken
printf '\nnonsense = 1\npassword = "canary-two" x\n' >>broken/xp2p-client.toml
run 1 --root broken check
run 1 --root broken render xray --desired --output never.json; expect 'nothing is written' test ! -e never.json
run 1 --root broken --format json check; silent stdout; json stderr
cat stdout stderr >all
for verbosity in -q -v -vv; do "$XRAT" --root broken $verbosity check >>all 2>&1; done
expect "no secret in a diagnostic: $(grep canary all)" sh -c '! grep -q canary all'
run 1 --root broken -qq check; silent stderr

# a full disk and a closed pipe
if [ -e /dev/full ]; then
	"$XRAT" --root linked render xray --desired >/dev/full 2>stderr; expect 'a full disk is exit 3' test $? = 3
	says 'No space left'
	for words in 'check --format json' 'docs man' 'explain --list' 'why socks-in' 'version' 'help' 'schema xray' 'init --format json'; do
		# shellcheck disable=SC2086 # words
		"$XRAT" --root linked $words >/dev/full 2>stderr; code=$?
		expect "a full disk is exit 3 of $words, not $code" test $code = 3
	done
fi
finish cli
