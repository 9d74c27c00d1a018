#!/usr/bin/env bash
# What xrat renders, held against real engines: every golden render, the tree of init for every target, and a request
# through an engine that was started from a render.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/interop/engines.bash
. "$top/tests/interop/engines.bash"
cd "$top" || exit 2

# --- golden renders -----------------------------------------------------------------------------------------------
# They name certificates and log files that exist on an operator's machine; the engines open them, so they get some.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test.example -keyout "$scratch/key.pem" \
		-out "$scratch/cert.pem" >/dev/null 2>&1
}
with_files() { # json in, json out
	python3 - "$scratch" "$1" "$2" <<-'PY'
	import json, sys
	def walk(v):
	    if isinstance(v, dict):
	        for k in v:
	            if k in ("certificateFile", "keyFile"):
	                v[k] = sys.argv[1] + ("/cert.pem" if k == "certificateFile" else "/key.pem")
	            walk(v[k])
	    elif isinstance(v, list):
	        for x in v: walk(x)
	config = json.load(open(sys.argv[2], encoding="utf-8"))
	walk(config)
	for k in ("access", "error"):
	    if config.get("log", {}).get(k, "").startswith("/"):
	        config["log"][k] = sys.argv[1] + "/engine-" + k
	json.dump(config, open(sys.argv[3], "w", encoding="utf-8"))
	PY
}
have openssl && certificate

# The subset of the embedded engine is checked by xrat itself.
builtin_accepts() { # file
	clean_xrat check --raw "$1" --target builtin >"$scratch/log" 2>&1
}

newest='xray-26.7'
# A golden render is an expectation with outbounds in it; its case says the target: --v2ray-4.34, --xray-26.2, else the default.
for file in tests/golden/*/*/expect.json; do
	grep -q '^  "outbounds"' "$file" 2>/dev/null || continue
	dir=${file%/expect.json}
	case=${dir#tests/golden/}
	if [ -e "$dir/expect.exit" ] || grep -qs -e --redact "$dir/cmd"; then continue; fi
	with_files "$file" "$scratch/render.json"
	case $case in
	*--v2ray-4.34*)
		if [ ${#v2ray[@]} = 0 ]; then skip "$case: $no_v2ray"
		elif v2ray_accepts "$scratch/render.json"; then pass
		else fail "v2ray refuses $case: $(engine_says)"; fi ;;
	*--builtin*)
		if builtin_accepts "$scratch/render.json"; then pass
		else fail "builtin refuses $case: $(head -n 5 "$scratch/log")"; fi ;;
	*)
		target=$newest
		[[ $case == *--xray-* ]] && target=${case##*--} && target=${target%%_*}
		if [ ${#xray[@]} = 0 ]; then skip "$case: $no_xray"
		elif [ "$target" != "$(xray_target)" ]; then skip "$case: the Xray here is $xray_version, the case is for $target"
		elif xray_accepts "$scratch/render.json"; then pass
		else fail "xray refuses $case: $(engine_says)"; fi ;;
	esac
done

# --- init, for every target -----------------------------------------------------------------------------------------
init_renders() { # link
	local from=$1 root=$scratch/init-${1%%:*} target
	clean_xrat --root "$root" --role client init --from "$from" >"$scratch/log" 2>&1 ||
		fail "init --from $from ended with $?: $(tail -n 3 "$scratch/log")"
	for target in xray-26.2 xray-26.7 v2ray-4.34 builtin; do
		if ! clean_xrat --root "$root" render xray --desired --target "$target" --output "$scratch/$target.json" 2>"$scratch/log"; then
			fail "the tree of init --from $from does not render for $target: $(head -n 3 "$scratch/log")"
			continue
		fi
		pass
		init_accepted "$from" "$target"
	done
}
init_accepted() { # link, target
	local what="init --from $1 for $2" file=$scratch/$2.json
	case $2 in
	v2ray-*)
		if [ ${#v2ray[@]} = 0 ]; then skip "$what: $no_v2ray"
		elif v2ray_accepts "$file"; then pass
		else fail "v2ray refuses $what: $(engine_says)"; fi ;;
	xray-*)
		if [ ${#xray[@]} = 0 ]; then skip "$what: $no_xray"
		elif xray_accepts "$file"; then pass
		else fail "xray $xray_version refuses $what: $(engine_says)"; fi ;;
	builtin)
		if builtin_accepts "$file"; then pass
		else fail "builtin refuses $what: $(head -n 5 "$scratch/log")"; fi ;;
	esac
}
init_renders socks://127.0.0.1:1080
init_renders http://user:change-me@127.0.0.1:3128

# --- a request through an engine --------------------------------------------------------------------------------------
# web server on 127.0.0.2 <- upstream engine (SOCKS, freedom) <- engine under test, from a render <- curl
request() { # name, target, command of the engine up to its file argument...
	local name=$1 target=$2 root=$scratch/$1 ports web up socks dokodemo api
	shift 2
	read -r -a ports < <(free_ports 5)
	web=${ports[0]} up=${ports[1]} socks=${ports[2]} dokodemo=${ports[3]} api=${ports[4]}
	mkdir -p "$root/www" "$root/conf"
	echo "carried by $name" >"$root/www/page"
	cat >"$root/up.json" <<-JSON
	{"log": {"loglevel": "warning", "access": "$root/up.access"}, "inbounds": [{"listen": "127.0.0.1", "port": $up,
	"protocol": "socks", "settings": {"auth": "noauth"}}], "outbounds": [{"protocol": "freedom"}]}
	JSON
	cat >"$root/conf/xp2p-client.toml" <<-TOML
	[[client.endpoints]]
	tag = "proxy-up"
	link = "socks://127.0.0.1:$up"
	[client.xray.inbounds.socks]
	port = $socks
	[client.xray.inbounds.dokodemo]
	port = $dokodemo
	[client.xray.logs.api]
	listen = "127.0.0.1:$api"
	TOML
	if ! clean_xrat --root "$root/conf" render xray --desired --target "$target" --output "$root/xray.json" 2>"$root/log"; then
		fail "$name: the client does not render: $(head -n 5 "$root/log")"
		return
	fi
	start "$root/web.log" python3 -m http.server "$web" --bind 127.0.0.2 --directory "$root/www"
	start "$root/up.log" "$@" "$root/up.json"
	start "$root/engine.log" "$@" "$root/xray.json"
	for p in "$up" "$socks"; do
		until_true 20 port_open "$p" || { fail "$name: nothing listens on $p: $(tail -n 3 "$root/engine.log")"; return; }
	done
	until_true 20 curl -fsS --noproxy '*' -o /dev/null "http://127.0.0.2:$web/page" 2>/dev/null || { fail "$name: no web server"; return; }
	expect "$name: the page does not come through the SOCKS inbound" \
		[ "$(curl -fsS -m 20 --noproxy '' --socks5-hostname "127.0.0.1:$socks" "http://127.0.0.2:$web/page" 2>&1)" = "carried by $name" ]
	expect "$name: the upstream engine did not see the request" until_true 10 grep -q "127.0.0.2:$web" "$root/up.access"
}
if [ ${#v2ray[@]} = 0 ]; then skip "request through v2ray: $no_v2ray"; else request v2ray v2ray-4.34 "${v2ray[@]}" -config; fi
if [ ${#xray[@]} = 0 ]; then skip "request through xray: $no_xray"; else request xray "$(xray_target)" "${xray[@]}" run -c; fi
finish engines
