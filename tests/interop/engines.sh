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
	        # rules name codes of geo files, which no engine here has
	        v[:] = [x for x in v if not (isinstance(x, str) and x.startswith(("geosite:", "geoip:")))]
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
	if [ -e "$dir/expect.exit" ] || grep -qs -e --redact -e --sing-box "$dir/cmd"; then continue; fi
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
# --- sessions --------------------------------------------------------------------------------------------------------
# Two nodes (engines with SOCKS and freedom, one with an account), a session over the first, a test of both; engine: the
# command of the engine up to its file argument.
session() { # name, target, engine...
	local name=$1-session target=$2 root=$scratch/$1-session ports web up1 up2 socks probe
	shift 2
	if [ ! -x "$build/tests/session_render" ]; then
		skip "$name: session_render is not built (make tests)"
		return
	fi
	read -r -a ports < <(free_ports 8)
	web=${ports[0]} up1=${ports[1]} up2=${ports[2]} socks=${ports[3]} probe=${ports[5]}
	mkdir -p "$root/www" "$root/conf"
	echo "carried by $name" >"$root/www/page"
	local page=http://127.0.0.2:$web/page i
	for i in 1 2; do
		cat >"$root/up$i.json" <<-JSON
		{"log": {"loglevel": "warning", "access": "$root/up$i.access"}, "inbounds": [{"listen": "127.0.0.1",
		"port": ${ports[$i]}, "protocol": "socks", "settings": {"auth": "password",
		"accounts": [{"user": "node", "pass": "change-me-$i"}]}}], "outbounds": [{"protocol": "freedom"}]}
		JSON
		start "$root/up$i.log" "$@" "$root/up$i.json"
	done
	cat >"$root/conf/config.toml" <<-TOML
	[runtime.socks]
	port = $socks
	auth = { enabled = true, username = "alice", password = "change-me" }
	[runtime.http]
	enabled = true
	port = ${ports[4]}
	auth = { enabled = true, username = "bob", password = "change-me-too" }
	[runtime.log]
	enabled = false
	[routing.block]
	ip = ["127.0.0.3"]
	TOML
	render() { "$build/tests/session_render" --root "$root/conf" --target "$target" "$@"; }
	if ! render --probe "$probe" "socks://node:change-me-1@127.0.0.1:$up1" >"$root/session.json" 2>"$root/log" ||
		! printf 'socks://node:change-me-%s@127.0.0.1:%s\n' 1 "$up1" 2 "$up2" | render --test - 2>"$root/log" |
			sed -e "s/21001/${ports[6]}/" -e "s/21002/${ports[7]}/" >"$root/test.json"; then
		fail "$name does not render: $(head -n 5 "$root/log")"
		return
	fi
	start "$root/web.log" python3 -m http.server "$web" --bind 127.0.0.2 --directory "$root/www"
	start "$root/session.log" "$@" "$root/session.json"
	start "$root/test.log" "$@" "$root/test.json"
	for i in "$up1" "$up2" "$socks" "$probe" "${ports[6]}"; do
		until_true 20 port_open "$i" || { fail "$name: nothing listens on $i: $(tail -n 3 "$root/session.log" "$root/test.log")"; return; }
	done
	until_true 20 curl -fsS --noproxy '*' -o /dev/null "$page" 2>/dev/null || { fail "$name: no web server"; return; }
	got() { curl -fsS -m 20 --noproxy '' -x "$1" "${2:-$page}" 2>/dev/null; }
	expect "$name: SOCKS with the account" [ "$(got "socks5h://alice:change-me@127.0.0.1:$socks")" = "carried by $name" ]
	expect "$name: SOCKS without it" [ -z "$(got "socks5h://127.0.0.1:$socks")" ]
	expect "$name: HTTP with the account" [ "$(got "http://bob:change-me-too@127.0.0.1:${ports[4]}")" = "carried by $name" ]
	expect "$name: HTTP without it" [ -z "$(got "http://127.0.0.1:${ports[4]}")" ]
	expect "$name: the probe" [ "$(got "socks5h://probe:change-me-probe@127.0.0.1:$probe")" = "carried by $name" ]
	expect "$name: the node did not see the request" until_true 10 grep -q "127.0.0.2:$web" "$root/up1.access"
	expect "$name: what is blocked passes" [ -z "$(got "socks5h://alice:change-me@127.0.0.1:$socks" "http://127.0.0.3:$web/page")" ]
	if grep -qs "127.0.0.2:$web" "$root/up2.access"; then fail "$name: the other node saw a request of the session"; else pass; fi
	expect "$name: a test through the second node" [ "$(got "socks5h://127.0.0.1:${ports[7]}")" = "carried by $name" ]
	expect "$name: the second node did not see it" until_true 10 grep -q "127.0.0.2:$web" "$root/up2.access"
}
if [ ${#v2ray[@]} = 0 ]; then skip "session through v2ray: $no_v2ray"; else session v2ray v2ray-4.34 "${v2ray[@]}" -config; fi
if [ ${#xray[@]} = 0 ]; then skip "session through xray: $no_xray"; else session xray "$(xray_target)" "${xray[@]}" run -c; fi
if [ -x "$top/build/libexec/xrat-engine" ]; then
	session builtin builtin "$top/build/libexec/xrat-engine" run -c
else
	skip "session through builtin: xrat-engine is not built"
fi

if [ ${#v2ray[@]} = 0 ]; then skip "request through v2ray: $no_v2ray"; else request v2ray v2ray-4.34 "${v2ray[@]}" -config; fi
if [ ${#xray[@]} = 0 ]; then skip "request through xray: $no_xray"; else request xray "$(xray_target)" "${xray[@]}" run -c; fi
finish engines
