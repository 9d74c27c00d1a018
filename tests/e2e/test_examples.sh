#!/usr/bin/env bash
# The examples of docs/examples do what they say: the Ansible playbook in a root of its own, the lines of the CI job in a
# repository of its own.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/e2e/cli.bash
. "$top/tests/e2e/cli.bash"
examples=$top/docs/examples

endpoint='[[client.endpoints]]
hostname = "edge.example.com"
port = 443
user = "alice"
password = "canary-change-me"
server_name = "edge.example.com"
'
redirect() { printf '\n[[client.redirects]]\ndomain = "%s"\noutbound_tag = "%s"\n' "$1" "${2:-proxy-edge-example-com}"; }

# --- the CI job
# The script lines of the only job, in their order.
script_lines() { awk '/^  [a-z_]+:/ { inside = $1 == "script:" } inside && sub(/^    - /, "")' "$1"; }
# ci WANTED-CODE: runs them as a CI does, one after the other until one fails.
ci() {
	local want=$1 code=0 line
	: >out
	while read -r line; do
		PATH="$scratch/bin:$PATH" EDGE_PASSWORD=stand-in sh -c "$line" >>out 2>&1
		code=$?
		[ $code = 0 ] || break
	done < <(script_lines "$examples/ci/gitlab-ci.yml")
	expect "the CI job ends with $code, expected $want: $(head -c 400 out)" test $code = "$want"
}
mkdir -p bin repository/site
ln -s "$XRAT" bin/xrat
cd repository || exit 2
expect 'the CI job has script lines' test "$(script_lines "$examples/ci/gitlab-ci.yml" | wc -l)" = 3
printf '%s' "${endpoint/canary-change-me/env:EDGE_PASSWORD}" >site/xp2p-client.toml
EDGE_PASSWORD=anything "$XRAT" --root site render xray --desired --redact --output reviewed.json || fail 'no reviewed.json'
ci 0
redirect corp.example >>site/xp2p-client.toml
ci 8; expect 'the difference is told' grep -qF "+ rule" out
redirect corp.example nobody >>site/xp2p-client.toml
ci 1; expect 'the fault has its place' grep -qE 'xp2p-client.toml:[0-9]+:[0-9]+: error' out
cd "$scratch" || exit 2

# --- the playbook
if ! have ansible-playbook; then
	skip 'the Ansible playbook: no ansible-playbook'
	finish examples
fi
root=$scratch/host/xrat
mkdir -p files/config-client host && printf "[defaults]\n" >ansible.cfg
printf '%s' "$endpoint" >files/xp2p-client.toml
printf '[runtime]\nengine = "xray"\n\n[paths]\nxray = "/nonexistent/xray"\n' >files/config.toml
printf '{"rules": []}\n' >files/config-client/routing.rules.after-xp2p-managed.json
# play WANTED: ok or failed; the rest are options. The recap's counts are then in $changed and $failed.
play() {
	local want=$1 recap
	shift
	env HOME="$scratch" LC_ALL=C.UTF-8 ANSIBLE_LOCAL_TEMP="$scratch/ansible" ANSIBLE_REMOTE_TEMP="$scratch/ansible" ANSIBLE_NOCOLOR=1 \
		ANSIBLE_HOME="$scratch/ansible" ANSIBLE_CONFIG="$scratch/ansible.cfg" ANSIBLE_PIPELINING=1 timeout 120 ansible-playbook -i localhost, -c local \
		-e xrat_hosts=localhost -e xrat_program="$XRAT" -e xrat_root="$root" -e xrat_files="$scratch/files/" \
		-e ansible_python_interpreter="$(command -v python3)" "$@" "$examples/ansible/apply.yml" >out 2>&1 </dev/null
	recap=$(grep -E '^localhost +:' out)
	changed=$(sed -nE 's/.* changed=([0-9]+).*/\1/p' <<<"$recap") failed=$(sed -nE 's/.* failed=([0-9]+).*/\1/p' <<<"$recap")
	if [ "$want" = ok ]; then
		expect "the playbook succeeds: $(tail -n 12 out | cut -c 1-600)" test "$failed" = 0
	else
		expect "the playbook fails: $(tail -n 12 out | cut -c 1-600)" test "$failed" = 1
	fi
}
live() { readlink "$root/.state/live/config-client" 2>/dev/null | sed 's|.*/||'; }

play ok --check
expect 'a check run of a new host announces a change' test "$changed" = 1
expect 'a check run makes nothing' test -z "$(ls host)"
play ok
expect "the first run changes something, not '$changed'" test "$changed" = 2
expect 'the first run publishes' test "$(live)" = 0001
expect 'desired files are 0600' test "$(stat -c %a "$root/xp2p-client.toml" "$root/config-client" "$root" | tr '\n' ' ')" = '600 700 700 '
play ok
expect "the second run changes nothing, not '$changed'" test "$changed" = 0
expect 'the second run publishes nothing' test "$(live)" = 0001
play ok --check
expect 'a check run of a finished host announces nothing' test "$changed" = 0
redirect corp.example >>files/xp2p-client.toml
play ok --check --diff
expect 'a check run announces the change' test "$changed" = 1
expect 'a check run publishes nothing' test "$(live)" = 0001
play ok
expect 'an edit is published' test "$(live)/$changed" = 0002/2
redirect corp.example nobody >>files/xp2p-client.toml
play failed
expect "the failure has its place: $(tail -n 12 out | cut -c 1-600)" grep -qE 'xp2p-client.toml:14:16: error\[XR501\]' out
expect 'a broken file leaves live alone' test "$(live)" = 0002
play failed
expect 'a broken file fails again though nothing is copied' grep -qF 'XR501' out
play failed --check
expect 'a check run sees the broken file on the host' grep -qF 'XR501' out
expect 'a broken file leaves live alone, still' test "$(live)" = 0002
{ printf '%s' "$endpoint"; redirect corp.example; } >files/xp2p-client.toml
play ok
expect "the mended file is what is live already: $changed" test "$changed/$(live)" = 1/0002
play failed -e xrat_program=/nonexistent/xrat
expect 'a missing program is said' grep -qF 'No such file' out
expect 'no secret in what Ansible prints' sh -c '! grep -q canary out'
finish examples
