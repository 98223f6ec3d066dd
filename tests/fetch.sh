#!/usr/bin/env bash
# Puts a Debian system into a folder of target, out of Debian's packages: fetch.sh asterisk|bookworm
#
# asterisk: a stock Asterisk with its headers. Debian 12 has none; the suite below has the current release with long-term support.
# bookworm: a Debian 12 with a compiler, in which the packages are installed and used.
#
# A folder is made once; it is made anew when its list of packages changes. It is whole or not there: a run that was cut short leaves
# nothing that counts.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
asterisk)
    suite=forky
    packages=asterisk,asterisk-dev,valgrind,libc6-dbg # a Valgrind that knows this folder's C library
    without=('/usr/share/man/*' '/usr/share/doc/*' '/usr/share/locale/*')
    ;;
bookworm)
    suite=bookworm
    packages=gcc,libc6-dev,pkg-config,adduser
    without=('/usr/share/locale/*')
    ;;
*) echo 'usage: fetch.sh asterisk|bookworm' >&2 && exit 2 ;;
esac
folder=target/$1

made_from="$suite $packages"
[[ $(cat "$folder/.made-from" 2>/dev/null) != "$made_from" ]] || exit 0

if ((EUID == 0)); then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    echo "fetch.sh: please run as root once: $PWD/tests/fetch.sh $1" >&2
    exit 1
fi

# The mirror that this machine is set up to use, or Debian's own.
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null |
    sed -n '/^Debian|Debian|/ { s///p; q }') || mirror=
mirror=${mirror:-http://deb.debian.org/debian}

mkdir -p target
# One at a time: whoever comes second finds the folder made.
exec 9>"target/.$1-lock"
flock 9
[[ $(cat "$folder/.made-from" 2>/dev/null) != "$made_from" ]] || exit 0

echo "$1: Debian $suite from $mirror, into $folder (about a minute)"
work=$folder.part
"${as_root[@]}" rm -rf "$work"
log=target/$1.log
# A suite in the making, seen through a mirror, can be older than its date of expiry.
if ! "${as_root[@]}" mmdebstrap --mode=root --variant=apt --include="$packages" \
    "${without[@]/#/--dpkgopt=path-exclude=}" --aptopt='Acquire::Check-Valid-Until "false"' \
    "$suite" "$work" "$mirror" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "fetch.sh: mmdebstrap failed; $log has all it said" >&2
    exit 1
fi
echo "$made_from" | "${as_root[@]}" tee "$work/.made-from" >/dev/null
"${as_root[@]}" rm -rf "$folder"
"${as_root[@]}" mv "$work" "$folder"
