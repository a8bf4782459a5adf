# SPDX-License-Identifier: GPL-2.0-or-later
#
#	make		the program, as build/sallyport
#	make demo	the main job, on real traffic, on a machine without internet
#	make check	every test; the last line counts them
#	make bench	the ratios of the README, measured here, beside other proxies
#	make install	DESTDIR= PREFIX=/usr/local
#	make deps	the Debian packages that are needed (demo, check and bench do it themselves)
#	make fuzz	every fuzz target for FUZZ_S seconds (needs clang)
#	make format	clang-format over all sources
#	make clean

BUILD  := build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_S ?= 60

# AppArmor's profile belongs to the machine, not to PREFIX. It goes into a staging tree, or straight
# onto a machine whose AppArmor knows the rule (4.0); an older one would refuse to load it.
APPARMOR_DIR ?= $(if $(DESTDIR)$(wildcard /etc/apparmor.d/abi/4.0),/etc/apparmor.d)

.DEFAULT_GOAL := all
.PHONY: all deps demo check bench install fuzz format clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(NINJA_FLAGS)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing; 'make deps' installs what is needed" >&2; exit 1; }
	@meson setup $(BUILD) --prefix=$(abspath $(PREFIX)) -Dtests=disabled

deps:
	@tools/deps.sh

demo: deps
	@$(MAKE) --no-print-directory all
	@tests/demo/run

check:
	@tools/deps.sh --check
	@tools/check.sh

# Without the other proxies it measures ours alone, and says so.
bench: deps
	@tools/deps.sh --bench || true
	@$(MAKE) --no-print-directory all
	@tests/bench/run

install: $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX)) -Dapparmor_dir=$(APPARMOR_DIR)
	@ninja -C $(BUILD) $(NINJA_FLAGS)
	@meson install -C $(BUILD) --no-rebuild --quiet $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))

fuzz:
	@tools/fuzz.sh $(FUZZ_S)

format:
	@find src tests -name '*.[ch]' -print0 | xargs -0 clang-format -i

clean:
	@rm -rf $(BUILD)
