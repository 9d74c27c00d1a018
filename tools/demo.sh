#!/usr/bin/env bash
# make demo: from an empty directory to a proxy that a service keeps running; then edits while it runs: a good one, a broken
# one, and one whose engine cannot live. It needs no engine but the one that comes with xrat; where v2ray is installed that one
# is used (DEMO_ENGINE=builtin or v2ray chooses). Everything stays on this machine: a web server on 127.0.0.2, an upstream
# proxy on 127.0.0.1, ports that are free at the moment, files in a temporary directory. Exits 0 only if each step did what
# it says.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"
cd "$top" || exit 2
root=$scratch/root
bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

# --- how it tells its story ---
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
give_up() {
	printf '\nthe demo stops here: %s\n' "$*"
	[ ! -e "$scratch/service.log" ] || service_says
	exit 1
}
# Without the paths of this run and the middle of very long lines.
tidy() { sed -E "s|$scratch/||g; s/^(.{100}).{20,}(.{80})$/\1 [...] \2/"; }
# Shows a command as an operator would type it, and runs it.
run() {
	{ printf '$'; printf ' %s' "${@@Q}"; echo; } | sed "s|$scratch/||g; s/'\([A-Za-z0-9_.:/=-]*[A-Za-z0-9_.:/=-]\)'/\1/g"
	"$@" 2>&1 | tidy
	return "${PIPESTATUS[0]}"
}
clean=(env -i "HOME=$scratch" LC_ALL=C.UTF-8 PATH=/usr/bin:/bin)
xrat() { "${clean[@]}" "$XRAT" "$@"; }
export -f xrat
put() { printf '%s\n' "$2" >"$snippets/$1"; printf '%-43s %s\n' "$1" "$2"; }
# The starter file has every key as a comment in its section; an operator takes the mark away and writes another value.
set_key() { # file, section, key, value
	awk -v section="[$2]" -v key="$3" -v value="$4" '
		$0 == section { print; inside = seen = 1; next }
		/^\[/ { if (inside && !done) { print key " = " value; done = 1 } inside = 0 }
		inside && !done && $0 ~ "^#? ?" key " = " { print key " = " value; done = 1; next }
		{ print }
		END { if (!seen) print "[" substr(section, 2, length(section) - 2) "]"; if (!done) print key " = " value }
	' "$1" >"$scratch/edited.toml" && mv "$scratch/edited.toml" "$1"
	printf '%-16s [%s] %s = %s\n' "${1##*/}" "$2" "$3" "$4" | sed "s|$scratch/||"
}

# --- what it looks at ---
live() { readlink "$root/.state/live/config-client"; }
proved() { [ -n "$(live)" ] && [ "$(readlink "$root/.state/lkg/config-client")" = "$(live)" ]; }
engine_state() { xrat --root "$root" status 2>/dev/null | grep -q "^  engine  *$1 "; }
said=0
# What the service has said on stderr since the last time; said_since PATTERN looks for something in it.
said_since() { tail -c "+$((said + 1))" "$scratch/service.log" | grep -qE -- "$1"; }
service_says() {
	local size
	size=$(stat -c %s "$scratch/service.log")
	echo 'the service says:'
	head -c "$size" "$scratch/service.log" | tail -c "+$((said + 1))" | tidy | sed 's/^/  | /'
	said=$size
}
fetch() { # what it goes through, curl's arguments
	local page
	page=$(run curl -fsS -m 20 "${@:2}")
	echo "$page"
	grep -q 'hello from behind the proxy' <<<"$page" || give_up "the page did not arrive through $1"
}
through_socks() { fetch 'the SOCKS inbound' --noproxy '' --socks5-hostname "127.0.0.1:$socks" "http://intranet.example:$web/"; }

[ -x "$XRAT" ] || give_up "no program '$XRAT', run make"
if have v2ray; then DEMO_ENGINE=${DEMO_ENGINE:-v2ray}; else DEMO_ENGINE=${DEMO_ENGINE:-builtin}; fi
case $DEMO_ENGINE in
v2ray)
	have v2ray || give_up 'v2ray is not installed; without it, DEMO_ENGINE=builtin'
	target=v2ray-4.34 checker='v2ray -test' upstream=(v2ray -config "$scratch/upstream.json") ;;
builtin) target=builtin checker='xrat engine check' upstream=("$XRAT" engine run -c "$scratch/upstream.json") ;;
*) give_up "DEMO_ENGINE is '$DEMO_ENGINE', allowed are builtin and v2ray" ;;
esac
read -r web up socks dokodemo forward api office lab < <(free_ports 8)

step 'a web server and an upstream proxy, both on this machine'
mkdir "$scratch/www"
echo 'hello from behind the proxy' >"$scratch/www/index.html"
start "$scratch/web.log" python3 -m http.server "$web" --bind 127.0.0.2 --directory "$scratch/www"
cat >"$scratch/upstream.json" <<JSON
{"log": {"loglevel": "warning", "access": "$scratch/upstream.access"},
 "dns": {"hosts": {"intranet.example": "127.0.0.2"}, "servers": ["localhost"]},
 "inbounds": [{"listen": "127.0.0.1", "port": $up, "protocol": "socks", "settings": {"auth": "noauth", "udp": true}}],
 "outbounds": [{"protocol": "freedom", "settings": {"domainStrategy": "UseIP"}}]}
JSON
start "$scratch/upstream.log" "${upstream[@]}"
until_true 20 port_open "$up" || give_up "the upstream proxy does not listen: $(tail -n 3 "$scratch/upstream.log")"
until_true 20 curl -fs --noproxy '*' -o /dev/null "http://127.0.0.2:$web/" || give_up 'the web server does not answer'
echo "web server on 127.0.0.2:$web, upstream SOCKS server on 127.0.0.1:$up"

step 'a client root from the templates'
run xrat --root "$root" --role client init --from "socks://127.0.0.1:$up#upstream" || give_up 'init failed'
toml=$root/xp2p-client.toml snippets=$root/config-client
if [ ! -e "$toml" ] || [ ! -d "$snippets" ]; then give_up 'init left no xp2p-client.toml or config-client'; fi

step 'what the operator adds: two redirects, a forward, ports that are free here, and a snippet of each kind'
tag=$(sed -nE 's/^[[:space:]]*tag = "(proxy-[^"]*)".*/\1/p' "$toml" | head -n 1)
if [ -z "$tag" ]; then
	xrat --root "$root" render xray --desired --target "$target" --output "$scratch/first.json" 2>/dev/null
	tag=$(sed -nE 's/.*"tag": "(proxy-[^"]*)".*/\1/p' "$scratch/first.json" | head -n 1)
fi
[ -n "$tag" ] || give_up 'the endpoint has no tag'
cat >"$scratch/added.toml" <<TOML

[[client.redirects]]
domain = "intranet.example"
outbound_tag = "$tag"

[[client.redirects]]
cidr = "127.0.0.2/32"
outbound_tag = "$tag"

[[client.forwards]]
listen_port = $forward
target_host = "127.0.0.2"
target_port = $web
protocol = "tcp"
TOML
cat "$scratch/added.toml" >>"$toml"
cat "$scratch/added.toml"
echo
set_key "$toml" client.xray.inbounds.socks port "$socks"
set_key "$toml" client.xray.inbounds.dokodemo port "$dokodemo"
set_key "$toml" client.xray.logs.api listen "\"127.0.0.1:$api\""
set_key "$toml" client.xray.logs access "\"$scratch/access.log\""
set_key "$root/config.toml" runtime engine "\"$DEMO_ENGINE\""
[ "$DEMO_ENGINE" = builtin ] || set_key "$root/config.toml" runtime engine_version '"4.34"'
set_key "$root/config.toml" apply prove_seconds 1
echo
put outbounds.append.json '{"outbounds": [{"tag": "blocked", "protocol": "blackhole", "settings": {}}]}'
put inbounds.append.json "{\"inbounds\": [{\"tag\": \"office-http\", \"listen\": \"127.0.0.1\", \"port\": $office, \"protocol\": \"http\", \"settings\": {}}]}"
put balancers.append.json '{"balancers": [{"tag": "any-proxy", "selector": ["proxy-"]}]}'
put routing.rules.after-xp2p-system.json '{"rules": [{"type": "field", "domain": ["domain:ads.example"], "outboundTag": "blocked"}]}'
put routing.rules.after-xp2p-managed.json '{"rules": [{"type": "field", "inboundTag": ["office-http"], "balancerTag": "any-proxy"}]}'
put dns.json '{"dns": {"hosts": {"intranet.example": "127.0.0.2"}, "servers": ["localhost"]}}'
put policy.json '{"policy": {"levels": {"1": {"handshake": 4, "connIdle": 120}}}}'
# observatory.json stays blank: neither engine has an observatory, and xrat says so when one is asked for.
printf '%-43s (blank: %s has no observatory)\n' observatory.json "$target"

step 'check, and the rules of the result'
run xrat --root "$root" check || give_up 'check found errors'
xrat --root "$root" render xray --desired --output "$scratch/xray.json" || give_up 'render failed'
python3 - "$scratch/xray.json" <<'PY'
import json, sys
config = json.load(open(sys.argv[1], encoding="utf-8"))
print("rules, in the order the engine tries them:")
for rule in config["routing"]["rules"]:
    what = ", ".join(f"{k} {v}" for k, v in rule.items() if k not in ("type", "ruleTag", "outboundTag", "balancerTag"))
    print(f"  {rule.get('ruleTag', '(snippet)'):22} {what} -> {rule.get('outboundTag', rule.get('balancerTag'))}")
PY

step 'apply: it becomes generation 1, in one switch'
run xrat --root "$root" apply || give_up 'apply failed'
cmp -s "$scratch/xray.json" "$root/.state/live/config-client/xray.json" || give_up 'what is live is not what render showed'
run xrat --root "$root" apply || give_up 'the second apply failed'
case $(live) in */client/0001) ;; *) give_up 'an apply of nothing new made a generation' ;; esac

step "the service: it starts the engine ($DEMO_ENGINE) from what is live; a page through it"
echo "\$ xrat --root root watch &"
start "$scratch/service.log" "${clean[@]}" "$XRAT" --root "$root" watch
service=$started
until_true 20 engine_state running || give_up "no engine runs: $(tail -n 3 "$scratch/service.log")"
service_says
through_socks
until_true 10 grep -q "intranet.example:$web" "$scratch/access.log" || give_up 'the engine logged no such request'
echo 'the engine says which way it went:'
grep "intranet.example:$web" "$scratch/access.log" | tail -n 1 | sed 's/^/  /'
until_true 10 grep -q ":$web" "$scratch/upstream.access" || give_up 'the upstream server saw nothing'
rule=$(python3 - "$scratch/xray.json" <<'PY'
import json, sys
for rule in json.load(open(sys.argv[1], encoding="utf-8"))["routing"]["rules"]:
    if "domain:intranet.example" in rule.get("domain", []):
        print(rule["ruleTag"])
PY
)
echo 'and the rule that sent it there comes from:'
run xrat --root "$root" why "$rule" || give_up "why does not know '$rule'"
until_true 10 port_open "$forward" || give_up 'nothing listens for the forward'
fetch 'the forward' --noproxy '*' "http://127.0.0.1:$forward/"

step 'status, once the engine has been healthy for a second ([apply] prove_seconds)'
until_true 20 proved || give_up 'the first generation was never proved'
run xrat --root "$root" status || give_up 'status failed'
service_says

step 'an edit: a second HTTP inbound, for the lab'
edited=${EPOCHREALTIME/./}
put inbounds.append.json "{\"inbounds\": [
  {\"tag\": \"office-http\", \"listen\": \"127.0.0.1\", \"port\": $office, \"protocol\": \"http\", \"settings\": {}},
  {\"tag\": \"lab-http\", \"listen\": \"127.0.0.1\", \"port\": $lab, \"protocol\": \"http\", \"settings\": {}}
]}"
until_true 20 port_open "$lab" || give_up 'the edit did not reach the engine'
echo "in the running engine after $(((${EPOCHREALTIME/./} - edited) / 1000)) ms"
fetch 'the new inbound' --noproxy '' --proxy "http://127.0.0.1:$lab" "http://intranet.example:$web/"
until_true 20 proved || give_up 'the edit was never proved'
service_says

step 'a broken edit: a reserved tag, a rule to nowhere, an unknown key, one tag twice'
good=$(live)
mkdir "$scratch/good"
cp -a "$toml" "$snippets" "$scratch/good"
cat >"$snippets/outbounds.append.json" <<JSON
{"outbounds": [
  {"tag": "blocked", "protocol": "blackhole", "settings": {}},
  {"tag": "$tag", "protocol": "freedom"},
  {"tag": "twice", "protocol": "freedom"},
  {"tag": "twice", "protocol": "blackhole"}
]}
JSON
cat >"$snippets/routing.rules.after-xp2p-system.json" <<'JSON'
{"rules": [
  {"type": "field", "domain": ["domain:ads.example"], "outboundTag": "blockd"}
]}
JSON
sed -i 's/^listen_port = /listen_prot = 1\n&/' "$toml"
until_true 20 said_since 'kept generation .* has errors' || give_up 'the service said nothing about the broken edit'
for what in "outbounds.append.json:3:.*'$tag'" "outbounds.append.json:5:.*'twice'" \
	"routing.rules.after-xp2p-system.json:2:.*'blockd'" "xp2p-client.toml:[0-9]+:.*'listen_prot'"; do
	until_true 10 said_since "$what" || give_up "no diagnostic like $what"
done
service_says
echo 'nothing was published and the engine was not touched; traffic goes on:'
[ "$(live)" = "$good" ] || give_up 'a broken edit changed what is live'
through_socks
xrat --root "$root" check >/dev/null 2>&1
[ $? = 1 ] || give_up 'check should have ended with 1'

step "put right, but the inbound for the lab moves to the address of the web server: '$checker' has nothing against it"
cp -a "$scratch/good/." "$root"
put inbounds.append.json "{\"inbounds\": [
  {\"tag\": \"office-http\", \"listen\": \"127.0.0.1\", \"port\": $office, \"protocol\": \"http\", \"settings\": {}},
  {\"tag\": \"lab-http\", \"listen\": \"127.0.0.2\", \"port\": $web, \"protocol\": \"http\", \"settings\": {}}
]}"
until_true 30 said_since 'did not live .* back to' || give_up 'the service did not roll back'
until_true 30 engine_state running || give_up 'no engine runs after the rollback'
service_says
[ "$(live)" = "$good" ] || give_up 'the rollback led elsewhere'
run xrat --root "$root" status || give_up 'status failed'
xrat --root "$root" status | grep -i 'failure .*address already in use' >"$scratch/failure" || give_up 'status does not say why'
echo 'and traffic goes on:'
until_true 10 port_open "$lab" || give_up 'the rollback did not bring the inbound back'
fetch 'the new inbound' --noproxy '' --proxy "http://127.0.0.1:$lab" "http://intranet.example:$web/"

step 'history, and an archive for whoever is to help'
run xrat --root "$root" history || give_up 'history failed'
run xrat --root "$root" debug bundle --output "$scratch/support.zip" || give_up 'the bundle was not written'
python3 -m zipfile -l "$scratch/support.zip" | awk 'NR > 1 { printf "  %8d  %s\n", $NF, $1 }'
python3 -m zipfile -t "$scratch/support.zip" >/dev/null || give_up 'the archive is damaged'

step 'the end: the service stops its engine'
if ! { kill "$service" && wait "$service"; }; then give_up 'the service did not end well'; fi
service_says
if port_open "$socks" || port_open "$lab"; then give_up 'an engine is left over'; fi
printf '\ndone: everything above happened in %s, which is gone now\n' "$scratch"
