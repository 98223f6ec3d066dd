# The ways into this project. Rust (stable) and make are all that has to be there: setup.sh installs the rest.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
SECONDS ?= 600
ARGS ?=

TARGET := $(or $(CARGO_TARGET_DIR),target)
# The library as it ships has a folder of its own: cargo optimizes it as a whole only where it builds nothing else of it.
LIBRARY := $(TARGET)/library/release
# The modules for switches.
HOSTS := $(TARGET)/hosts
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# The library's name for the loader has the major version of the header, since it serves no host of another. The linker is told here and not
# through cargo-c: one argument is all that is missing. And not in build.rs: whoever links with what plain `cargo build` makes would need a link
# of that name beside it.
ABI = $(shell printf '%d' "$$(sed -n 's/^\#define COACH_ABI_VERSION \(0x....\)....u$$/\1/p' include/coach.h)")
SONAME = libcoach.so.$(ABI)

# As they ship; PROFILE=dev builds the gateway and the module for FreeSWITCH faster, for tests.
PROFILE ?= release

# Where rustup puts cargo, for shells that have not been told.
export PATH := $(PATH):$(HOME)/.cargo/bin

# $(call built,<file>,<target>,<sources>): makes the file by its target where it is missing, or older than one of its sources. Else nothing is
# built: installing may be another user's turn, who has no Rust.
CORE := Cargo.toml Cargo.lock build.rs include src
define built
@newer=$$(find $3 -type f -newer $1 -print -quit 2>/dev/null) && [ -z "$$newer" ] || { \
	echo "$@: $1 is $${newer:+older than }$${newer:-not there}: building it"; $(MAKE) --no-print-directory $2; }
endef

.DEFAULT_GOAL := help
.PHONY: help setup builder build demo check test bench fuzz mutants lint install clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: compilers, libclang, cmocka, Valgrind, a SIP phone, a font (Debian's packages)
	@./setup.sh build test

builder:
	@./setup.sh build

build: builder ## the library as it ships: libcoach.so and libcoach.a in target/library/release
	cargo rustc --release --lib --crate-type cdylib,staticlib --target-dir $(TARGET)/library -- -C link-arg=-Wl,-soname,$(SONAME)
	@ln -sfn libcoach.so $(LIBRARY)/$(SONAME) && touch $(LIBRARY)/libcoach.so $(LIBRARY)/libcoach.a

demo: setup ## play a coached call on real speech; ARGS=--help says how to play your own
	cargo run -p coach-demo -- $(ARGS)

test: setup ## run every test, and the lints
	tests/all.sh

check: setup ## what to run while working: format, clippy, unit tests and the promises, in about two minutes
	cargo fmt --all --check
	cargo clippy --all-targets --features faults,freeswitch -- -D warnings
	RUSTFLAGS='--cfg loom' cargo clippy --lib --profile test --target-dir $(TARGET)/loom -- -D warnings
	cargo test --lib --test promises --test realtime --test house

bench: build ## what hooks and changes of rooms cost, against their bounds
	COACH_LIBRARY=$(LIBRARY)/libcoach.so cargo bench --no-fail-fast --bench hooks --bench rooms

fuzz: setup ## fuzz commands, calls and what applications send to the gateway for SECONDS (600)
	tests/fuzz/run.sh $(SECONDS)

mutants: setup ## break the code in some 400 places, one at a time: does a test notice each? SEED=<number> draws others; takes two hours
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked
	tests/mutants.sh

lint: setup ## format, clippy, documentation and the order of the house, without a warning
	cargo fmt --all --check
	@# Which file may use which, and words that were given up.
	cargo test --test house
	cargo clippy --all-targets --features faults,freeswitch -- -D warnings
	RUSTFLAGS='--cfg loom' cargo clippy --lib --profile test --target-dir $(TARGET)/loom -- -D warnings
	@# Cargo leaves out what is no test by default.
	cargo clippy --test asterisk --test packages -- -D warnings
	cargo clippy -p coach-demo -p coach-fuzz -p coach-gateway -p coach-packaging --all-targets -- -D warnings
	cargo clippy -p coach-gateway --test asterisk --test freeswitch -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps -p coach -p coach-gateway
	cd tests/workflows && { [ node_modules -nt package-lock.json ] || { npm ci --silent && touch node_modules; }; }
	node tests/workflows/lint.mjs .github/workflows/*.yml

install: ## install library, header, manual page and pkg-config file under PREFIX (/usr/local)
	$(call built,$(LIBRARY)/libcoach.so,build,$(CORE))
	install -D -m 644 $(LIBRARY)/libcoach.so $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sfn $(SONAME) $(DESTDIR)$(LIBDIR)/libcoach.so
	install -D -m 644 $(LIBRARY)/libcoach.a $(DESTDIR)$(LIBDIR)/libcoach.a
	install -D -m 644 include/coach.h $(DESTDIR)$(PREFIX)/include/coach.h
	install -D -m 644 packaging/man/coach.3 $(DESTDIR)$(PREFIX)/share/man/man3/coach.3
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	printf '%s\n' 'Name: coach' 'Description: Coach mode for the conferences of SIP switches' 'Version: $(VERSION)' \
		'Cflags: -I$(PREFIX)/include' 'Libs: -L$(LIBDIR) -lcoach' 'Libs.private: -lgcc_s -lm -lc' \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/coach.pc
	@# The loader looks in a list of its own for names with a version.
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

include src/host/asterisk/asterisk.mk src/host/freeswitch/freeswitch.mk gateway/gateway.mk packaging/packages.mk

clean: ## remove everything that was built
	cargo clean
