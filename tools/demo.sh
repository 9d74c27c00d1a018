#!/usr/bin/env bash
# make demo: from an empty directory to a page fetched through a compiled configuration, then four mistakes and what xrat
# says about them. Everything stays on this machine: a web server on 127.0.0.2, an upstream v2ray on 127.0.0.1, ports that
# are free at the moment, files in a temporary directory. Exits 0 only if each step did what it says.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"
cd "$top" || exit 2
root=$scratch/root
bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
give_up() { printf '\nthe demo stops here: %s\n' "$*"; exit 1; }
# Shows a command as an operator would type it, without the paths of this run, and runs it.
run() {
	{ printf '$'; printf ' %s' "${@@Q}"; echo; } | sed "s|$scratch/||g; s/'\([A-Za-z0-9_.:/=-]*[A-Za-z0-9_.:/=-]\)'/\1/g"
	"$@" 2>&1 | sed "s|$scratch/||g"
	return "${PIPESTATUS[0]}"
}
xrat() { env -i HOME="$scratch" LC_ALL=C.UTF-8 PATH=/usr/bin:/bin "$XRAT" "$@"; }
export -f xrat

[ -x "$XRAT" ] || give_up "no program '$XRAT', run make"
have v2ray || give_up "v2ray is not installed; it plays the upstream server and the engine"
read -r web up socks dokodemo forward api office < <(free_ports 7)

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
start "$scratch/upstream.log" v2ray -config "$scratch/upstream.json"
until_true 20 port_open "$up" || give_up 'the upstream v2ray does not listen'
until_true 20 curl -fs --noproxy '*' -o /dev/null "http://127.0.0.2:$web/" || give_up 'the web server does not answer'
echo "web server on 127.0.0.2:$web, upstream SOCKS server on 127.0.0.1:$up"

step 'a client root from the templates'
run xrat --root "$root" --role client init --from "socks://127.0.0.1:$up#upstream" || give_up 'init failed'
toml=$root/xp2p-client.toml snippets=$root/config-client
if [ ! -e "$toml" ] || [ ! -d "$snippets" ]; then give_up 'init left no xp2p-client.toml or config-client'; fi

step 'what the operator adds: two redirects, a forward, ports that are free here, and a snippet of each kind'
tag=$(sed -nE 's/^[[:space:]]*tag = "(proxy-[^"]*)".*/\1/p' "$toml" | head -n 1)
if [ -z "$tag" ]; then
	xrat --root "$root" render xray --desired --target v2ray-4.34 --output "$scratch/first.json" 2>/dev/null
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
echo
set_key "$toml" client.xray.inbounds.socks port "$socks"
set_key "$toml" client.xray.inbounds.dokodemo port "$dokodemo"
set_key "$toml" client.xray.logs.api listen "\"127.0.0.1:$api\""
set_key "$toml" client.xray.logs access "\"$scratch/access.log\""
set_key "$root/config.toml" runtime engine '"v2ray"'
set_key "$root/config.toml" runtime engine_version '"4.34"'
echo
put() { printf '%s\n' "$2" >"$snippets/$1"; printf '%-43s %s\n' "$1" "$2"; }
put outbounds.append.json '{"outbounds": [{"tag": "blocked", "protocol": "blackhole", "settings": {}}]}'
put inbounds.append.json "{\"inbounds\": [{\"tag\": \"office-http\", \"listen\": \"127.0.0.1\", \"port\": $office, \"protocol\": \"http\", \"settings\": {}}]}"
put balancers.append.json '{"balancers": [{"tag": "any-proxy", "selector": ["proxy-"]}]}'
put routing.rules.after-xp2p-system.json '{"rules": [{"type": "field", "domain": ["domain:ads.example"], "outboundTag": "blocked"}]}'
put routing.rules.after-xp2p-managed.json '{"rules": [{"type": "field", "inboundTag": ["office-http"], "balancerTag": "any-proxy"}]}'
put dns.json '{"dns": {"hosts": {"intranet.example": "127.0.0.2"}, "servers": ["localhost"]}}'
put policy.json '{"policy": {"levels": {"1": {"handshake": 4, "connIdle": 120}}}}'
# observatory.json stays blank: v2ray 4.34 has no observatory, and xrat says so when one is asked for.
echo 'observatory.json                            (blank: v2ray 4.34 has no observatory)'

step 'check, then render'
run xrat --root "$root" check || give_up 'check found errors'
run xrat --root "$root" render xray --desired --output "$scratch/xray.json" --map "$scratch/map.json" ||
	give_up 'render failed'
run v2ray -test -config "$scratch/xray.json" | tail -n 1
python3 - "$scratch/xray.json" <<'PY'
import json, sys
config = json.load(open(sys.argv[1], encoding="utf-8"))
print("rules, in the order the engine tries them:")
for rule in config["routing"]["rules"]:
    what = ", ".join(f"{k} {v}" for k, v in rule.items() if k not in ("type", "ruleTag", "outboundTag", "balancerTag"))
    print(f"  {rule.get('ruleTag', '(snippet)'):22} {what} -> {rule.get('outboundTag', rule.get('balancerTag'))}")
PY

step 'v2ray started from the rendered file, and a page through its SOCKS inbound'
start "$scratch/engine.log" v2ray -config "$scratch/xray.json"
until_true 20 port_open "$socks" || give_up "v2ray does not listen: $(tail -n 3 "$scratch/engine.log")"
page=$(run curl -fsS -m 20 --noproxy '' --socks5-hostname "127.0.0.1:$socks" "http://intranet.example:$web/")
echo "$page"
grep -q 'hello from behind the proxy' <<<"$page" || give_up 'the page did not arrive'
until_true 10 grep -q "intranet.example:$web" "$scratch/access.log" || give_up 'v2ray logged no such request'
echo 'the engine says which way it went:'
grep "intranet.example:$web" "$scratch/access.log" | tail -n 1 | sed 's/^/  /'
until_true 10 grep -q ":$web" "$scratch/upstream.access" || give_up 'the upstream server saw nothing'
echo 'the upstream server saw it too:'
tail -n 1 "$scratch/upstream.access" | sed 's/^/  /'
rule=$(python3 - "$scratch/xray.json" <<'PY'
import json, sys
for rule in json.load(open(sys.argv[1], encoding="utf-8"))["routing"]["rules"]:
    if "domain:intranet.example" in rule.get("domain", []):
        print(rule["ruleTag"])
PY
)
echo 'and the rule that sent it there comes from:'
run xrat --root "$root" why "$rule" || give_up "why does not know '$rule'"
echo 'through the forward:'
run curl -fsS -m 20 --noproxy '*' "http://127.0.0.1:$forward/" || give_up 'the forward does not carry'

step 'four mistakes: a reserved tag, a rule to nowhere, an unknown key, one tag twice'
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
run xrat --root "$root" check
code=$?
echo "(exit code $code)"
[ "$code" = 1 ] || give_up 'check should have ended with 1'
cp "$scratch/xray.json" "$scratch/before.json"
run xrat --root "$root" render xray --desired --output "$scratch/xray.json" >/dev/null && give_up 'render should have refused'
cmp -s "$scratch/xray.json" "$scratch/before.json" || give_up 'a refused render touched the old file'
echo 'render refuses too, and the file of before is untouched; the engine carries on:'
run curl -fsS -m 20 --noproxy '' --socks5-hostname "127.0.0.1:$socks" "http://intranet.example:$web/" || give_up 'the engine stopped'
said=$(xrat --root "$root" check 2>&1)
for word in "'$tag'" "'blockd'" "'listen_prot'" "'twice'"; do
	grep -q "error\[.*$word" <<<"$said" || give_up "no diagnostic about $word"
done
printf '\ndone: everything above happened in %s, which is gone now\n' "$scratch"
