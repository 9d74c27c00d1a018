#!/usr/bin/env bash
# [runtime] engine = "auto": what apply and watch take on machines with no engine, V2Ray alone, Xray of several versions; what
# [paths] names and is not there; what needs Xray and has none; one engine in the place of another under the service.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/cli.bash
. "$top/tests/e2e/cli.bash"
fake=$build/tests/fake_engine

# A machine is a directory with programs; PATH is that and nothing else.
machine=$scratch/bin
mkdir "$machine" programs
for tool in sh cat timeout; do ln -s "$(command -v "$tool")" "$machine/$tool"; done
ask_on() { PATH=$machine run "$@"; }
# program NAME WORDS...: says WORDS when asked for its version, and is the fake engine otherwise.
# shellcheck disable=SC2016 # for the shell of that script
program() {
	printf '#!/bin/sh\n[ "$1" != -version ] || { echo "%s"; exit 0; }\nexec "%s" "$@"\n' "${*:2}" "$fake" >"programs/$1"
	chmod 755 "programs/$1"
}
installed() { cp "programs/$1" "$machine/.$2" && mv "$machine/.$2" "$machine/$2"; }
program v2ray 'V2Ray 4.34.0 (V2Fly, a community-driven edition of V2Ray.) Custom (go1.16 linux/amd64)'
program xray 'Xray 26.7.28 (Xray, Penetrates Everything.) Custom (go1.24 linux/amd64)'
program xray-26.3 'Xray 26.3.1 (Xray, Penetrates Everything.) Custom (go1.24 linux/amd64)'
program xray-25 'Xray 25.1.1 (Xray, Penetrates Everything.) Custom (go1.24 linux/amd64)'
program xray-silent 'what?'

read -r port upstream < <(free_ports 2)
cat >client.toml <<EOT
[client]
allow_direct = true
[[client.endpoints]]
link = "socks://127.0.0.1:$upstream#upstream"
[client.xray.inbounds.socks]
port = $port
[client.xray.inbounds.dokodemo]
enabled = false
EOT
make_root() { mkdir -p "$1" && cp client.toml "$1/xp2p-client.toml"; }
meta() { echo "$1/.state/live/config-client/meta.json"; }
is_for() { # ROOT TARGET PROGRAM: of what is live
	has "d['target'] == '$2' and d['engine'].endswith('/$3')" "$(meta "$1")"
}
untouched() { expect "$1 leaves live alone" test "$(readlink r/.state/live/config-client)" = "$2"; }

# --- what is taken
make_root r
ask_on 0 --root r apply; is_for r builtin xrat-engine; says "engine 'auto' is builtin here"; prints 'generation 1 (builtin)'
ask_on 0 --root r apply; prints 'unchanged, generation 1 (builtin)'; silent stderr
ask_on 0 --root r render xray --desired; cp stdout alone.json
ask_on 0 --root r check; cp stderr alone.check
ask_on 8 --root r diff --exit-code; cp stdout alone.diff
installed v2ray v2ray
ask_on 0 --root r apply --dry-run; prints 'would publish in place of generation 1 (v2ray-4.34)'
ask_on 0 --root r --format json apply; json; is_for r v2ray-4.34 bin/v2ray
has 'd["result"]["roles"][0]["target"] == "v2ray-4.34" and d["result"]["roles"][0]["engine"].endswith("/bin/v2ray")'
installed xray xray
ask_on 0 --root r apply; is_for r xray-26.7 bin/xray; silent stderr
for what in 'render xray --desired' check; do
	# shellcheck disable=SC2086 # words
	ask_on 0 --root r $what
	case $what in check) expect 'check looks at no engine' cmp -s stderr alone.check ;;
	*) expect 'render looks at no engine' cmp -s stdout alone.json ;; esac
done
expect 'what is live is what render showed' cmp -s alone.json r/.state/live/config-client/xray.json
ask_on 0 --root r diff --exit-code; expect 'diff is about the default target' test -s alone.diff
installed xray-26.3 xray; ask_on 0 --root r apply; is_for r xray-26.2 bin/xray; says "engine 'auto' is xray-26.2 here"
installed xray-silent xray; ask_on 0 --root r apply; is_for r xray-26.7 bin/xray
printf '[runtime]\nengine_version = "26.4"\n' >r/config.toml
ask_on 0 --root r apply; is_for r xray-26.2 bin/xray
rm r/config.toml
installed xray-25 xray
ask_on 1 --root r apply; says 'XR645'; says "is xray 25.1.1"; says "set [runtime] engine to 'builtin'"
rm "$machine/xray" "$machine/v2ray"
ask_on 0 --root r apply; is_for r builtin xrat-engine
last=$(readlink r/.state/live/config-client)
ask_on 0 --root r apply --target xray-26.7; has "d['target'] == 'xray-26.7' and d['engine'] == ''" "$(meta r)"; says 'no engine was found'; says "'builtin' comes with xrat"
ask_on 0 --root r rollback; is_for r builtin xrat-engine; untouched 'a rollback over a change of engines' "$last"
installed xray xray; ask_on 0 --root r apply; is_for r xray-26.7 bin/xray
ask_on 0 --root r --format json rollback; json; rm "$machine/xray"
ask_on 0 --root r rollback --to 9; says "made for 'xray', which is not on this machine now"

# --- what [paths] names is meant: nothing else runs in its place
mkdir programs/directory
echo 'no program' >programs/text
installed v2ray v2ray
last=$(readlink r/.state/live/config-client)
for path in "$scratch/programs/gone" "$scratch/programs/directory" "$scratch/programs/text" xray-of-another-name; do
	printf '[paths]\nxray = "%s"\n' "$path" >r/config.toml
	ask_on 3 --root r apply; says "config.toml:2:8: [paths] xray names '$path', which is no program"; silent stdout
	ask_on 3 --root r --format json apply; json stderr
	ask_on 3 --root r apply --dry-run
done
untouched 'a wrong path' "$last"
printf '\n[[client.redirects]]\ndomain = "a.example"\noutbound_tag = "nobody"\n' >>r/xp2p-client.toml
ask_on 1 --root r apply; says XR501
cp client.toml r/xp2p-client.toml
printf '[paths]\nxray = "%s"\nv2ray = "/nowhere"\n' "$scratch/programs/xray" >r/config.toml
ask_on 0 --root r apply; is_for r xray-26.7 programs/xray
printf '[paths]\nv2ray = "/nowhere"\n' >r/config.toml
ask_on 3 --root r apply; says "[paths] v2ray names '/nowhere'"
printf '[runtime]\nengine = "xray"\n' >r/config.toml
ask_on 0 --root r apply --target v2ray-4.34
rm "$machine/v2ray"
ask_on 0 --root r apply; says "no engine was found"; says "'builtin' comes with xrat"
ask_on 1 --root r check --exec; says XR702; says "'builtin' comes with xrat"
printf '[runtime]\nengine = "builtin"\n' >r/config.toml
ask_on 0 --root r apply; is_for r builtin xrat-engine; silent stderr
rm r/config.toml

# --- needs xray, at each place that does
make_root needs
mkdir -p needs/config-client
cat >>needs/xp2p-client.toml <<'EOT'
[[client.endpoints]]
link = "trojan://change-me@edge.example.com:443"
EOT
cat >needs/config-client/outbounds.append.json <<'EOT'
{"outbounds": [
  {"tag": "tunnel", "protocol": "wireguard", "settings": {"secretKey": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
  {"tag": "mine", "protocol": "freedom", "settings": {}, "sendThrogh": "127.0.0.1"},
  {"tag": "other", "protocol": "freedom", "settings": {"domainStratgy": "UseIP"}, "mux": {"enabled": true}}
]}
EOT
ask_on 1 --root needs apply
says "xp2p-client.toml:10:8: error[XR601]: needs xray: protocol trojan"
says 'outbounds.append.json:2:33: error[XR658]: needs xray: '
says 'outbounds.append.json:4:83: error[XR413]: needs xray: '
says "error[XR413]: unknown key 'sendThrogh'"
expect 'an unknown key needs no engine, but a look' test "$(grep -c 'needs xray' stderr)" = 3
expect 'each says how to get there' test "$(grep -c "install xray, or name its program as 'xray' in \[paths\] of config.toml" stderr)" = 3
ask_on 1 --root needs --format json apply; json stderr
has 'sum(x["message"].startswith("needs xray: ") for x in d["error"]["diagnostics"]) == 3' stderr
has 'any("needs xray: " in x["message"] for x in d["failures"]["client"]["diagnostics"])' needs/.state/apply.error
printf '[runtime]\nengine = "builtin"\n' >needs/config.toml
ask_on 1 --root needs apply
expect 'who chose builtin is told what it lacks' sh -c '! grep -q "needs xray" stderr && grep -q XR601 stderr'

# --- under the service
if [ ! -x "$fake" ]; then
	skip 'auto under the service: no build/*/tests/fake_engine'
	finish auto
fi
make_root s
printf '[apply]\nprove_seconds = 1\n' >s/config.toml
on_machine() { PATH=$machine "$XRAT" --root s "$@" 2>&1; }
engine_is() { on_machine --format json status | grep -q "\"target\": \"$1\""; }
# shellcheck disable=SC2317 # by until_true
proved() { [ -e s/.state/lkg/config-client ] && [ "$(readlink s/.state/live/config-client)" = "$(readlink s/.state/lkg/config-client)" ]; }
# shellcheck disable=SC2317
said() { grep -qF -- "$1" service.log; }
start service.log env PATH="$machine" "$XRAT" --root s watch
service=$started
until_true 30 proved || fail "the embedded engine was not proved: $(tail -n 5 service.log)"
is_for s builtin xrat-engine
expect 'the service says which engine it took' said "engine 'auto' is builtin here"
expect 'the embedded engine listens' port_open "$port"
installed xray xray
ask_on 0 --root s apply --wait 30; prints 'published generation 2, was 1 (xray-26.7)'
is_for s xray-26.7 bin/xray
expect 'Xray took its place and was proved' until_true 20 proved
expect 'one engine listens' port_open "$port"
# one that does not live: back to what did
# shellcheck disable=SC2016
printf '#!/bin/sh\n[ "$1" != -version ] || { echo "Xray 26.2.6"; exit 0; }\n[ "$2" != -test ] || exit 0\nexit 1\n' >programs/dies
chmod 755 programs/dies
installed dies xray
ask_on 5 --root s apply --wait 40; says 'is live again'
expect 'live is the last known good' test "$(readlink s/.state/live/config-client)" = ../generations/client/0002
# away with it: builtin again; a wrong path under the service keeps what runs
rm "$machine/xray"
ask_on 0 --root s apply --wait 30; is_for s builtin xrat-engine
until_true 20 proved || fail 'builtin was not proved again'
last=$(readlink s/.state/live/config-client)
printf '[apply]\nprove_seconds = 1\n[paths]\nxray = "/nowhere"\n' >s/config.toml
expect 'the service names the wrong path' until_true 20 said "[paths] xray names '/nowhere', which is no program"
expect 'and keeps what runs' test "$(readlink s/.state/live/config-client)" = "$last" -a "$(engine_is builtin; echo $?)" = 0
ask_on 3 --root s apply --wait 10; says '/nowhere'
printf '[apply]\nprove_seconds = 1\n[runtime]\nengine = "v2ray"\n' >s/config.toml
expect 'an engine by name that is missing: an error with a hint' \
	until_true 20 said "no 'v2ray' on PATH or in [paths] of config.toml; install it, or set [runtime] engine to 'builtin'"
expect 'the service ends well' sh -c "kill $service"
wait "$service" || fail 'the service ended badly'

# --- what is live was made for a program that [paths] named, and it is gone: none on PATH takes its place
cp programs/xray programs/named
printf '[apply]\nprove_seconds = 1\n[paths]\nxray = "%s"\n' "$scratch/programs/named" >s/config.toml
ask_on 0 --root s apply; is_for s xray-26.7 programs/named
rm programs/named
installed xray xray
start service.log env PATH="$machine" "$XRAT" --root s watch
service=$started
expect 'the service names the wrong path' until_true 20 said "[paths] xray names '$scratch/programs/named', which is no program"
expect 'and the engine that is gone' until_true 20 said "there is no 'xray' for generation"
expect 'nothing listens' sh -c "! grep -q 'engine running' service.log"
rm s/config.toml
expect 'once it is not named any more, the one on PATH runs' until_true 20 engine_is xray-26.7
is_for s xray-26.7 bin/xray
kill "$service"
wait "$service" || fail 'the service ended badly'
finish auto
