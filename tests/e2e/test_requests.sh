#!/usr/bin/env bash
# apply beside a service, whose part is played here: somebody holds service.lock, and the answers are written by hand. What
# is queued, every kind of verdict, a newer request in the place of the one that is waited for, and none at all.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/cli.bash
. "$top/tests/e2e/cli.bash"
if ! have flock; then
	skip 'apply beside a service: no flock'
	finish requests
fi

mkdir r
cat >r/xp2p-client.toml <<'EOT'
[[client.endpoints]]
hostname = "edge.example.com"
port = 443
user = "alice"
password = "change-me"
server_name = "edge.example.com"
EOT
printf '[runtime]\nengine = "xray"\n\n[paths]\nxray = "/nonexistent/xray"\n' >r/config.toml
run 0 --root r apply
request=r/.state/apply.request
service() { # starts the one who holds the lock
	start lock.log flock --no-fork r/.state/locks/service.lock sh -c 'echo held; exec tail -f /dev/null'
	until_true 20 grep -q held lock.log || fail 'flock does not take service.lock'
}
id_of() { sed -nE 's/.*"id": "([^"]*)".*/\1/p' "$request" 2>/dev/null | head -n 1; }
# shellcheck disable=SC2317 # by until_true
is_asked() { [ -n "$(id_of)" ] && [ "$(id_of)" != "${1-}" ]; }
# ask ARGUMENTS...: apply --wait in the background, until its request is there.
ask() {
	rm -f "$request" code
	("$XRAT" --root r "$@" >stdout 2>stderr; echo $? >code) &
	asking=$!
	until_true 20 is_asked || fail 'apply queues no request'
}
verdict() { # WANTED-CODE
	wait "$asking"
	expect "the verdict is $1, not $(cat code): $(head -c 300 stderr)" test "$(cat code)" = "$1"
}
answer() { # KIND REASON DIAGNOSTICS: as the service does, in one step
	cat >error.new <<-JSON
	{"version": 2, "request_id": "$(id_of)", "role": "client", "timestamp": "2026-01-01T00:00:00Z", "reason": "$2", "failures": {"client":
	 {"request_id": "$(id_of)", "role": "client", "timestamp": "2026-01-01T00:00:00Z", "kind": "$1", "reason": "$2", "diagnostics": [${3-}]}}}
	JSON
	mv error.new r/.state/apply.error
}

service
# without --wait
before=$(cd r && find .state/live .state/generations -printf '%P %i %T@\n' | sort)
run 0 --root r apply; prints 'client: queued, live is generation 1, request '
state_schema requests "$request"
expect 'the id is a UUID of version 4' grep -qE '"id": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"' "$request"
expect 'a request is 0600' test "$(stat -c %a "$request")" = 600
expect 'a request is in audit.log' grep -qE '"action":"request".*"request_id":"'"$(id_of)" r/audit.log
first=$(id_of)
run 0 --root r --format json apply; json; has 'd["result"]["changed"] is False and d["result"]["roles"][0]["outcome"] == "queued"'
expect 'a newer request takes the place of an older one' test "$first" != "$(id_of)"
expect 'asking publishes nothing' test "$before" = "$(cd r && find .state/live .state/generations -printf '%P %i %T@\n' | sort)"
run 0 --root r apply --dry-run; prints unchanged
rm "$request"

# no verdict in time
run 4 --root r apply --wait 1; says 'no verdict of the service within 1 s'
run 4 --root r --format json apply --wait=0; json stderr; silent stdout

# what the service may say
ask apply --wait 20
answer configuration 'nothing was published' '{"code": "XR501", "severity": "error", "file": "xp2p-client.toml", "line": 3, "column": 9, "end": {"line": 3, "column": 12}, "message": "there is no outbound", "help": null, "related": []}, {"code": "XR190", "severity": "note", "file": null, "message": "by the way", "help": null, "related": []}'
verdict 1; says 'xp2p-client.toml:3:9: error[XR501]: there is no outbound'; says 'xrat: client: nothing was published'; silent stdout
expect 'notes are for -v' sh -c '! grep -q "by the way" stderr'
ask --format json apply --wait 20
answer engine_check 'refused' '{"code": "XR701", "severity": "error", "file": null, "message": "no", "help": null, "related": []}'
verdict 1; json stderr; has 'd["error"]["diagnostics"][0]["code"] == "XR701"' stderr
ask apply --wait 20; answer engine_died 'ended with status 3'; verdict 5; says 'the engine did not live (ended with status 3); generation 1 is live again'
ask --format json apply --wait 20; answer engine_died 'ended with status 3'; verdict 5; json stderr; has 'd["error"]["code"] == "rolled_back"' stderr
ask apply --wait 20; answer system 'no space left on device'; verdict 3; says 'no space left'
ask apply --wait; rm "$request"; verdict 0; prints 'client: unchanged, generation 1'
ask --format json apply --wait 20
cp -r r/.state/generations/client/0001 r/.state/generations/client/0002
sed -i 's/"generation": 1/"generation": 2/' r/.state/generations/client/0002/meta.json
ln -sfn ../generations/client/0002 r/.state/live/config-client
rm "$request"
verdict 0; json; has 'd["result"]["changed"] is True and d["result"]["roles"][0]["previous"] == 1'

# a newer request in its place: the verdict on that one counts
ask apply --wait 20
old=$(id_of)
run 0 --root r apply
expect 'there is a newer request' is_asked "$old"
answer configuration 'the newer one failed'
verdict 1; says 'the newer one failed'

# the service ends before it has said anything
ask apply --wait 20
kill "$started"; wait "$started" 2>/dev/null
verdict 4; says 'the service ended before it gave a verdict'
run 0 --root r apply
expect 'the next apply answers what waited' test ! -e "$request" -a ! -e r/.state/apply.error
finish requests
