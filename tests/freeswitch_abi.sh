#!/usr/bin/env bash
# Compares include/freeswitch_abi.h with FreeSWITCH's own headers, in the folder that is given.
set -euo pipefail
cd "$(dirname "$0")/.."
headers=${1:?usage: tests/freeswitch_abi.sh <folder with switch.h>}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is in the header has to be in the comparison, or it would compare nothing.
words() { grep -oE '\b(SWITCH|SMBF|SFF|SSH|CS)_[A-Z_]+\b|\bMESSAGE_STRING_ARG_MAX\b' "$1" | sort -u; }
missing=$(comm -23 <(sed 's://.*::; s:/\*.*\*/::' include/freeswitch_abi.h > "$work/bare"; words "$work/bare") <(words tests/c/freeswitch_abi.c))
[ -z "$missing" ] || { echo "tests/c/freeswitch_abi.c compares none of: $missing" >&2; exit 1; }

compile() { "${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror -Iinclude "$@" tests/c/freeswitch_abi.c; }
compile -o "$work/ours"
# Their headers are not ours to warn about.
compile -DTHEIRS -isystem "$headers" -o "$work/theirs"
"$work/ours" > "$work/ours.txt"
"$work/theirs" > "$work/theirs.txt"
if ! diff -u --label include/freeswitch_abi.h "$work/ours.txt" --label "$headers" "$work/theirs.txt"; then
    echo 'include/freeswitch_abi.h and the headers differ' >&2
    exit 1
fi
echo "$(wc -l < "$work/ours.txt") facts and $(grep -cE '^[a-z].*\bswitch_\w+\(' include/freeswitch_abi.h) functions are the same"
