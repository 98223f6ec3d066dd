# coach-gateway, and its tests beside real switches.

# Its profile, and the folder that cargo has for that.
GATEWAY_PROFILE := $(if $(filter dev,$(PROFILE)),dev,gateway)
GATEWAY := $(TARGET)/$(patsubst dev,debug,$(GATEWAY_PROFILE))

.PHONY: gateway install-gateway test-gateway demo-gateway
gateway: builder ## build coach-gateway, in target/gateway
	cargo build -p coach-gateway --profile $(GATEWAY_PROFILE)
	@touch $(GATEWAY)/coach-gateway

install-gateway: ## install coach-gateway under PREFIX (/usr/local)
	$(call built,$(GATEWAY)/coach-gateway,gateway,Cargo.toml Cargo.lock gateway/Cargo.toml gateway/src)
	install -D -m 755 $(GATEWAY)/coach-gateway $(DESTDIR)$(PREFIX)/bin/coach-gateway

test-gateway: real-asterisk ## the gateway's tests, those beside a real Asterisk too; ARGS=<name> runs those of these so named
	$(if $(ARGS),,cargo test -p coach-gateway)
	cargo test -p coach-gateway --test asterisk -- $(ARGS)
	$(if $(FREESWITCH),,cargo test -p coach-gateway --test freeswitch)

demo-gateway: real-asterisk gateway ## play a coached call through coach-gateway: applications, curl, a SIP phone for each party
	cargo run -p coach-demo -- --gateway --out $(TARGET)/demo-gateway $(ARGS)
