#!/usr/bin/env bash
# shellcheck disable=SC2317 # the kinds are called by name
# Bad input of every kind, in every file xrat reads: one clear diagnostic, never a crash, a hang or a half-written file.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$scratch" || exit 2
chmod 755 "$scratch"
cp "$XRAT" "$scratch/xrat" && chmod 755 "$scratch/xrat"
as_user=()
if [ "$(id -u)" = 0 ]; then
	if have setpriv && setpriv --reuid=65534 --regid=65534 --clear-groups "$scratch/xrat" version >/dev/null 2>&1; then
		as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	else
		as_user=(none)
	fi
fi

good_root() {
	rm -rf root out raw.json outside && mkdir -p root/config-client out && chmod 777 out
	cat >root/xp2p-client.toml <<-'TOML'
	[[client.endpoints]]
	hostname = "edge.example.com"
	port = 443
	password = "change-me"
	TOML
	echo '{"outbounds": [{"tag": "blocked", "protocol": "blackhole"}]}' >root/config-client/outbounds.append.json
	printf '[runtime]\nengine = "auto"\n' >root/config.toml
	printf '{"inbounds": [{"tag": "i", "listen": "127.0.0.1", "port": 1080, "protocol": "socks"}], "outbounds": [{"tag": "o", "protocol": "freedom"}]}' >raw.json
	chmod -R a+rX root
}

# The kinds: each turns the file $1 into something else.
huge() { { cat "$1"; head -c 17000000 /dev/zero | tr '\0' '\n'; } >big && mv big "$1"; }
deep() { case $1 in *.toml) { printf 'a = '; printf '[%.0s' {1..200}; printf ']%.0s' {1..200}; echo; } >"$1" ;; *) printf '[%.0s' {1..100000} >"$1" ;; esac; }
dotted() { { printf 'a'; printf '.a%.0s' {1..100000}; echo ' = 1'; } >"$1"; }
empty() { : >"$1"; }
nul() { printf '\0' >>"$1"; }
bom() { { printf '\357\273\277'; cat "$1"; } >new && mv new "$1"; }
badutf8() { printf '# \377\376\n' >>"$1"; }
cut_short() { head -c $(($(wc -c <"$1") - 3)) "$1" >new && mv new "$1"; }
binary() { head -c 4096 "$XRAT" >"$1"; }
unreadable() { chmod 000 "$1"; }
directory() { rm "$1" && mkdir "$1"; }
fifo() { rm "$1" && mkfifo "$1"; }
device() { rm "$1" && ln -s /dev/zero "$1"; }
link_out() { mv "$1" outside && ln -s "$scratch/outside" "$1"; }
link_loop() { ln -sf "${1##*/}" "$1"; }
link_nowhere() { ln -sf nowhere "$1"; }
no_secret_env() { sed -i 's/"change-me"/{ env = "XRAT_TEST_NOT_SET" }/' "$1"; }
no_secret_file() { sed -i 's/"change-me"/{ file = "not-there" }/' "$1"; }

# One command: `fine` (0, no error) or `error` (1 to 3, one error and no more, nothing written).
holds() { # want, words that name the test, command...
	local want=$1 name=$2 code errors prefix=()
	shift 2
	case $name in unreadable*) prefix=("${as_user[@]}") ;; esac
	env -i HOME="$scratch" LC_ALL=C PATH=/usr/bin:/bin ${prefix[@]+"${prefix[@]}"} timeout -k 2 20 "$scratch/xrat" "$@" >stdout 2>stderr
	code=$?
	errors=$(grep -cE '(: error\[XR[0-9]+\]|^xrat: )' stderr)
	if [ "$code" = 124 ]; then fail "$name: xrat $* hangs"
	elif [ "$code" -ge 126 ]; then fail "$name: xrat $* ended with $code: $(head -c 300 stderr)"
	elif [ "$want" = fine ] && [ "$code" = 0 ] && [ "$errors" = 0 ]; then pass
	elif [ "$want" = error ] && [ "$code" -ge 1 ] && [ "$code" -le 3 ] && [ "$errors" = 1 ] && [ ! -s stdout ] && [ -z "$(ls -A out)" ]; then pass
	else fail "$name: xrat $* ended with $code and $errors errors, expected $want: $(head -c 600 stderr) $(ls -A out)"
	fi
	rm -f out/*
}
try() { # kind, file, want of check, want of render
	good_root
	if [ "$1" = unreadable ] && [ "${as_user[0]-}" = none ]; then
		skip "unreadable $2: root reads everything, and setpriv does not help here"
		return
	fi
	"$1" "$2"
	if [ "$2" = raw.json ]; then
		holds "$3" "$1 $2" check --raw raw.json
		return
	fi
	holds "$3" "$1 $2" --root root check
	holds "$4" "$1 $2" --root root render xray --desired --output out/xray.json
}

good_root
holds fine 'good root' --root root check
holds fine 'good raw' check --raw raw.json
for kind in huge deep nul badutf8 cut_short binary unreadable directory fifo; do
	for file in root/xp2p-client.toml root/config.toml root/config-client/outbounds.append.json raw.json; do
		try $kind $file error error
	done
done
for kind in device link_out link_loop link_nowhere; do
	for file in root/xp2p-client.toml root/config.toml root/config-client/outbounds.append.json; do
		try $kind $file error error
	done
done
try dotted root/xp2p-client.toml error error
try dotted root/config.toml error error
# Blank snippets and an empty config.toml say nothing; without an endpoint everything would leave in the clear.
try empty root/xp2p-client.toml error error
try empty root/config.toml fine fine
try empty root/config-client/outbounds.append.json fine fine
try empty raw.json error error
for file in root/xp2p-client.toml root/config.toml root/config-client/outbounds.append.json raw.json; do try bom $file fine fine; done
# A check runs where the secrets are not.
try no_secret_env root/xp2p-client.toml fine error
try no_secret_file root/xp2p-client.toml fine error
good_root
holds error 'no such root' --root nowhere check
holds error 'root is a file' --root raw.json check
holds error 'output into nowhere' --root root render xray --desired --output nowhere/xray.json
holds error 'output is a directory' --root root render xray --desired --output root
finish badinput
