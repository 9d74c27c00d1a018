#!/bin/sh
# tools/completions.sh XRAT SHARE: writes the shell completions that xrat prints below SHARE.
set -eu
xrat=$1 share=$2
put() {
	mkdir -p "$share/$(dirname "$2")"
	"$xrat" completion "$1" >"$share/$2"
	chmod 644 "$share/$2"
}
put bash bash-completion/completions/xrat
put zsh zsh/site-functions/_xrat
put fish fish/vendor_completions.d/xrat.fish
