# mod_coach, the module for FreeSWITCH; and the tests on a real one.

FREESWITCH ?=
MOD_COACH := $(HOSTS)$(if $(filter release,$(PROFILE)),,/$(PROFILE))

.PHONY: freeswitch install-freeswitch check-abi
freeswitch: builder ## mod_coach.so, the module for FreeSWITCH, in target/hosts; needs no FreeSWITCH
	cargo rustc --profile $(PROFILE) --lib --crate-type staticlib --features freeswitch --target-dir $(HOSTS)/build
	mkdir -p $(MOD_COACH)
	$(CC) -shared -o $(MOD_COACH)/mod_coach.so -Wl,-u,mod_coach_module_interface \
		$(HOSTS)/build/$(patsubst dev,debug,$(PROFILE))/libcoach.a -Wl,--gc-sections,-z,relro,-z,now \
		-Wl,--version-script=src/host/freeswitch/exports.map -lgcc_s -lm -lc

# Where it has modules and configuration: packages, and two layouts from source.
FREESWITCH_MODULES = $(firstword $(wildcard $(addprefix $(FREESWITCH)/,lib/freeswitch/mod lib64/freeswitch/mod mod)))
FREESWITCH_CONF = $(firstword $(wildcard $(FREESWITCH)/etc/freeswitch $(patsubst %/usr,%,$(FREESWITCH:%/=%))/etc/freeswitch $(FREESWITCH)/conf))
install-freeswitch: ## install it and its configuration into the FreeSWITCH at FREESWITCH=<prefix>
	@test -n "$(FREESWITCH)" -a -n "$(FREESWITCH_MODULES)" -a -n "$(FREESWITCH_CONF)" \
		|| { echo "install-freeswitch: no FreeSWITCH there: say FREESWITCH=<prefix>"; exit 1; }
	$(call built,$(MOD_COACH)/mod_coach.so,freeswitch,$(CORE))
	install -D -m 755 $(MOD_COACH)/mod_coach.so $(FREESWITCH_MODULES)/mod_coach.so
	@conf=$(FREESWITCH_CONF)/autoload_configs/coach.conf.xml; \
	if [ -e "$$conf" ]; then echo "install-freeswitch: $$conf is there, and stays as it is"; \
	else install -D -m 644 examples/freeswitch/autoload_configs/coach.conf.xml "$$conf"; fi

check-abi: builder ## compare include/freeswitch_abi.h with the headers of the FreeSWITCH at FREESWITCH=<prefix>
	@headers=$(or $(wildcard $(FREESWITCH)/include/freeswitch),$(FREESWITCH)/include); \
	test -e "$$headers/switch.h" || { echo "check-abi: no switch.h in $$headers: say FREESWITCH=<prefix>"; exit 1; }; \
	tests/freeswitch_abi.sh "$$headers"

# The tests on a real FreeSWITCH, for who has one: FREESWITCH says where it is installed.
export FREESWITCH
.PHONY: test-freeswitch bench-freeswitch real-freeswitch
real-freeswitch:
	@[ -n "$(FREESWITCH)" ] || { echo 'FREESWITCH=<prefix> has to say where FreeSWITCH 1.10 is installed'; exit 2; }
	@$(MAKE) --no-print-directory freeswitch

test-freeswitch: real-freeswitch ## run every scenario in a real FreeSWITCH: FREESWITCH=<prefix>, ARGS=<part of a name>
	cargo test --test freeswitch -- $(ARGS)
	cargo test -p coach-gateway --test freeswitch -- $(ARGS)

bench-freeswitch: real-freeswitch ## what coach mode costs a real FreeSWITCH: FREESWITCH=<prefix>; takes 7 to 25 minutes
	cargo bench --bench freeswitch
