#!/usr/bin/env bash
# debug bundle: no planted secret leaves the machine in any encoding, the bytes depend on the content alone, and neither a
# broken configuration nor a hostile tree stops it or leads it out of CONFIG_ROOT.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$scratch" || exit 2
export LC_ALL=C HOME=$scratch
unset XRAT_ROOT XP2P_CONFIG_ROOT XDG_CONFIG_HOME XRAT_LOG_ROOT XP2P_LOG_ROOT
umask 022

# run WANTED-CODE ARGUMENTS...: leaves stdout and stderr in files of that name.
run() {
	local want=$1 code
	shift
	timeout 120 "$XRAT" "$@" >stdout 2>stderr </dev/null
	code=$?
	if [ "$code" = "$want" ]; then pass; else fail "xrat $* ended with $code, expected $want: $(head -c 400 stderr)"; fi
}
says() { expect "stderr says '$1': $(head -c 300 stderr)" grep -qF -- "$1" stderr; }
unpack() { rm -rf out && mkdir out && python3 -m zipfile -e "$1" out; }
has() { expect "$1 has '$2'" grep -qrF -- "$2" "out/$1"; }
has_not() { if grep -qrF -- "$2" "out/$1"; then fail "$1 has '$2'"; else pass; fi; }
problem() { # NAME PART-OF-REASON
	expect "the manifest names '$1': $2" python3 - "$1" "$2" <<-'PY'
	import json, sys
	found = [p for p in json.load(open("out/manifest.json"))["problems"] if p["name"] == sys.argv[1] and sys.argv[2] in p["reason"]]
	sys.exit(not found)
	PY
}

cat >canaries.py <<'PY'
# canaries.py ARCHIVE SECRET...: every form of every secret, in the members and in the archive's own bytes.
import base64, json, sys, urllib.parse, zipfile
archive, secrets = sys.argv[1], sys.argv[2:]
texts = {"(raw)": open(archive, "rb").read()}
with zipfile.ZipFile(archive) as z:
    texts.update({n: z.read(n) for n in z.namelist()})
def forms(s):
    b = s.encode()
    yield from (b, b.hex().encode(), b.hex().upper().encode())
    quoted = urllib.parse.quote(s, safe="")
    yield from (quoted.encode(), quoted.lower().encode(), urllib.parse.quote_plus(s).encode())
    text = json.dumps(s)[1:-1]
    yield from (text.encode(), text.replace("/", "\\/").encode(), json.dumps(text)[1:-1].encode())
    yield "".join("\\u%04x" % ord(c) for c in s).encode()
    for shift in range(3): # what does not depend on the neighbours
        coded = base64.b64encode(b"\0" * shift + b)
        core = coded[-(-shift * 8 // 6):(shift + len(b)) * 8 // 6]
        yield from (core, core.replace(b"+", b"-").replace(b"/", b"_"))
searches = found = 0
for s in secrets:
    for form in set(forms(s)):
        for name, text in texts.items():
            searches += 1
            if form in text:
                found += 1
                print("FOUND", form, "of", s, "in", name)
print(f"bundle: {len(secrets)} secrets, {searches} searches, {found} found")
sys.exit(found != 0)
PY
clean() { expect "no secret in $1: $(python3 canaries.py "$@" | grep FOUND | head -n 3)" python3 canaries.py "$@"; }

# --- a root with a secret in every place ---
mkdir -p root/config-client root/.state/generations/client/0001 root/.state/generations/client/0002 root/.state/live \
	root/.state/lkg root/logs
cat >root/xp2p-client.toml <<'TOML'
# the old one was canary-comment-0
[client]
[[client.endpoints]]
hostname = "edge.example.net"
ips = ["198.51.100.7"]
port = 443
password = "canary/toml \"1\"+?"
[[client.endpoints]]
tag = "proxy-two"
link = "trojan://canary-link-4@192.0.2.7:443?sni=edge.example.net#two"
[[client.endpoints]]
hostname = "three.example.net"
ips = ["198.51.100.8"]
port = 443
password = { env = "CANARY_ENV" }
[[client.xray.inbounds.socks.users]]
user = "alice"
password = { file = "alice.secret" }
TOML
printf 'canary-file-3\n' >root/alice.secret
cat >root/config-client/outbounds.append.json <<'JSON'
{ "outbounds": [ { "tag": "mine", "protocol": "socks", "settings": { "servers": [ { "address": "192.0.2.1", "port": 1080,
  "users": [ { "user": "u", "pass": "canary-snippet-5" } ] } ] } } ] } // canary-comment-9
JSON
cat >root/.state/generations/client/0002/xray.json <<'JSON'
{"outbounds": [{"tag": "a", "protocol": "trojan", "settings": {"servers": [{"address": "h", "port": 1, "password": "canary-live-6"}]}}]}
JSON
sed 's/canary-live-6/canary-older-7/' root/.state/generations/client/0002/xray.json >root/.state/generations/client/0001/xray.json
for g in 1 2; do echo "{\"generation\": $g}" >root/.state/generations/client/000$g/meta.json; done
ln -s ../generations/client/0002 root/.state/live/config-client
ln -s ../generations/client/0001 root/.state/lkg/config-client
cat >root/.state/apply.error <<'JSON'
{"version": 2, "reason": "xp2p-client.toml:3: password = \"canary-error-8\"", "note": "canary\/toml \"1\"+? and \"canary\\/toml \\\"1\\\"+?\""}
JSON
echo '{"time": "2026-01-01T00:00:00Z", "action": "publish", "detail": "canary-snippet-5"}' >root/audit.log
python3 - >root/logs/engine-client.err.log <<'PY'
import base64, urllib.parse
s = 'canary/toml "1"+?'
print("rejected", s, urllib.parse.quote(s, safe=""), urllib.parse.quote_plus(s).lower(), s.encode().hex())
for before in ("", "x", "xy", "aes-128-gcm:"):
    print("ss://" + base64.urlsafe_b64encode((before + s + "@h").encode()).decode(), base64.b64encode((before + "canary-env-2").encode()).decode())
print("from generation 1: canary-older-7; https://bob:canary-url-10@h.example/?token=canary-token-11")
print("user 11111111-2222-4333-8444-555555555555 is unknown")
PY
secrets=('canary/toml "1"+?' canary-env-2 canary-file-3 canary-link-4 canary-snippet-5 canary-live-6 canary-older-7 canary-error-8
	canary-url-10 canary-token-11 11111111-2222-4333-8444-555555555555 canary-comment-0 canary-comment-9)
export CANARY_ENV=canary-env-2

run 0 --root root debug bundle --output one.zip
clean one.zip "${secrets[@]}"
python3 canaries.py one.zip "${secrets[@]}" | tail -n 1
unpack one.zip
for f in client/xp2p-client.toml client/snippets/outbounds.append.json client/live/xray.json client/live/meta.json \
	client/lkg/xray.json client/generations/0001/meta.json client/check.txt client/check.json client/diff.txt client/diff.json \
	client/status.txt client/status.json state/apply.error audit.log logs/engine-client.err.log versions.json listeners.json \
	manifest.json; do
	expect "$f is in the archive" test -f "out/$f"
done
has client/xp2p-client.toml 'hostname = "edge.example.net"'
has client/xp2p-client.toml 'CANARY_ENV'
has client/live/xray.json '"tag": "a"'
has logs 'from generation 1: <secret-'
expect 'mode of the archive is 0600' test "$(stat -c %a one.zip)" = 600

# the same content: the same bytes, in another time zone, with another umask. Listeners of others may change meanwhile.
same=1
for _ in 1 2 3 4 5; do
	run 0 --root root debug bundle --output one.zip
	(umask 0 && TZ=Asia/Tokyo "$XRAT" --root root debug bundle --output two.zip >stdout 2>stderr </dev/null)
	cmp -s one.zip two.zip && same=0 && break
done
expect 'two runs give the same bytes' test $same = 0
expect 'names, times and modes' python3 - one.zip <<'PY'
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
names = z.namelist()
assert len(names) == len(set(names)) and names[-1] == "manifest.json", names
for i in z.infolist():
    assert i.date_time == (1980, 1, 1, 0, 0, 0), i
    assert i.external_attr >> 16 == 0o100600, i
    assert not i.filename.startswith("/") and ".." not in i.filename.split("/"), i
PY
expect 'the manifest describes the members' python3 - one.zip <<'PY'
import hashlib, json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
m = json.loads(z.read("manifest.json"))
assert [f["name"] for f in m["files"]] == z.namelist()[:-1]
for f in m["files"]:
    b = z.read(f["name"])
    assert f["size_bytes"] == len(b) and f["sha256"] == hashlib.sha256(b).hexdigest(), f
assert m["masked"] and m["masked_values"] >= 10
PY

# --- with secrets ---
run 2 --root root debug bundle --output clear.zip --with-secrets
says 'there is no terminal'
expect 'nothing was written' test ! -e clear.zip
run 0 --root root debug bundle --output clear.zip --with-secrets --yes
unpack clear.zip
has logs canary-older-7
expect 'mode of the archive is 0600' test "$(stat -c %a clear.zip)" = 600
cat >answer.py <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
said = b""
while b"[y/N]" not in said:
    said += os.read(fd, 1024)
os.write(fd, sys.argv[1].encode() + b"\n")
try:
    while os.read(fd, 1024):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
rm clear.zip
timeout 60 python3 answer.py n "$XRAT" --root root debug bundle --output clear.zip --with-secrets
expect 'no: nothing is written' test $? = 2 -a ! -e clear.zip
timeout 60 python3 answer.py y "$XRAT" --root root debug bundle --output clear.zip --with-secrets
expect 'yes: it is written' test $? = 0 -a -s clear.zip

# --- broken configurations ---
cp -r root broken
cat >>broken/xp2p-client.toml <<'TOML'
[[client.endpoints]]
password = canary-broken-12
name "canary-broken-13"
user = "canary-broken-14
TOML
printf '{ "dns": { "tag": "x", "servers": [ { "pass": "canary-broken-15" \n "canary-broken-16" } ]' >broken/config-client/dns.json
run 0 --root broken debug bundle --output broken.zip
clean broken.zip "${secrets[@]}" canary-broken-12 canary-broken-13 canary-broken-14 canary-broken-15 canary-broken-16
unpack broken.zip
has client/xp2p-client.toml 'hostname = "edge.example.net"'
has client/check.txt 'error['

# --- what is missing ---
mkdir -p empty bare
run 0 --root empty debug bundle --output empty.zip
unpack empty.zip
expect 'versions of an empty root' test -f out/versions.json
printf '[client]\n' >bare/xp2p-client.toml
run 0 --root bare debug bundle --output bare.zip
run 1 --root nowhere debug bundle --output nowhere.zip
says 'init'
run 3 --root bare debug bundle --output no/such/directory/x.zip
run 2 --root bare debug bundle
run 2 --root bare debug something --output x.zip
cp -r root both
printf '[server]\n' >both/xp2p-server.toml
run 0 --root both --format json debug bundle --output both.zip
expect 'one for each role' test -f both-client.zip -a -f both-server.zip -a ! -e both.zip
expect 'JSON result' python3 - <<'PY'
import json
b = json.load(open("stdout"))["result"]["bundles"]
assert [x["role"] for x in b] == ["client", "server"] and all(x["masked"] for x in b) and "manifest.json" in b[0]["files"]
PY
clean both-client.zip "${secrets[@]}"
clean both-server.zip "${secrets[@]}"
run 0 --root both --role server debug bundle --output both.zip
expect 'one role, one archive' test -f both.zip

# an output that is a link is replaced, not followed
echo precious >target
ln -s target link.zip
run 0 --root bare debug bundle --output link.zip
expect 'the target of a link in its place is untouched' test "$(cat target)" = precious -a ! -L link.zip
if [ "$(id -u)" = 0 ]; then
	skip 'unreadable files and directories: root reads all'
else
	cp -r root locked
	chmod 0 locked/config-client/outbounds.append.json
	mkdir -m 500 closed
	run 0 --root locked debug bundle --output locked.zip
	unpack locked.zip
	problem config-client/outbounds.append.json 'ermission denied'
	run 3 --root bare debug bundle --output closed/x.zip
fi

# --- what is in the way: FIFOs, directories, links, much of it ---
mkdir outside
printf '{ "dns": { "tag": "canary-outside-20" } }\n' >outside/dns.json
cp outside/dns.json outside/engine-client.out.log
cp -r root odd
mkfifo odd/config-client/policy.json odd/logs/engine-client.out.log odd/.state/apply.request odd/config.toml
mkdir odd/config-client/observatory.json
ln -s "$scratch/outside/dns.json" odd/config-client/dns.json
ln -s ../../outside/dns.json odd/config-client/balancers.append.json
mkdir odd/data
printf '{ "inbounds": [] }\n' >odd/data/inbounds.json
ln -s ../data/inbounds.json odd/config-client/inbounds.append.json
ln -s "$scratch/outside/dns.json" odd/audit.log.1
ln -s ../outside odd/.state/extra
ln -sfn "$scratch/outside" odd/.state/lkg/config-client
head -c 17825792 /dev/zero | tr '\0' ' ' >odd/config-client/routing.rules.after-xp2p-system.json
python3 - >odd/logs/service.log <<'PY'
for i in range(60000):
    print("2026-01-01T00:00:00Z line", i, "of a service that says much, canary-env-2" + " and more" * 4)
PY
run 0 --root odd debug bundle --output odd.zip
clean odd.zip "${secrets[@]}" canary-outside-20
unpack odd.zip
problem config-client/policy.json 'not a regular file'
problem config-client/observatory.json 'a directory'
problem config-client/dns.json 'a symbolic link to'
problem config-client/balancers.append.json 'leads out'
problem config-client/routing.rules.after-xp2p-system.json 'larger than'
problem engine-client.out.log 'not a regular file'
problem audit.log.1 'symbolic link'
problem .state/lkg/config-client 'not a link to a generation'
has client/snippets/inbounds.append.json '"inbounds"'
expect 'the end of a long log, from the start of a line' python3 - <<'PY'
t = open("out/logs/service.log").read()
assert 500_000 < len(t) <= 1 << 20 and t.startswith("2026-01-01T00:00:00Z line ") and "line 59999 " in t
PY
run 0 --root odd debug bundle --output odd.zip --with-secrets --yes
expect 'nothing from outside even with secrets' bash -c '! python3 canaries.py odd.zip canary-outside-20 | grep -q FOUND'

# XRAT_LOG_ROOT
mkdir elsewhere
echo 'told elsewhere' >elsewhere/engine-client.err.log
XRAT_LOG_ROOT=$scratch/elsewhere run 0 --root root debug bundle --output logs.zip
unpack logs.zip
has logs 'told elsewhere'
has_not logs 'from generation'

# --- a racing swapper gets nothing out ---
cp -r root race
cat >swap.py <<'PY'
# Puts links that lead outside in the place of files and directories, and the real ones back, as fast as it can.
import os, sys
root, outside = sys.argv[1:]
pairs = [("config-client/dns.json", outside + "/dns.json"), ("config-client", outside), ("logs", outside),
         (".state/live/config-client", outside), (".state/generations/client/0002", outside), ("audit.log", outside + "/dns.json")]
for path, target in pairs:
    path = root + "/" + path
    if not os.path.lexists(path):
        open(path, "w").write("{}")
    os.symlink(target, root + "/.link-" + path.replace("/", "_"))
n = 0
print("ready", flush=True)
while True:
    for path, _ in pairs:
        path = root + "/" + path
        link = root + "/.link-" + path.replace("/", "_")
        try:
            os.rename(path, path + ".away")
            os.rename(link, path)
            os.rename(path, link)
            os.rename(path + ".away", path)
        except OSError:
            pass
PY
start swap.log python3 swap.py race "$scratch/outside"
swapper=$started
until_true 20 grep -q ready swap.log
escapes=0 opens=0 met=0
for _ in $(seq 25); do
	timeout 120 "$XRAT" --root race debug bundle --output race.zip --with-secrets --yes >stdout 2>stderr </dev/null
	[ -e race.zip ] || continue
	opens=$((opens + 1))
	if python3 -c 'import zipfile; print(zipfile.ZipFile("race.zip").read("manifest.json").decode())' | grep -E 'leads out|symbolic link' >found; then met=$((met + 1)); fi
	if python3 canaries.py race.zip canary-outside-20 | grep -q FOUND; then escapes=$((escapes + 1)); fi
	rm -f race.zip
done
kill "$swapper"
echo "bundle: $opens archives against a link swapper, $met of them met a link in the place of a file, $escapes escapes"
expect "$escapes escapes" test "$escapes" = 0
expect 'archives were written meanwhile' test "$opens" -gt 0

# --- 10,000 users ---
mkdir -p many/logs
python3 - <<'PY'
import random
random.seed(1)
word = lambda: "%030x" % random.getrandbits(120)
rows = [("u%d@example.org" % i, "pw-" + word(), "old-" + word()) for i in range(10000)]
with open("many/xp2p-server.toml", "w") as f:
    f.write('[server]\nhost = "edge.example.net"\ncertificate = "/c"\nkey = "/k"\n')
    for label, now, old in rows:
        f.write(f'[[server.users]]\nuser_label = "{label}"\nactive_credential = "{now}"\nprevious_credential_for_rotation = "{old}"\n')
with open("many/logs/engine-server.err.log", "w") as f:
    for i, (label, now, old) in enumerate(rows[:2000]):
        f.write(f"2026/01/01 12:00:00 {label} rejected %2f \\\"x\\\" {old if i % 3 else now}\n")
open("sample", "w").write("\n".join(s for r in rows[::100] for s in r[1:]))
PY
run 0 --root many debug bundle --output many.zip
mapfile -t sample <sample
clean many.zip "${sample[@]}"
expect 'every credential is counted' python3 - <<'PY'
import json, zipfile
m = json.loads(zipfile.ZipFile("many.zip").read("manifest.json"))
assert m["masked_values"] >= 20000, m["masked_values"]
PY
finish bundle
