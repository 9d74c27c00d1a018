#!/usr/bin/env bash
# make deb: build/xrat_VERSION_ARCH.deb from a staged install.
set -eu
cd "$(dirname "$0")/.."
version=$1
unset MAKEFLAGS MFLAGS MAKELEVEL
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
umask 022
make -s install DESTDIR="$stage" PREFIX=/usr >/dev/null
programs=("$stage/usr/bin/xrat" "$stage/usr/libexec/xrat/xrat-service" "$stage/usr/libexec/xrat/xrat-engine")
strip --strip-unneeded "${programs[@]}"
gzip -9n "$stage"/usr/share/man/man*/* 2>/dev/null || :
# dpkg-shlibdeps wants a source tree with a debian/control; an empty one will do.
mkdir -p "$stage/.shlibs/debian" "$stage/DEBIAN"
touch "$stage/.shlibs/debian/control"
depends=
if command -v dpkg-shlibdeps >/dev/null; then
	depends=$(cd "$stage/.shlibs" && dpkg-shlibdeps -O "${programs[@]}" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
fi
rm -rf "$stage/.shlibs"
cat >"$stage/DEBIAN/control" <<CONTROL
Package: xrat
Version: $version
Section: net
Priority: optional
Architecture: $arch
Maintainer: the xrat authors <xrat@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: ${depends:-libc6, libstdc++6, libgcc-s1, libre2-9, libtomlplusplus3, libmd0, libuv1, libsqlite3-0, libcurl4, libarchive13, libinotifytools0, libyaml-0-2, libssl3}
Suggests: v2ray
Description: keeps Xray or V2Ray running from TOML and JSON snippets
 xrat turns what an operator writes into one checked configuration for Xray
 or V2Ray, says where every object of it comes from, and reports every fault
 with its file, line and column before an engine ever sees it. Its service
 applies edits, supervises the engine, and goes back to the last known good
 configuration when a new one does not live.
CONTROL
dpkg-deb --root-owner-group -Zxz --build "$stage" "build/xrat_${version}_$arch.deb"
