# The ways into this project. Rust (stable) and make are all that has to be there: `setup` installs the rest.

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

# Where rustup puts cargo, for shells that have not been told.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help setup builder build demo check test bench fuzz mutants lint install clean
.PHONY: freeswitch install-freeswitch check-abi

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a build needs, and what the tests and the demo need besides. A switch that Coach is built on gets no more than the first.
BUILD_NEEDS := need 'command -v cc' 'gcc libc6-dev'; \
	need 'ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/llvm-*/lib/clang/*/include/stddef.h' libclang-dev;
TEST_NEEDS := need 'command -v c++' g++; \
	need 'test -e /usr/include/cmocka.h' libcmocka-dev; \
	need 'command -v valgrind' 'valgrind libc6-dbg'; \
	need 'command -v mmdebstrap' mmdebstrap; \
	need 'command -v baresip' baresip-core; \
	need 'command -v curl' curl; \
	need 'command -v npm' 'nodejs npm'; \
	need 'test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' fonts-dejavu-core;

builder: NEEDS = $(BUILD_NEEDS)
setup: NEEDS = $(BUILD_NEEDS) $(TEST_NEEDS)
setup: ## install what is missing: compilers, libclang, cmocka, Valgrind, a SIP phone, a font (Debian's packages)
setup builder:
	@command -v cargo >/dev/null || { echo "$@: Rust is missing: see https://rustup.rs"; exit 1; }
	@missing=; need() { eval "$$1" >/dev/null 2>&1 || missing="$$missing $$2"; }; \
	$(NEEDS) \
	[ -n "$$missing" ] || exit 0; \
	install="apt-get install -y --no-install-recommends$$missing"; \
	command -v apt-get >/dev/null || { echo "$@: please install what Debian calls:$$missing"; exit 1; }; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; \
	else echo "$@: please run as root: apt-get update && $$install"; exit 1; fi; \
	echo "$@: installing Debian's packages:$$missing"; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive $$install
	@$(if $(filter setup,$@),cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy)

build: builder ## the library as it ships: libcoach.so and libcoach.a in target/library/release
	cargo rustc --release --lib --crate-type cdylib,staticlib --target-dir $(TARGET)/library

demo: setup ## play a coached call on real speech; ARGS=--help says how to play your own
	cargo run --example demo -- $(ARGS)

test: setup ## run every test, and the lints
	tests/all.sh

# The promises that need no switch, no sanitizer and no model checker.
CHECKS := at_once changing_rates commands conference drift engine_mixed events explain mode_sounds opening_guard private rates realtime surface threads transparent whole
check: setup ## what to run while working: format, clippy, unit tests and the promises, in about two minutes
	cargo fmt --all --check
	cargo clippy --all-targets --features faults,freeswitch -- -D warnings
	cargo test --lib $(addprefix --test ,$(CHECKS))

bench: build ## what hooks and changes of rooms cost, against their bounds
	COACH_LIBRARY=$(LIBRARY)/libcoach.so cargo bench --no-fail-fast --bench hooks --bench rooms

fuzz: setup ## fuzz commands and calls for SECONDS (600)
	tests/fuzz/run.sh $(SECONDS)

mutants: setup ## break the code in some 400 places, one at a time: does a test notice each? SEED=<number> draws others; takes two hours
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked
	tests/mutants.sh

lint: setup ## format, clippy and documentation, without a warning
	cargo fmt --all --check
	cargo clippy --all-targets --features faults,freeswitch -- -D warnings
	@# Cargo leaves out what is no test by default.
	cargo clippy --test asterisk -- -D warnings
	cargo clippy -p coach-gateway --all-targets -- -D warnings
	cargo clippy -p coach-gateway --test asterisk --test freeswitch -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps -p coach -p coach-gateway

# Installing may be another user's turn, who has no Rust: it builds only what is not there.
install: $(if $(wildcard $(LIBRARY)/libcoach.so),,build) ## install library, header and pkg-config file under PREFIX (/usr/local)
	install -D -m 755 $(LIBRARY)/libcoach.so $(DESTDIR)$(LIBDIR)/libcoach.so
	install -D -m 644 $(LIBRARY)/libcoach.a $(DESTDIR)$(LIBDIR)/libcoach.a
	install -D -m 644 include/coach.h $(DESTDIR)$(PREFIX)/include/coach.h
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	printf '%s\n' 'Name: coach' 'Description: Coach mode for the conferences of SIP switches' 'Version: $(VERSION)' \
		'Cflags: -I$(PREFIX)/include' 'Libs: -L$(LIBDIR) -lcoach' 'Libs.private: -lgcc_s -lm -lc' \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/coach.pc

# ---- Asterisk
# Its headers: the folder with asterisk.h and asterisk/. The system's, else those of the Asterisk that the tests fetch.
ASTERISK_INCLUDE ?= $(if $(wildcard /usr/include/asterisk.h),/usr/include,$(CURDIR)/target/asterisk/usr/include)
ASTERISK_MODULES ?= $(firstword $(wildcard /usr/lib/*/asterisk/modules /usr/lib/asterisk/modules /usr/lib64/asterisk/modules))
SHIM := $(sort $(wildcard src/host/asterisk/*.c))
SHIM_FLAGS := -std=gnu11 $(or $(CFLAGS),-O2 -g) -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wno-unused-parameter \
	-DAST_MODULE='"res_coach"' -DAST_MODULE_SELF_SYM=res_coach_self

.PHONY: asterisk install-asterisk
asterisk: builder ## build res_coach.so for Asterisk in target/hosts; ASTERISK_INCLUDE=<folder with asterisk.h>
	@test -e $(ASTERISK_INCLUDE)/asterisk.h || { echo "asterisk: no asterisk.h in $(ASTERISK_INCLUDE): install asterisk-dev," \
	"or give ASTERISK_INCLUDE=<folder>"; exit 1; }
	cargo rustc --release --lib --crate-type cdylib,staticlib --target-dir $(TARGET)/library
	@# Nothing but Asterisk's headers goes on the path: its folder may be another system's, with a C library of its own.
	@mkdir -p $(HOSTS)/include && ln -sfn $(abspath $(ASTERISK_INCLUDE))/asterisk.h $(abspath $(ASTERISK_INCLUDE))/asterisk $(HOSTS)/include
	cc $(SHIM_FLAGS) -isystem $(HOSTS)/include -Iinclude -shared -o $(HOSTS)/res_coach.so $(SHIM) $(LIBRARY)/libcoach.a \
		-Wl,--version-script=src/host/asterisk/exports.map -Wl,--gc-sections $(LDFLAGS) -lgcc_s -lm

install-asterisk: $(if $(wildcard $(HOSTS)/res_coach.so),,asterisk) ## install res_coach.so where Asterisk looks for modules; ASTERISK_MODULES=<folder>
	@test -n "$(ASTERISK_MODULES)" || { echo "install-asterisk: no Asterisk found; give ASTERISK_MODULES=<its folder of modules>"; exit 1; }
	install -D -m 644 $(HOSTS)/res_coach.so $(DESTDIR)$(ASTERISK_MODULES)/res_coach.so

# ---- A real Asterisk
.PHONY: real-asterisk test-asterisk bench-asterisk demo-asterisk
real-asterisk: setup
	tests/asterisk/fetch.sh
	$(MAKE) --no-print-directory asterisk ASTERISK_INCLUDE=$(CURDIR)/target/asterisk/usr/include

test-asterisk: real-asterisk ## scenarios on a real Asterisk, fetched from Debian; ARGS=<name> runs those so named
	cargo test --test asterisk -- $(ARGS)

bench-asterisk: real-asterisk ## what Coach costs a ConfBridge of 100 members, against its bound
	cargo test --test asterisk -- --bench

demo-asterisk: real-asterisk ## play the coached call on a real Asterisk, with a SIP phone for each party
	cargo run --example demo -- --asterisk --out $(TARGET)/demo-asterisk $(ARGS)

# ---- The gateway
.PHONY: gateway install-gateway test-gateway demo-gateway
gateway: builder ## build coach-gateway, in target/gateway
	cargo build -p coach-gateway --profile gateway

install-gateway: $(if $(wildcard $(TARGET)/gateway/coach-gateway),,gateway) ## install coach-gateway under PREFIX (/usr/local)
	install -D -m 755 $(TARGET)/gateway/coach-gateway $(DESTDIR)$(PREFIX)/bin/coach-gateway

test-gateway: real-asterisk ## the gateway's tests, those beside a real Asterisk too; ARGS=<name> runs those of these so named
	$(if $(ARGS),,cargo test -p coach-gateway)
	cargo test -p coach-gateway --test asterisk -- $(ARGS)
	$(if $(FREESWITCH),,cargo test -p coach-gateway --test freeswitch)

demo-gateway: real-asterisk gateway ## play a coached call through coach-gateway: applications, curl, a SIP phone for each party
	cargo run --example demo -- --gateway --out $(TARGET)/demo-gateway $(ARGS)

# ---- FreeSWITCH
# The module for FreeSWITCH has a folder of its own too; PROFILE=dev builds it faster, for tests.
FREESWITCH ?=
PROFILE ?= release
MOD_COACH := $(HOSTS)$(if $(filter release,$(PROFILE)),,/$(PROFILE))

freeswitch: builder ## mod_coach.so, the module for FreeSWITCH, in target/hosts; needs no FreeSWITCH
	cargo rustc --profile $(PROFILE) --lib --crate-type staticlib --features freeswitch --target-dir $(HOSTS)/build
	mkdir -p $(MOD_COACH)
	$(CC) -shared -o $(MOD_COACH)/mod_coach.so -Wl,-u,mod_coach_module_interface \
		$(HOSTS)/build/$(patsubst dev,debug,$(PROFILE))/libcoach.a -Wl,--gc-sections,-z,relro,-z,now \
		-Wl,--version-script=src/host/freeswitch/exports.map -lgcc_s -lm -lc

# Where it has modules and configuration: packages, and two layouts from source.
FREESWITCH_MODULES = $(firstword $(wildcard $(addprefix $(FREESWITCH)/,lib/freeswitch/mod lib64/freeswitch/mod mod)))
FREESWITCH_CONF = $(firstword $(wildcard $(FREESWITCH)/etc/freeswitch $(patsubst %/usr,%,$(FREESWITCH:%/=%))/etc/freeswitch $(FREESWITCH)/conf))
install-freeswitch: $(if $(wildcard $(HOSTS)/mod_coach.so),,freeswitch) ## install it and its configuration into the FreeSWITCH at FREESWITCH=<prefix>
	@test -n "$(FREESWITCH)" -a -n "$(FREESWITCH_MODULES)" -a -n "$(FREESWITCH_CONF)" \
		|| { echo "install-freeswitch: no FreeSWITCH there: say FREESWITCH=<prefix>"; exit 1; }
	install -D -m 755 $(HOSTS)/mod_coach.so $(FREESWITCH_MODULES)/mod_coach.so
	@conf=$(FREESWITCH_CONF)/autoload_configs/coach.conf.xml; \
	if [ -e "$$conf" ]; then echo "install-freeswitch: $$conf is there, and stays as it is"; \
	else install -D -m 644 examples/freeswitch/autoload_configs/coach.conf.xml "$$conf"; fi

check-abi: builder ## compare include/freeswitch_abi.h with the headers of the FreeSWITCH at FREESWITCH=<prefix>
	@headers=$(or $(wildcard $(FREESWITCH)/include/freeswitch),$(FREESWITCH)/include); \
	test -e "$$headers/switch.h" || { echo "check-abi: no switch.h in $$headers: say FREESWITCH=<prefix>"; exit 1; }; \
	tests/freeswitch_abi.sh "$$headers"

# The tests on a real FreeSWITCH, for who has one: FREESWITCH says where it is installed.
export FREESWITCH
.PHONY: test-freeswitch bench-freeswitch
test-freeswitch: ## run every scenario in a real FreeSWITCH: FREESWITCH=<prefix>, ARGS=<part of a name>
	@[ -n "$(FREESWITCH)" ] || { echo 'test-freeswitch: FREESWITCH=<prefix> has to say where FreeSWITCH 1.10 is installed'; exit 2; }
	@$(MAKE) --no-print-directory freeswitch
	cargo test --test freeswitch -- $(ARGS)
	cargo test -p coach-gateway --test freeswitch -- $(ARGS)

bench-freeswitch: ## what coach mode costs a real FreeSWITCH: FREESWITCH=<prefix>; takes four minutes
	@[ -n "$(FREESWITCH)" ] || { echo 'bench-freeswitch: FREESWITCH=<prefix> has to say where FreeSWITCH 1.10 is installed'; exit 2; }
	@$(MAKE) --no-print-directory freeswitch
	cargo bench --bench freeswitch

clean: ## remove everything that was built
	cargo clean
