# res_coach, the module for Asterisk; and the tests on a real one.

# Its headers: the folder with asterisk.h and asterisk/. The system's, else those of the Asterisk that the tests fetch.
ASTERISK_INCLUDE ?= $(if $(wildcard /usr/include/asterisk.h),/usr/include,$(CURDIR)/target/asterisk/usr/include)
ASTERISK_MODULES ?= $(firstword $(wildcard /usr/lib/*/asterisk/modules /usr/lib/asterisk/modules /usr/lib64/asterisk/modules))
RES_COACH := $(sort $(wildcard src/host/asterisk/*.c))
RES_COACH_FLAGS := -std=gnu11 $(or $(CFLAGS),-O2 -g) -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wno-unused-parameter \
	-DAST_MODULE='"res_coach"' -DAST_MODULE_SELF_SYM=res_coach_self

.PHONY: asterisk install-asterisk
asterisk: build ## build res_coach.so for Asterisk in target/hosts; ASTERISK_INCLUDE=<folder with asterisk.h>
	@test -e $(ASTERISK_INCLUDE)/asterisk.h || { echo "asterisk: no asterisk.h in $(ASTERISK_INCLUDE): install asterisk-dev," \
	"or give ASTERISK_INCLUDE=<folder>"; exit 1; }
	@# Nothing but Asterisk's headers goes on the path: its folder may be another system's, with a C library of its own.
	@mkdir -p $(HOSTS)/include && ln -sfn $(abspath $(ASTERISK_INCLUDE))/asterisk.h $(abspath $(ASTERISK_INCLUDE))/asterisk $(HOSTS)/include
	cc $(RES_COACH_FLAGS) -isystem $(HOSTS)/include -Iinclude -shared -o $(HOSTS)/res_coach.so $(RES_COACH) $(LIBRARY)/libcoach.a \
		-Wl,--version-script=src/host/asterisk/exports.map -Wl,--gc-sections $(LDFLAGS) -lgcc_s -lm

install-asterisk: ## install res_coach.so where Asterisk looks for modules; ASTERISK_MODULES=<folder>
	@test -n "$(ASTERISK_MODULES)" || { echo "install-asterisk: no Asterisk found; give ASTERISK_MODULES=<its folder of modules>"; exit 1; }
	$(call built,$(HOSTS)/res_coach.so,asterisk,$(CORE))
	install -D -m 644 $(HOSTS)/res_coach.so $(DESTDIR)$(ASTERISK_MODULES)/res_coach.so

.PHONY: real-asterisk test-asterisk bench-asterisk demo-asterisk
real-asterisk: setup
	tests/fetch.sh asterisk
	$(MAKE) --no-print-directory asterisk ASTERISK_INCLUDE=$(CURDIR)/target/asterisk/usr/include

test-asterisk: real-asterisk ## scenarios on a real Asterisk, fetched from Debian; ARGS=<name> runs those so named
	cargo test --test asterisk -- $(ARGS)

bench-asterisk: real-asterisk ## what Coach costs a ConfBridge of 100 members, against its bound
	cargo test --test asterisk -- --bench

demo-asterisk: real-asterisk ## play the coached call on a real Asterisk, with a SIP phone for each party
	cargo run -p coach-demo -- --asterisk --out $(TARGET)/demo-asterisk $(ARGS)
