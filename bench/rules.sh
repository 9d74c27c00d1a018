#!/bin/sh
# bench/rules.sh N DIR: the same N routing rules and 10 endpoints twice: DIR/full.json, a complete file for the engines
# and JSON tools, and DIR/root, a CONFIG_ROOT whose rules are a snippet. Four kinds of rules in turn, no two alike.
set -eu
n=$1 dir=$2
mkdir -p "$dir/root/config-client"
awk -v n="$n" -v dir="$dir" '
function rule(i,    kind) {
	kind = i % 4
	if (kind == 0) return sprintf("\"domain\": [\"domain:site%d.example.com\", \"full:www%d.example.net\"], \"outboundTag\": \"direct\"", i, i)
	if (kind == 1) return sprintf("\"ip\": [\"10.%d.%d.%d/30\"], \"outboundTag\": \"proxy-e1\"", int(i / 16384) % 256, int(i / 64) % 256, (i * 4) % 256)
	if (kind == 2) return sprintf("\"domain\": [\"keyword:word%dx\"], \"port\": \"%d\", \"outboundTag\": \"blocked\"", i, 1024 + i % 60000)
	return sprintf("\"domain\": [\"host%d.test\"], \"network\": \"tcp\", \"outboundTag\": \"proxy-e2\"", i)
}
BEGIN {
	full = dir "/full.json"; snippet = dir "/root/config-client/routing.rules.after-xp2p-managed.json"
	toml = dir "/root/xp2p-client.toml"; outbounds = dir "/root/config-client/outbounds.append.json"
	blocked = "{\"tag\": \"blocked\", \"protocol\": \"blackhole\", \"settings\": {}}"
	print "{\"outbounds\": [" blocked "]}" > outbounds

	print "{\n  \"log\": {\"loglevel\": \"warning\"},\n  \"inbounds\": [{\"tag\": \"socks-in\", \"listen\": \"127.0.0.1\", \"port\": 51180, \"protocol\": \"socks\", \"settings\": {\"auth\": \"noauth\", \"udp\": true}, \"sniffing\": {\"enabled\": true, \"destOverride\": [\"http\", \"tls\"]}}]," > full
	print "  \"outbounds\": [" > full
	for (e = 1; e <= 10; e++) {
		printf "    {\"tag\": \"proxy-e%d\", \"protocol\": \"trojan\", \"settings\": {\"servers\": [{\"address\": \"e%d.example.org\", \"port\": 443, \"password\": \"change-me\"}]}, \"streamSettings\": {\"network\": \"tcp\", \"security\": \"tls\", \"tlsSettings\": {\"serverName\": \"e%d.example.org\"}}},\n", e, e, e > full
		printf "[[client.endpoints]]\ntag = \"proxy-e%d\"\nhostname = \"e%d.example.org\"\nport = 443\npassword = \"change-me\"\n\n", e, e > toml
	}
	print "    {\"tag\": \"direct\", \"protocol\": \"freedom\", \"settings\": {}},\n    " blocked "\n  ]," > full
	print "  \"routing\": {\"domainStrategy\": \"AsIs\", \"rules\": [" > full
	print "{\"rules\": [" > snippet
	for (i = 0; i < n; i++) {
		r = "  {\"type\": \"field\", " rule(i) "}" (i < n - 1 ? "," : "")
		print r > full
		print r > snippet
	}
	print "]}}" > full
	print "]}" > snippet
}'
