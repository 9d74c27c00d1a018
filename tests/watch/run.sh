#!/usr/bin/env bash
# The watcher against the ways files are really changed: after each, a settled callback must read the final content.
# shellcheck disable=SC2317 # many functions are called by name
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if [ -z "${WATCH_DRIVE-}" ]; then
	make -s VARIANT="$VARIANT" "$build/tests/watch_drive" || fail "watch_drive does not build"
	WATCH_DRIVE=$build/tests/watch_drive
fi
mkdir "$scratch/tmp"
mkfifo "$scratch/commands"
exec 7<>"$scratch/commands"
log=$scratch/log
mark=0

# --- the driver ---
# drive OPTION... ROOT FILE...: starts it; its pid in $drive.
drive() {
	: >"$log"
	TMPDIR=$scratch/tmp XDG_RUNTIME_DIR=$scratch/tmp "$WATCH_DRIVE" -s 60 -m 600 "$@" <"$scratch/commands" >"$log" 2>"$scratch/err" &
	drive=$!
	pids+=("$drive")
	until_true 10 grep -q '^ready' "$log" || fail "watch_drive does not start: $(cat "$scratch/err")"
	mark=$(wc -l <"$log")
}
tell() { echo "$*" >&7; }
undrive() {
	tell stop
	until_true 10 grep -q '^stopped' "$log" || fail "$1: it does not stop"
	wait "$drive"
	expect "$1: exit code of watch_drive: $(cat "$scratch/err")" [ $? = 0 ]
	expect "$1: stopped within a second: $(grep '^stopped' "$log")" grep -qE '^stopped after [0-9]{1,3} ms' "$log"
	expect "$1: nothing on standard error: $(head -c 300 "$scratch/err")" [ ! -s "$scratch/err" ]
}
news() { tail -n "+$((mark + 1))" "$log"; }
# What the newest settled callback read.
last_read() { news | grep -a '^settled' | tail -n 1; }
reads() { last_read | grep -aqF -- "$1"; }
# sees WHAT NAME=CONTENT: the last settled callback reads that; later ones are counted from here.
sees() {
	if until_true 10 reads "$2"; then pass; else fail "$1: wanted '$2', the last reading was '$(last_read)'"; fi
	settled
}
# Takes no new line for 200 ms as the end of it.
settled() {
	local before=-1 now
	while now=$(wc -l <"$log") && [ "$now" != "$before" ]; do
		before=$now
		read -rt 0.2 <> <(:)
	done
	mark=$now
}
told() { news | grep -a '^call' | grep -qw "$1"; }
tells() { # WHAT KIND
	if until_true 10 told "$2"; then pass; else fail "$1: no callback said '$2': $(news)"; fi
	settled
}
stat_of() { # NAME
	local n
	n=$(grep -c '^stats' "$log")
	tell stats
	until_true 5 more_stats "$n"
	grep '^stats' "$log" | tail -n 1 | grep -oE "$1 [0-9]+" | grep -oE '[0-9]+'
}
more_stats() { [ "$(grep -c '^stats' "$log")" -gt "$1" ]; }
ignored_over() { [ "$(stat_of ignored)" -gt "$1" ]; }
# silent WHAT COMMAND...: what the command does is seen as ignored events (its last write, "last~", among them), no calls.
silent() {
	local what=$1 calls ignored
	shift
	settled
	calls=$(stat_of calls) ignored=$(stat_of ignored)
	"$@"
	until_true 5 ignored_over "$ignored" || fail "$what: no event came at all"
	settled
	expect "$what: $(news | grep -a '^call' | head -n 3)" [ "$(stat_of calls)" = "$calls" ]
}

# --- editors and tools, on one root ---
root=$scratch/root file=$scratch/root/xp2p-client.toml
mkdir "$root"
echo start >"$file"
drive -d config-client "$root" xp2p-client.toml config-client/10-a.json
settled

printf 'v1\n' >"$file"
sees 'printf >' xp2p-client.toml=v1
printf 'v' >"$file"
printf '2\n' >>"$file"
sees 'printf >>' xp2p-client.toml=v2
echo v3 >"$scratch/other"
cp "$scratch/other" "$file"
sees 'cp over' xp2p-client.toml=v3
echo v4 >"$scratch/other"
mv "$scratch/other" "$file"
sees 'mv over' xp2p-client.toml=v4
sed -i s/v4/v5/ "$file"
sees 'sed -i' xp2p-client.toml=v5
rm "$file"
sees 'rm' xp2p-client.toml=-
ln -s nowhere "$file"
ln -sf real.toml "$file"
echo v6 >"$root/real.toml"
sees 'a link, then its target' xp2p-client.toml=v6
mkdir "$root/deep"
echo v7 >"$root/deep/real.toml"
ln -sf deep/real.toml "$file"
sees 'a link into another directory' xp2p-client.toml=v7
echo v8 >"$root/deep/real.toml"
sees 'the target in the other directory' xp2p-client.toml=v8
rm -r "$file" "$root/deep" "$root/real.toml"
echo v9 >"$file"
sees 'a file again' xp2p-client.toml=v9
chmod 000 "$file"
tells 'chmod' inputs
chmod 600 "$file"
tells 'chmod back' inputs
# Written through a mapping: only closing says so.
python3 - "$file" <<'PY'
import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    m[0:2] = b"w9"
    m.close()
PY
sees 'mmap' xp2p-client.toml=w9

if have vim.tiny; then
	for copy in yes no auto; do
		vim.tiny -es -u NONE -N -c "set backupcopy=$copy backup writebackup swapfile directory=." \
			-c '%s/.*/vim-'"$copy/" -c wq "$file" </dev/null >/dev/null 2>&1
		sees "vim, backupcopy=$copy" "xp2p-client.toml=vim-$copy"
	done
	rm -f "$file~"
else
	skip 'vim: not installed'
fi
if have nano && have python3; then
	python3 "$top/tests/watch/nano.py" "$file" nano- >/dev/null 2>&1
	sees nano xp2p-client.toml=nano-
else
	skip 'nano: not installed'
fi
if have rsync; then
	mkdir "$scratch/from"
	echo rsync1 >"$scratch/from/xp2p-client.toml"
	rsync -a "$scratch/from/" "$root/"
	sees rsync xp2p-client.toml=rsync1
	echo rsync-22 >"$scratch/from/xp2p-client.toml"
	rsync -a --inplace "$scratch/from/" "$root/"
	sees 'rsync --inplace' xp2p-client.toml=rsync-22
else
	skip 'rsync: not installed'
fi
if have ansible; then
	mkdir "$scratch/ansible"
	echo by-ansible >"$scratch/ansible/content"
	env HOME="$scratch/ansible" ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_LOCAL_TEMP="$scratch/ansible/l" \
		ANSIBLE_REMOTE_TEMP="$scratch/ansible/r" timeout 120 ansible localhost -c local -m copy \
		-a "src=$scratch/ansible/content dest=$file" >"$scratch/ansible/log" 2>&1 || fail "ansible: $(tail -n 3 "$scratch/ansible/log")"
	sees ansible xp2p-client.toml=by-ansible
else
	skip 'ansible: not installed'
fi
if have git; then
	git_() { git -C "$root" -c user.name=a -c user.email=a@example.org -c init.defaultBranch=one "$@" >/dev/null 2>&1; }
	echo git-one >"$file"
	git_ init
	git_ add xp2p-client.toml && git_ commit -m one && git_ checkout -b two
	echo git-two >"$file"
	git_ commit -am two
	sees 'git commit' xp2p-client.toml=git-two
	git_ checkout one
	sees 'git checkout' xp2p-client.toml=git-one
	git_ checkout two
	sees 'git checkout back' xp2p-client.toml=git-two
	rm -rf "$root/.git"
	settled
else
	skip 'git: not installed'
fi

# --- a snippet directory that comes and goes ---
mkdir "$root/config-client"
echo s1 >"$root/config-client/10-a.json"
sees 'a snippet directory appears' config-client/10-a.json=s1
echo s2 >"$root/config-client/10-a.json"
sees 'a snippet in place' config-client/10-a.json=s2
mv "$root/config-client" "$root/away"
sees 'a snippet directory goes' config-client/10-a.json=-
echo s3 >"$root/away/10-a.json"
mv "$root/away" "$root/config-client"
sees 'the same one comes back' config-client/10-a.json=s3
rm -rf "$root/config-client"
mkdir "$root/config-client"
sees 'it is made anew' config-client/10-a.json=-
echo s4 >"$root/config-client/10-a.json"
sees 'a snippet in the new one' config-client/10-a.json=s4

# --- .state ---
mkdir -p "$root/.state/live" "$root/.state/generations/client/0001"
tells '.state appears' request
touch "$root/.state/apply.request"
tells 'touch apply.request' request
touch "$root/.state/apply.request"
tells 'touch apply.request again' request
echo '{}' >"$root/.state/apply.request"
tells 'apply.request in place' request
echo '{}' >"$root/.state/x.tmp"
mv "$root/.state/x.tmp" "$root/.state/apply.request"
tells 'apply.request by rename' request
rm "$root/.state/apply.request"
tells 'apply.request removed' request
ln -s ../generations/client/0001 "$root/.state/live/.l.tmp"
mv "$root/.state/live/.l.tmp" "$root/.state/live/config-client"
tells 'live switched' live
from=$mark
ln -s ../generations/client/0002 "$root/.state/live/.l.tmp"
mv -T "$root/.state/live/.l.tmp" "$root/.state/live/config-client"
tells 'live switched again' live
expect 'only live was said' [ -z "$(tail -n "+$((from + 1))" "$log" | grep '^call' | grep -v '^call live$')" ]

# --- what is not told ---
our_writes() {
	mkdir -p "$root/logs" "$root/.state/locks"
	echo x >"$root/logs/engine-client.out.log"
	for f in audit.log audit.log.1 .state/apply.error .state/status-client.json .state/memory-client.json .state/locks/client.lock \
		.state/generations/client/0001/xray.json .state/.xrat-1-0.tmp .xrat-1-0.tmp .state/live/.xrat-1-0.tmp; do
		echo x >"$root/$f"
		echo x >>"$root/$f"
	done
	mv "$root/.state/.xrat-1-0.tmp" "$root/.state/apply.error"
	rm "$root/.xrat-1-0.tmp" "$root/.state/live/.xrat-1-0.tmp"
	echo x >"$root/last~"
}
editor_temps() {
	for f in 4913 .x.swp .x.swx x~ '#x#' '.#x' x.tmp .nfs0001 .x.toml.aB3dE9 sedaB3dE9 .ansible_tmpxyz; do
		echo x >"$root/$f"
		chmod 600 "$root/$f"
		rm "$root/$f"
		echo x >"$root/config-client/$f"
		rm "$root/config-client/$f"
	done
	echo x >>"$root/last~"
}
readers() {
	cat "$root"/*.toml "$root"/config-client/* >/dev/null
	ls -lR "$root" >/dev/null
	echo x >>"$root/last~"
}
neighbours() {
	echo x >"$scratch/neighbour"
	mkdir "$scratch/neighbours"
	rm -r "$scratch/neighbour" "$scratch/neighbours"
	echo x >>"$root/last~"
}
silent 'own writes' our_writes
silent 'temporary names' editor_temps
silent 'reading' readers
silent 'neighbours of the root' neighbours
echo final >"$root/.xp2p-client.toml.aB3dE9"
mv "$root/.xp2p-client.toml.aB3dE9" "$file"
sees 'a temporary name becomes the final one' xp2p-client.toml=final
inotify_is_cloexec() {
	local fd
	for fd in /proc/"$drive"/fd/*; do
		[ "$(readlink "$fd")" = anon_inode:inotify ] || continue
		[ $(($(awk '/^flags/ { print $2 }' "/proc/$drive/fdinfo/${fd##*/}") & 02000000)) != 0 ] || return 1
	done
}
expect 'the inotify descriptor is close-on-exec' inotify_is_cloexec
undrive 'one root'

# --- secrets elsewhere, directories and files that do not exist yet, odd names ---
odd=$'it\'s "odd" %s \xc3\xa9 \xff\nline'
mkdir "$scratch/busy"
drive -d "$root/$odd" "$root" xp2p-client.toml "$odd/a b.json" "$scratch/secrets/deep/key" "$scratch/busy/key"
settled
mkdir "$root/$odd"
echo odd1 >"$root/$odd/a b.json"
sees 'odd names' 'a b.json=odd1'
echo odd2 >"$root/$odd/a b.json"
sees 'odd names, in place' 'a b.json=odd2'
tell "dirs $scratch/secrets/deep $scratch/busy/key"
tells 'another set of directories' inputs
calls=$(stat_of calls)
tell "dirs $scratch/secrets/deep $scratch/busy/key"
settled
expect 'the same set again says nothing' [ "$(stat_of calls)" = "$calls" ]
mkdir -p "$scratch/secrets/deep"
echo k1 >"$scratch/secrets/deep/key"
sees 'a secret appears' "$scratch/secrets/deep/key=k1"
echo k2 >"$scratch/secrets/deep/key"
sees 'a secret in place' "$scratch/secrets/deep/key=k2"
mv "$scratch/secrets" "$scratch/secrets.old"
mkdir -p "$scratch/secrets/deep"
echo k3 >"$scratch/secrets/deep/key"
sees 'a directory above it is replaced' "$scratch/secrets/deep/key=k3"
echo k4 >"$scratch/busy/key"
sees 'a secret by its file' "$scratch/busy/key=k4"
echo k5 >"$scratch/busy/key"
sees 'a secret by its file, in place' "$scratch/busy/key=k5"
busy_neighbours() { for i in 1 2 3; do echo x >"$scratch/busy/other$i"; done; }
silent 'neighbours of a secret file' busy_neighbours
undrive 'secrets'

# --- Kubernetes ---
root=$scratch/kube
new_data() { # NUMBER
	mkdir -p "$root/..2026_$1/config-client"
	echo "toml$1" >"$root/..2026_$1/xp2p-client.toml"
	echo "json$1" >"$root/..2026_$1/config-client/10-a.json"
}
mkdir "$root"
new_data 1
ln -s ..2026_1 "$root/..data"
ln -s ..data/xp2p-client.toml "$root/xp2p-client.toml"
ln -s ..data/config-client "$root/config-client"
drive -d config-client "$root" xp2p-client.toml config-client/10-a.json
settled
for i in 2 3 4; do
	new_data "$i"
	ln -s "..2026_$i" "$root/..data_tmp"
	mv -T "$root/..data_tmp" "$root/..data"
	rm -rf "$root/..2026_$((i - 1))"
	sees "flip $i" "xp2p-client.toml=toml$i config-client/10-a.json=json$i"
done
echo inside >"$root/..2026_4/xp2p-client.toml"
sees 'a file behind ..data' xp2p-client.toml=inside
echo inside >"$root/..2026_4/config-client/10-a.json"
sees 'a snippet behind ..data' config-client/10-a.json=inside
undrive kubernetes

# --- the root itself ---
mkdir -p "$scratch/p/a" "$scratch/p/b"
echo in-a >"$scratch/p/a/x.toml"
echo in-b >"$scratch/p/b/x.toml"
ln -s a "$scratch/p/current"
root=$scratch/p/current
drive "$root" x.toml
settled
ln -s b "$scratch/p/next"
mv -T "$scratch/p/next" "$root"
until_true 10 told root || fail 'a switched root is told as root'
sees 'the root is a link that is switched' x.toml=in-b
echo in-b2 >"$scratch/p/b/x.toml"
sees 'a change behind the new link' x.toml=in-b2
calls=$(stat_of calls)
echo in-a2 >"$scratch/p/a/x.toml"
echo in-b3 >"$scratch/p/b/x.toml"
sees 'a change behind the old link, then the new' x.toml=in-b3
undrive 'a link as root'

root=$scratch/q/r/root
mkdir -p "$root"
echo one >"$root/x.toml"
drive "$root" x.toml
settled
cp -r "$root" "$root.new"
echo two >"$root.new/x.toml"
mv "$root" "$root.old" && mv "$root.new" "$root"
until_true 10 told root || fail 'a replaced root is told as root'
sees 'replaced by two renames' x.toml=two
echo two-b >"$root/x.toml"
sees 'a change in the new one' x.toml=two-b
rm -rf "$root"
sees 'the root vanishes' x.toml=-
mkdir "$root"
echo three >"$root/x.toml"
sees 'and returns' x.toml=three
rm -rf "$scratch/q"
sees 'its parents vanish' x.toml=-
mkdir -p "$root"
echo four >"$root/x.toml"
sees 'and return' x.toml=four
mv "$scratch/q" "$scratch/q2"
sees 'a parent is renamed' x.toml=-
echo five >"$scratch/q2/r/root/x.toml"
mv "$scratch/q2" "$scratch/q"
sees 'and renamed back' x.toml=five
for i in $(seq 1 150); do
	mkdir "$root.new"
	echo "round$i" >"$root.new/x.toml"
	mv "$root" "$root.old" && mv "$root.new" "$root" && rm -rf "$root.old"
	[ $((i % 10)) != 0 ] || until_true 10 reads "x.toml=round$i" || fail "replaced $i times: $(last_read)"
done
sees 'replaced 150 times (the library is opened anew)' x.toml=round150
expect 'and its descriptor is close-on-exec again' inotify_is_cloexec
count_inotify() { find "/proc/$drive/fd" -lname anon_inode:inotify | wc -l; }
expect 'there is one instance' [ "$(count_inotify)" = 1 ]
undrive 'the root'

# --- overflow, and stopping in the middle of a flood ---
root=$scratch/flood
mkdir "$root"
echo start >"$root/x.toml"
drive "$root" x.toml
settled
queued=$(cat /proc/sys/fs/inotify/max_queued_events 2>/dev/null || echo 16384)
if [ "$queued" -le 16384 ]; then
	kill -STOP "$drive"
	python3 - "$root" <<-'PY'
	import os, sys
	for i in range(20000):
	    os.close(os.open(f"{sys.argv[1]}/{i % 10}.toml", os.O_CREAT | os.O_WRONLY))
	PY
	rm -f "$root"/[0-9]*.toml
	mkdir "$root/late"
	echo flooded >"$root/x.toml"
	kill -CONT "$drive"
	sees 'overflow' x.toml=flooded
	expect 'the overflow was seen' [ "$(stat_of overflows)" -gt 0 ]
	printf 'stats: %s\n' "$(grep '^stats' "$log" | tail -n 1)"
	kill -STOP "$drive"
	python3 -c 'import os, sys
for i in range(9000): os.close(os.open(f"{sys.argv[1]}/{i % 10}.toml", os.O_CREAT | os.O_WRONLY))' "$root"
	kill -CONT "$drive"
else
	skip "overflow: fs.inotify.max_queued_events is $queued here"
fi
undrive 'a flood'

# --- no watches, no instances ---
# limited LIMIT VALUE: the driver in a user namespace of its own with that limit; a line in $scratch/raise lifts it.
limited() {
	rm -f "$scratch/raise"
	mkfifo "$scratch/raise"
	: >"$log"
	# shellcheck disable=SC2016 # for the inner shell
	unshare -Ur bash -c 'echo "$2" >"/proc/sys/user/$1" || exit 9
		limit=$1 raise=$3
		shift 3
		"$@" <&0 &
		read -r _ <"$raise"
		echo 100000 >"/proc/sys/user/$limit"
		wait' bash "$1" "$2" "$scratch/raise" "$WATCH_DRIVE" -s 60 -m 600 -p 100,1000 "$root" x.toml \
		<"$scratch/commands" >"$log" 2>"$scratch/err" &
	drive=$!
	pids+=("$drive")
	until_true 10 grep -q '^ready' "$log"
}
root=$scratch/limits
mkdir "$root"
watching() {
	tell stats
	grep '^stats' "$log" | tail -n 1 | grep -q ' watching$'
}
polls_for() { # LIMIT VALUE WORDS
	echo start >"$root/x.toml"
	if ! limited "$1" "$2"; then
		skip "$1=$2: user namespaces are not permitted here"
		return
	fi
	settled
	stat_of calls >/dev/null
	expect "$1=$2: it says why it polls: $(tail -n 1 "$log")" grep -q "$3" "$log"
	echo polled >"$root/x.toml"
	sees "$1=$2: polling" x.toml=polled
	echo poller >"$root/x.toml"
	sees "$1=$2: same size" x.toml=poller
	mkdir -p "$root/.state"
	touch "$root/.state/apply.request"
	tells "$1=$2: apply.request" request
	mv "$root" "$root.old"
	sees "$1=$2: the root vanishes" x.toml=-
	mv "$root.old" "$root"
	sees "$1=$2: and returns" x.toml=poller
	echo >"$scratch/raise"
	until_true 10 watching || fail "$1=$2: it does not watch again: $(tail -n 1 "$log")"
	settled
	echo watched >"$root/x.toml"
	sees "$1=$2: watching again" x.toml=watched
	undrive "$1=$2"
	rm -rf "$root/.state"
}
if have unshare; then
	polls_for max_inotify_watches 0 'no inotify watches are left'
	polls_for max_inotify_watches 3 'no inotify watches are left'
	polls_for max_inotify_instances 0 'no inotify instances are left'
else
	skip 'limits: no unshare'
fi

# --- a directory that may be passed but not read (and so not watched) ---
if [ "$(id -u)" = 0 ] && have setpriv; then
	root=$scratch/blind/root
	mkdir -p "$root"
	echo start >"$root/x.toml"
	chmod 711 "$scratch" "$scratch/blind"
	chmod 755 "$root"
	cp "$WATCH_DRIVE" "$scratch/drive_as_nobody"
	chmod 755 "$scratch/drive_as_nobody"
	privileged=$WATCH_DRIVE
	printf '#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups "%s" "$@"\n' "$scratch/drive_as_nobody" >"$scratch/as_nobody"
	chmod 755 "$scratch/as_nobody"
	WATCH_DRIVE=$scratch/as_nobody
	drive "$root" x.toml
	settled
	echo seen >"$root/x.toml"
	sees 'a readable root in an unreadable directory' x.toml=seen
	mkdir "$root.new"
	echo new >"$root.new/x.toml"
	chmod 755 "$root.new"
	mv "$root" "$root.old" && mv "$root.new" "$root"
	sees 'replaced where nothing tells' x.toml=new
	echo newer >"$root/x.toml"
	sees 'a change in the new one there' x.toml=newer
	chmod 000 "$root"
	sees 'the root may not be entered' x.toml=-
	chmod 755 "$root"
	sees 'and may again' x.toml=newer
	undrive 'as another user'
	WATCH_DRIVE=$privileged
else
	skip 'an unreadable directory: only root can become another user'
fi

# --- a killed one leaves nothing ---
root=$scratch/limits
drive "$root" x.toml
kill -KILL "$drive"
wait "$drive" 2>/dev/null
expect 'nothing is left behind' [ -z "$(ls -A "$scratch/tmp")" ]

# --- 5 x 1,000 ---
mkdir "$scratch/changes"
if python3 "$top/tests/watch/changes.py" "$WATCH_DRIVE" "$scratch/changes" >"$scratch/counts" 2>&1; then
	n_passed=$((n_passed + 5))
else
	fail '5 x 1,000'
fi
cat "$scratch/counts"
finish watcher
