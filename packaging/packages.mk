# Debian packages: made with debhelper, since one folder `debian` describes five packages of a C library, modules and a service, where
# cargo-deb describes one of a crate. Everything is built by the targets of the other makefiles; debian/rules only sorts it.

PACKAGES := $(TARGET)/packages
DEB := $(abspath $(PACKAGES))/build
DEB_PACKAGING = $(GATEWAY)/coach-packaging
# Whoever hands packages on says who they are, as to Debian's own tools.
export DEBFULLNAME ?= The Coach authors
export DEBEMAIL ?= coach@users.noreply.github.com

.PHONY: deb deb-built test-packages
deb: ## Debian packages in target/packages: library, gateway, and the modules; ASTERISK_INCLUDE=<folder with asterisk.h>
	@./setup.sh build packages
	@$(MAKE) --no-print-directory deb-built

deb-built: asterisk freeswitch gateway
	cargo build -p coach-packaging --profile $(GATEWAY_PROFILE)
	rm -rf $(PACKAGES) && mkdir -p $(DEB)
	cp -r packaging/debian $(DEB)/debian
	$(DEB_PACKAGING) man $(DEB)/man
	$(DEB_PACKAGING) licences coach > $(DEB)/licences-coach
	$(DEB_PACKAGING) licences coach freeswitch > $(DEB)/licences-freeswitch
	$(DEB_PACKAGING) licences coach-gateway > $(DEB)/licences-coach-gateway
	sed -i 's/@ABI@/$(ABI)/; s/@MAINTAINER@/$(DEBFULLNAME) <$(DEBEMAIL)>/' $(DEB)/debian/control
	@# One entry: what has changed for users is in CHANGELOG.md, which the packages have as the changelog.
	printf 'coach ($(VERSION)) unstable; urgency=medium\n\n  * Version $(VERSION).\n\n -- %s  %s\n' '$(DEBFULLNAME) <$(DEBEMAIL)>' \
		"$$(date -Ru -d "@$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)}")" > $(DEB)/debian/changelog
	cd $(DEB) && DEB_RULES_REQUIRES_ROOT=no SOURCE=$(CURDIR) HOSTS=$(abspath $(HOSTS)) ABI=$(ABI) CARGO_TARGET_DIR=$(abspath $(TARGET)) \
		BUILDOPTS=$(abspath $(ASTERISK_INCLUDE))/asterisk/buildopts.h debian/rules binary
	lintian --allow-root --fail-on warning --tag-display-limit 0 $(PACKAGES)/*.deb

# They are installed, used and removed in a Debian 12 of their own, which is fetched once.
test-packages: real-asterisk ## Debian packages, made, installed, used and removed
	@./setup.sh packages
	tests/fetch.sh bookworm
	$(MAKE) --no-print-directory deb-built ASTERISK_INCLUDE=$(CURDIR)/target/asterisk/usr/include
	cargo test --test packages -- $(ARGS)
