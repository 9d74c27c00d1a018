#!/usr/bin/env bash
# apply, rollback, history and status without a service: what is published and what is left alone, exit codes, JSON
# documents and files of .state against their schemas, requests that were pending, modes, hostile names.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/cli.bash
. "$top/tests/e2e/cli.bash"
umask 000 # modes must not depend on it

toml='[[client.endpoints]]
hostname = "edge.example.com"
port = 443
user = "alice"
password = "canary-change-me"
server_name = "edge.example.com"
'
server_toml='[server.xray.inbounds.trojan]
listen = "127.0.0.1"
security = "none"
'
redirect() { printf '\n[[client.redirects]]\ndomain = "%s"\noutbound_tag = "%s"\n' "$1" "${2:-proxy-edge-example-com}"; }
make_root() { # DIR: a client root without an engine
	mkdir -p "$1"
	printf '%s' "$toml" >"$1/xp2p-client.toml"
	printf '[runtime]\nengine = "xray"\n\n[paths]\nxray = "/nonexistent/xray"\nv2ray = "/nonexistent/v2ray"\n' >"$1/config.toml"
}
desire() { { printf '%s' "$toml"; redirect "$2"; } >"$1/xp2p-client.toml"; } # DIR DOMAIN
# Everything that a touch would change, of everything below a directory; a lock keeps the pid of who holds it.
stamp() { find "$1" -path '*/.state/locks/*' -printf '%P %i %m %s\n' -o -printf '%P %y %i %m %s %T@ %C@ %l\n' | sort; }
untouched() { # WHAT DIR BEFORE
	local now
	now=$(stamp "$2")
	if [ "$now" = "$3" ]; then pass; else fail "$1 touched something: $(diff <(echo "$3") <(echo "$now") | head -n 8)"; fi
}
live() { readlink "$1/.state/live/config-${2:-client}" 2>&1; }
is_live() { expect "live is generation $2, not $(live "$1" "${3-}")" test "$(live "$1" "${3-}")" = "../generations/${3:-client}/$2"; }
audit_has() { expect "audit.log has $2: $(tail -n 2 "$1/audit.log")" grep -qE -- "$2" "$1/audit.log"; }

# somebody else holds the lock of a role; apply gives up after its ten seconds, meanwhile the rest goes on
if have flock; then
	make_root busy
	run 0 --root busy apply
	desire busy busy.example
	start flock.log flock --no-fork busy/.state/locks/client.lock sh -c 'echo held; exec tail -f /dev/null'
	holder=$started
	until_true 20 grep -q held flock.log || fail 'flock does not take the lock'
	("$XRAT" --root busy --format json apply >busy.out 2>busy.err; echo $? >busy.code) &
	busy=$!
fi

# --- dry run, publish, unchanged
make_root r
before=$(stamp r)
run 0 --root r apply --dry-run; prints 'would publish'; prints '(xp2p-client.toml:1)'
untouched 'a dry run on a fresh root' r "$before"
run 0 --root r status; prints 'nothing'; run 0 --root r history; silent stdout
run 7 --root r rollback; says 'nothing is live'
run 7 --root r render xray --live
rm -rf r/.state
run 0 --root r --format json apply; json; silent stderr
has 'd["result"]["changed"] is True'
has 'd["result"]["roles"][0]["outcome"] == "published"'
is_live r 0001
run 0 --root r render xray --live; cp stdout live.json
run 0 --root r render xray --desired; expect 'live is what was rendered' cmp -s stdout live.json
wide=$(find r/.state r/audit.log \( -type f -a ! -perm 600 -o -type d -a ! -perm 700 \))
expect "modes under umask 000: $wide" test -z "$wide"
state_schema meta r/.state/generations/client/0001/meta.json
audit_has r '"phase":"begin","action":"publish","role":"client","generation":1'
audit_has r '"phase":"end".*"result":"published"'
before=$(stamp r)
run 0 --root r --format json apply; json; has 'd["result"]["changed"] is False'
run 0 --root r apply; prints 'client: unchanged, generation 1'
run 0 --root r apply --dry-run; prints 'unchanged'
run 0 --root r diff; silent stdout
run 0 --root r history; run 0 --root r status
untouched 'an unchanged apply' r "$before"

# --- an edit
desire r one.example
before=$(stamp r)
run 0 --root r --format json apply --dry-run; json
has 'd["result"]["changed"] and d["result"]["roles"][0]["outcome"] == "would_publish"'
has '[(c["change"], c["file"], c["line"]) for c in d["result"]["roles"][0]["changes"]] == [("added", "xp2p-client.toml", 8)]'
run 8 --root r diff --exit-code; prints '(xp2p-client.toml:8)'
untouched 'a dry run' r "$before"
run 0 --root r -q apply; prints 'published generation 2, was 1'; silent stderr
is_live r 0002
run 0 --root r apply --target v2ray-4.34; prints 'generation 3, was 2 (v2ray-4.34)'
run 0 --root r apply; prints 'generation 4, was 3'; says 'no engine was found'

# --- refused: live and its engine are left alone
cp -r r broken
redirect two.example nobody >>broken/xp2p-client.toml
before=$(stamp broken/.state/live; stamp broken/.state/generations)
run 1 --root broken apply; says 'xp2p-client.toml:14:16: error[XR501]'; says 'nothing was published'; silent stdout
run 1 --root broken --format json apply; silent stdout; json stderr
has 'd["error"]["code"] == "invalid_configuration" and d["error"]["changed"] is False' stderr
has 'any(x["code"] == "XR501" and x["line"] == 14 for x in d["error"]["diagnostics"])' stderr
run 1 --root broken -qq apply; silent stderr
expect 'a refused apply leaves live alone' test "$before" = "$(stamp broken/.state/live; stamp broken/.state/generations)"
state_schema failures broken/.state/apply.error
state_schema memory broken/.state/memory-client.json
expect 'apply.error is 0600' test "$(stat -c %a broken/.state/apply.error)" = 600
run 0 --root broken status; prints 'the configuration has errors'; prints 'xp2p-client.toml:14:16: error[XR501]'
run 0 --root broken --format json status; json
has 'd["result"]["roles"][0]["failure"]["kind"] == "configuration" and d["result"]["roles"][0]["live"]["generation"] == 4'
desire broken three.example
run 0 --root broken apply; is_live broken 0005
expect 'a success clears apply.error and the memory' sh -c '! ls broken/.state/apply.error broken/.state/memory-client.json 2>/dev/null'
printf 'port = "x' >>broken/xp2p-client.toml
run 1 --root broken apply; run 0 --root broken render xray --live

# --- strict, missing secrets and files
cp -r r strict
mkdir -p strict/config-client && echo '{}' >strict/config-client/notes.json
run 0 --root strict apply; says 'warning[XR223]'
run 1 --root strict apply --strict; says 'error[XR223]'
sed 's/"canary-change-me"/"env:EDGE_PASSWORD"/' r/xp2p-client.toml >strict/xp2p-client.toml
rm strict/config-client/notes.json
run 0 --root strict check; says 'warning[XR231]'
run 1 --root strict apply; says 'error[XR231]'; is_live strict 0004
EDGE_PASSWORD=canary-other run 0 --root strict apply; is_live strict 0005
printf '%s' "$toml" >strict/xp2p-client.toml
cat >strict/config-client/routing.rules.after-xp2p-managed.json <<'JSON'
{"rules": [{"type": "field", "domain": ["ext:missing.dat:corp"], "outboundTag": "direct"}]}
JSON
run 0 --root strict check; says 'warning[XR236]'
run 1 --root strict apply; says 'error[XR236]'; is_live strict 0005

# --- the engine's own checker
cp -r r checked
printf '#!/bin/sh\n[ ! -e "%s" ] || { echo "no such thing, canary-change-me"; exit 23; }\n' "$scratch/refuse" >engine
chmod 755 engine
printf '[runtime]\nengine = "v2ray"\n\n[paths]\nv2ray = "%s"\n' "$scratch/engine" >checked/config.toml
touch refuse
desire checked refused.example
run 1 --root checked apply; says 'error[XR701]'; says 'no such thing, <secret>'; is_live checked 0004
has 'd["failures"]["client"]["kind"] == "engine_check"' checked/.state/apply.error
state_schema failures checked/.state/apply.error
has 'd["failed"]["engine"].endswith("/engine")' checked/.state/memory-client.json
expect 'a refused generation leaves nothing' test "$(find checked/.state/generations/client -mindepth 1 -maxdepth 1 | wc -l)" = 4
rm refuse
run 0 --root checked apply; silent stderr; is_live checked 0005
has 'd["engine"].endswith("/engine")' checked/.state/generations/client/0005/meta.json
expect 'no secret in what is kept beside xray.json' sh -c \
	'! grep -rl canary checked/audit.log checked/.state --include=*.log --include=meta.json --include=map.json --include=apply.* --include=memory*'

# --- both roles
make_root both
printf '%s' "$server_toml" >both/xp2p-server.toml
run 0 --root both --format json apply; json; has '[r["role"] for r in d["result"]["roles"]] == ["client", "server"]'
before=$(stamp both)
run 0 --root both apply; prints 'client: unchanged'; prints 'server: unchanged'
untouched 'an unchanged apply of both roles' both "$before"
redirect two.example nobody >>both/xp2p-client.toml
printf '\n[logging]\nlevel = "debug"\n' >>both/xp2p-server.toml
printf '\n[server.xray.inbounds.socks]\nport = 51999\n' >>both/xp2p-server.toml
run 1 --root both apply; says 'xrat: client: nothing was published'; prints 'server: published generation 2'
is_live both 0001; is_live both 0002 server
run 1 --root both --format json apply; json stderr
has 'd["error"]["message"].startswith("client: ") and [r["outcome"] for r in d["error"]["roles"]] == ["refused", "unchanged"]' stderr
run 0 --root both server apply; prints 'server: unchanged'
run 0 --root both history; prints client; prints server
run 2 --root both rollback --to 1; says '--role'
run 7 --root both rollback; prints 'server: rolled back to generation 1, was 2'; says 'client: there is no earlier generation'
run 0 --root both --format json status; json

# --- rollback and hold
make_root back
for domain in one two three; do desire back $domain.example; run 0 --root back apply; done
cp back/.state/generations/client/0002/xray.json two.json
run 7 --root back rollback --to 9; says 'generation 9 is not kept'
run 7 --root back --format json rollback --to 9; json stderr; silent stdout
run 2 --root back rollback --to 0
run 2 --root back rollback --to last
run 0 --root back rollback --to 3; prints 'unchanged'
run 0 --root back --format json rollback; json; has 'd["result"]["roles"][0]["generation"] == 2 and d["result"]["changed"]'
is_live back 0002
run 0 --root back render xray --live; expect 'rolled back to the bytes of then' cmp -s stdout two.json
audit_has back '"action":"rollback"'
state_schema audit back/audit.log
state_schema memory back/.state/memory-client.json
run 0 --root back status; prints 'held'; prints "'xrat apply' takes it again"
run 0 --root back --format json status; json; has 'd["result"]["roles"][0]["held"]["since"].endswith("Z")'
run 0 --root back apply; prints 'published generation 4, was 2'
expect 'an explicit apply ends the hold' test ! -e back/.state/memory-client.json
ln -sfn ../generations/client/0001 back/.state/lkg/config-client
run 0 --root back rollback; is_live back 0001
run 0 --root back status; prints 'last known good  generation 1'
run 0 --root back rollback --to 4; is_live back 0004

# --- history: kept generations, damage, names that are none
printf '\n[apply]\nkeep_generations = 2\n' >>back/config.toml
for n in 5 6 7 8; do desire back n$n.example; run 0 --root back apply; done
run 0 --root back history; prints 'live'; prints 'last-known-good'
expect 'two are kept besides live and last known good' test "$(grep -c xray-26.7 stdout)" = 4
echo '{' >back/.state/generations/client/0007/meta.json
mkdir "back/.state/generations/client/not a number" back/.state/generations/client/00009 \
	"back/.state/generations/client/$(printf 'new\nline')" back/.state/generations/client/-1
ln -s / back/.state/generations/client/0099
run 0 --root back history; prints '(meta.json is damaged)'
run 0 --root back --format json history; json
has '[g["generation"] for g in d["result"]["generations"] if g["damaged"]][:1] == [7]'
run 3 --root back rollback --to 7; says 'damaged'; is_live back 0008
run 0 --root back apply; prints 'unchanged'

# --- requests that were waiting when apply published by itself
request=.state/apply.request
v2() { printf '{"version": 2, "requests": {"client": {"id": "%s", "timestamp": "2026-01-01T00:00:00Z", "role": "client"}%s}}' "$1" "${2-}"; }
make_root asked
run 0 --root asked apply
v2 id-one >asked/$request
state_schema requests asked/$request
desire asked one.example
run 0 --root asked --format json apply; json; has 'd["result"]["roles"][0]["outcome"] == "published"'
has 'd["request_id"] == "id-one"' asked/.state/generations/client/0002/meta.json
expect 'the request is answered' test ! -e asked/$request
v2 id-two ', "server": {"id": "id-three", "timestamp": "2026-01-01T00:00:00Z", "role": "server"}' >asked/$request
run 0 --root asked apply; prints 'unchanged'
has 'list(d["requests"]) == ["server"] and d["requests"]["server"]["id"] == "id-three"' asked/$request
v2 id-four >asked/$request
redirect two.example nobody >>asked/xp2p-client.toml
run 1 --root asked apply
has 'd["failures"]["client"]["request_id"] == "id-four" and d["request_id"] == "id-four"' asked/.state/apply.error
desire asked two.example
run 0 --root asked apply --dry-run
expect 'a dry run answers nothing' test -e asked/$request
rm asked/$request
echo '{"id": "v1", "timestamp": "2026-01-01T00:00:00Z", "role": "client"}' >asked/$request
run 0 --root asked apply; expect 'a request of version 1 is answered' test ! -e asked/$request
has 'd["request_id"] == "v1"' asked/.state/generations/client/0003/meta.json
echo '{"id": "v1", "timestamp": "2026-01-01T00:00:00Z", "role": "any"}' >asked/$request
run 0 --root asked apply; has 'list(d["requests"]) == ["server"]' asked/$request
: >asked/$request
run 0 --root asked apply; has 'list(d["requests"]) == ["server"] and len(d["requests"]["server"]["id"]) == 36' asked/$request
state_schema requests asked/$request
for bad in 'not json' '[]' '{"version": 9}' '{"version": 2, "requests": 7}' '{"version": 2, "requests": {"client": {"id": 1}}}'; do
	printf '%s' "$bad" >asked/$request
	run 0 --root asked apply; says 'warning[XR71'
	expect "'$bad' is set aside" test "$(cat asked/$request.corrupt)" = "$bad" -a ! -e asked/$request
done
head -c 100 /dev/zero >asked/$request; run 0 --root asked apply; says 'XR710'
mkdir asked/$request; run 0 --root asked apply; says 'XR710'
ln -s /etc/hostname asked/$request; run 0 --root asked apply; says 'XR710'
for file in apply.error memory-client.json; do
	echo torn >asked/.state/$file
	run 0 --root asked --format json status; json; has 'd["result"]["roles"][0]["diagnostics"][0]["code"] in ("XR713", "XR714")'
	run 0 --root asked apply
done

# --- where the root is, and what it is called
XRAT_ROOT=asked run 0 apply; prints 'unchanged'
ln -s asked linked
run 0 --root linked apply; prints 'unchanged'
desire asked linked.example
run 0 --root linked/ apply; prints 'published'
# shellcheck disable=SC2016 # such a name is meant
for name in 'a b' $'new\nline' "quo'te\"" '-dash' 'ümlaut' '%s%n' '$(id)' '*'; do
	make_root "./$name"
	printf '[runtime]\nengine = "v2ray"\n\n[paths]\nv2ray = "%s"\n' "$scratch/engine" >"./$name/config.toml"
	run 0 --root "$name" apply
	run 0 --root "$name" --format json status; json
	expect "live of '$name' can be read" test -s "./$name/.state/live/config-client/xray.json"
done
make_root fifo && mkfifo fifo/.state && run 3 --root fifo apply
make_root elsewhere && mkdir away && ln -s ../away elsewhere/.state && run 3 --root elsewhere apply
expect 'nothing is written through a link in the place of .state' test -z "$(ls away)"
run 1 --root nowhere apply; run 1 --root nowhere rollback; run 1 --root nowhere history; run 1 --root nowhere status

# --- a directory that cannot be written
as_nobody=()
if [ "$(id -u)" = 0 ]; then as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
if [ "$(id -u)" != 0 ] || have setpriv; then
	chmod 755 "$scratch"
	cp "$XRAT" xrat && chmod 755 xrat
	make_root sealed
	chmod 555 sealed
	"${as_nobody[@]}" ./xrat --root sealed apply >stdout 2>stderr; code=$?
	expect "a root that cannot be written is exit 3, not $code" test $code = 3
	says 'ermission denied'; silent stdout
	"${as_nobody[@]}" ./xrat --root sealed --format json apply >stdout 2>stderr; json stderr
	"${as_nobody[@]}" ./xrat --root sealed apply --dry-run >stdout 2>stderr; code=$?
	expect "a dry run needs no right to write, not $code: $(head -c 300 stderr)" test $code = 0
	"${as_nobody[@]}" ./xrat --root sealed status >stdout 2>stderr; code=$?
	expect "status needs no right to write, not $code" test $code = 0
	chmod 755 sealed
else
	skip 'a root that cannot be written: running as root without setpriv'
fi

# --- what --wait and words do here
run 2 --root r apply --wait soon
run 2 --root r apply now
run 0 --root r apply --wait 5; prints unchanged
if [ -e /dev/full ]; then
	for words in apply 'apply --format json' 'apply --dry-run' history 'history --format json' status 'status --format json'; do
		# shellcheck disable=SC2086 # words
		"$XRAT" --root back $words >/dev/full 2>stderr; code=$?
		expect "a full disk is exit 3 of $words, not $code" test $code = 3
	done
fi

if have flock; then
	wait "$busy"
	cp busy.out stdout; cp busy.err stderr
	expect "a lock held by another is exit 4: $(head -c 300 stderr)" test "$(cat busy.code)" = 4
	json stderr; silent stdout; has "d['error']['code'] == 'busy'" stderr
	says 'holds the lock of the client role'; is_live busy 0001
	kill "$holder" 2>/dev/null; wait "$holder" 2>/dev/null
	until_true 20 flock -n busy/.state/locks/client.lock true || fail 'flock does not let go'
	run 0 --root busy apply; is_live busy 0002
else
	skip 'a lock held by another process: no flock'
fi
finish apply
