#!/usr/bin/env bash
# Installs what this machine lacks, from Debian's packages, and says what: setup.sh <for whom>, which is run with `make setup` and `make builder`.
#
# build: the library and the modules for switches. test: tests, demo and lints too. packages: `make deb`.
# A switch that Coach is built on gets no more than the first.
set -euo pipefail
missing=() usage='usage: setup.sh build|test|packages ...'

# What has to be there, and the packages that bring it.
need() {
    bash -c "$1" >/dev/null 2>&1 || missing+=("${@:2}")
}

for purpose in "${@:?$usage}"; do
    case $purpose in
    build)
        command -v cargo >/dev/null || { echo 'setup: Rust is missing: see https://rustup.rs' >&2 && exit 1; }
        need 'command -v cc' gcc libc6-dev
        need 'ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/llvm-*/lib/clang/*/include/stddef.h' libclang-dev
        ;;
    test)
        need 'command -v c++' g++
        need 'test -e /usr/include/cmocka.h' libcmocka-dev
        need 'command -v valgrind' valgrind libc6-dbg
        need 'command -v mmdebstrap' mmdebstrap
        need 'command -v baresip' baresip-core
        need 'command -v curl' curl
        need 'command -v npm' nodejs npm
        need 'test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' fonts-dejavu-core
        ;;
    packages)
        need 'command -v dh' debhelper
        need 'command -v lintian' lintian
        ;;
    *) echo "$usage" >&2 && exit 2 ;;
    esac
done

if ((${#missing[@]} > 0)); then
    install=(apt-get install -y --no-install-recommends "${missing[@]}")
    command -v apt-get >/dev/null || { echo "setup: please install what Debian calls: ${missing[*]}" >&2 && exit 1; }
    if ((EUID == 0)); then
        as_root=()
    elif command -v sudo >/dev/null; then
        as_root=(sudo)
    else
        echo "setup: please run as root: apt-get update && ${install[*]}" >&2
        exit 1
    fi
    echo "setup: installing Debian's packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"
fi

# The lints need two parts of Rust that a minimal installation leaves out.
if [[ " $* " == *' test '* ]] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    rustup component add rustfmt clippy
fi
