#!/usr/bin/env bash
# What make install puts in place works from there: the second program is found, the unit files hold.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
# Not the programs that are under test, but those that a package would have: no rebuild in a run of another variant.
if [ ! -x build/xrat ] || [ ! -x build/libexec/xrat-service ]; then
	skip 'there is no release build'
	finish install
fi
stage=$scratch/stage
if make -s install VARIANT=release DESTDIR="$stage" PREFIX=/opt/xrat >"$scratch/log" 2>&1; then pass; else fail "make install: $(tail -n 3 "$scratch/log")"; fi
XRAT=$stage/opt/xrat/bin/xrat
expect 'the second program stands beside' test -x "$stage/opt/xrat/libexec/xrat/xrat-service"
expect 'the installed program runs' clean_xrat version >/dev/null

# A root that does not exist is the second program's own complaint: it was found.
clean_xrat --root "$scratch/none" watch 2>"$scratch/err"
expect "watch says what it cannot read: $(cat "$scratch/err")" grep -q "open directory '$scratch/none'" "$scratch/err"
expect 'the third program stands beside' test -x "$stage/opt/xrat/libexec/xrat/xrat-engine"
clean_xrat engine check -c "$scratch/none.json" 2>"$scratch/err"
expect "engine check says what it cannot read: $(cat "$scratch/err")" grep -q "none.json" "$scratch/err"
rm "$stage/opt/xrat/libexec/xrat/xrat-service"
clean_xrat --root "$scratch/none" watch 2>"$scratch/err"
expect "watch without its program says where it looked: $(cat "$scratch/err")" grep -q 'libexec/xrat' "$scratch/err"

for kind in system user; do
	unit=$stage/opt/xrat/lib/systemd/$kind/xrat.service
	expect "$kind unit: starts the installed program" grep -q '^ExecStart=/opt/xrat/bin/xrat --root .* watch$' "$unit"
	if grep -q '@' <(grep -v '^SystemCallFilter=@system-service$' "$unit"); then fail "$kind unit: a mark was not filled in"; else pass; fi
	if have systemd-analyze; then
		# The program it names is not there; any other will do.
		mkdir -p "$scratch/units/$kind" "$scratch/run"
		sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$scratch/units/$kind/xrat.service"
		XDG_RUNTIME_DIR=$scratch/run systemd-analyze "--$kind" --man=no verify "$scratch/units/$kind/xrat.service" >"$scratch/said" 2>&1
		expect "$kind unit: $(cat "$scratch/said")" test $? = 0
		expect "$kind unit: no complaint: $(cat "$scratch/said")" test ! -s "$scratch/said"
	else
		skip "$kind unit: no systemd-analyze"
	fi
	unit=$stage/opt/xrat/lib/systemd/$kind/xrat-daemon.service
	expect "$kind unit of the daemon: starts the installed program" \
		grep -q '^ExecStart=/opt/xrat/bin/xrat --root .* daemon run-server$' "$unit"
	if grep -q '@' <(grep -v '^SystemCallFilter=@system-service$' "$unit"); then fail "$unit: a mark was not filled in"; else pass; fi
done
finish install
