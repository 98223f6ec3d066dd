#!/usr/bin/env bash
# Puts a stock Asterisk, with its headers, into the folder target/asterisk, out of Debian's packages: fetch.sh
#
# Debian 12 has none; the suite below has the current release with long-term support. The folder is made once; it is made
# anew when this list of packages changes. It is whole or not there: a run that was cut short leaves nothing that counts.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=forky
packages=asterisk,asterisk-dev,valgrind,libc6-dbg # a Valgrind that knows this folder's C library
folder=target/asterisk

made_from="$suite $packages"
[[ $(cat "$folder/.made-from" 2>/dev/null) != "$made_from" ]] || exit 0

if ((EUID == 0)); then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    echo "fetch.sh: please run as root once: $PWD/tests/asterisk/fetch.sh" >&2
    exit 1
fi

# The mirror that this machine is set up to use, or Debian's own.
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null |
    sed -n '/^Debian|Debian|/ { s///p; q }') || mirror=
mirror=${mirror:-http://deb.debian.org/debian}

mkdir -p target
# One at a time: whoever comes second finds the folder made.
exec 9>target/.asterisk-lock
flock 9
[[ $(cat "$folder/.made-from" 2>/dev/null) != "$made_from" ]] || exit 0

echo "Asterisk from Debian $suite, $mirror, into $folder (650 MB, about a minute)"
work=$folder.part
"${as_root[@]}" rm -rf "$work"
log=target/asterisk.log
# A suite in the making, seen through a mirror, can be older than its date of expiry.
if ! "${as_root[@]}" mmdebstrap --mode=root --variant=apt --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Check-Valid-Until "false"' \
    "$suite" "$work" "$mirror" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "fetch.sh: mmdebstrap failed; $log has all it said" >&2
    exit 1
fi
echo "$made_from" | "${as_root[@]}" tee "$work/.made-from" >/dev/null
"${as_root[@]}" rm -rf "$folder"
"${as_root[@]}" mv "$work" "$folder"
