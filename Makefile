# v2m: building, installing, testing. `make` alone lists the targets.
#
#   PREFIX    where the programs are installed: ~/.local (default), or /usr/local as root
#   DESTDIR   another root directory to install into, for packages and containers
#   BUILD     release, or debug (tests)
#   MODEL     the model that `make install` downloads
#   ENGINES   recognisers to build and install beside v2m-engine, any of: v4 cuda vulkan gguf gguf-cuda gguf-vulkan. By default:
#             v4 if this machine's processor has AVX-512 VNNI (packages: always on x86-64), and those that were built before
#   CPU       v3 (any x86-64 processor since about 2015), or native (only this machine's processor, even an older one)
#   CUDA_ARCHS, CUDA_HOME, CUDA_FROM: see packaging/engine.sh

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PREFIX ?= $(HOME)/.local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/v2m
# Folders where the systemd user manager finds units: in the user's data folder, or the system's.
ifeq ($(PREFIX),$(HOME)/.local)
UNITDIR ?= $(or $(XDG_DATA_HOME),$(DATADIR))/systemd/user
else
UNITDIR ?= $(PREFIX)/lib/systemd/user
endif
# Folders whose programs desktops start at login.
ifeq ($(PREFIX),$(HOME)/.local)
AUTOSTARTDIR ?= $(or $(XDG_CONFIG_HOME),$(HOME)/.config)/autostart
else ifneq ($(filter /usr /usr/local,$(PREFIX)),)
AUTOSTARTDIR ?= /etc/xdg/autostart
else
AUTOSTARTDIR ?= $(PREFIX)/etc/xdg/autostart
endif

BUILD ?= release
MODEL ?= base-q8_0
DEPS ?= yes
CPU ?= v3
TARGET := $(or $(CARGO_TARGET_DIR),target)
ifeq ($(CPU),native)
# In a folder of its own, because cargo does not know that whisper.cpp depends on these variables.
# Without AMX, whose code crashed with q8_0.
TARGET := $(patsubst %/native,%,$(TARGET))/native
export CARGO_TARGET_DIR := $(TARGET)
export CARGO_BUILD_BUILD_DIR := $(TARGET)
export GGML_NATIVE := ON
NO_AMX := $(shell flags='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16'; $(CC) $$flags -E -x c /dev/null >/dev/null 2>&1 && echo "$$flags")
export CFLAGS += $(NO_AMX)
export CXXFLAGS += $(NO_AMX)
ENGINES ?= $(BUILT_ENGINES)
endif
LIBDIR ?= $(PREFIX)/lib/v2m
engine_file = $(TARGET)/engine-$(1)/release/v2m-engine-$(1)
ALL_ENGINES := v4 cuda vulkan gguf gguf-cuda gguf-vulkan
GPU_ENGINES := cuda vulkan gguf-cuda gguf-vulkan
# Evaluated at each use, for `make engine-cuda install`.
BUILT_ENGINES = $(foreach engine,gguf $(GPU_ENGINES),$(shell [ ! -e '$(call engine_file,$(engine))' ] || echo $(engine)))
# On this machine, v2m-engine-v4 is useful only if the processor supports it. A package is for all
# machines.
HAS_V4 := $(shell [ "$$(uname -m)" = x86_64 ] && { [ -n '$(DESTDIR)' ] || grep -qw avx512_vnni /proc/cpuinfo; } && echo v4)
ENGINES ?= $(HAS_V4) $(BUILT_ENGINES)
PROGRAMS := v2m $(notdir $(basename $(wildcard src/bin/*)))
ASSETS := $(wildcard assets/*)
UNITS := $(wildcard systemd/*.socket systemd/*.service)
MANUALS := $(wildcard docs/man/*.[0-9])
DBUS := $(wildcard dbus/*.service)
APPLICATIONS := $(wildcard applications/*.desktop)
METAINFO := $(wildcard metainfo/*.xml)
ICONS := $(wildcard icons/*.svg)
STATE_ICONS := $(wildcard icons/symbolic/*.svg)
AUTOSTART := $(wildcard autostart/*.desktop)
# Recognises an autostart file that the user has turned off. Desktops' settings write this line into
# the user's own folder, where an installation for one user puts the file too. Then `install` does
# not overwrite it, and `uninstall` keeps it.
TURNED_OFF := grep -qsE '^(Hidden *= *true|X-GNOME-Autostart-enabled *= *false)'
BASH_COMPLETIONS := $(DATADIR)/bash-completion/completions
ZSH_COMPLETIONS := $(DATADIR)/zsh/site-functions
ICONDIR := $(DATADIR)/icons/hicolor/scalable/apps
STATE_ICONDIR := $(DATADIR)/icons/hicolor/symbolic/apps
FISH_COMPLETIONS := $(DATADIR)/fish/vendor_completions.d
COMPLETED := v2m v2m-send v2m-model
EXTENSION := $(DATADIR)/gnome-shell/extensions/v2m@v2m.org
EXTENSION_FILES := gnome/metadata.json $(wildcard gnome/*.js gnome/*.css)
EXTENSION_LANGUAGES := $(notdir $(basename $(wildcard gnome/po/*.po)))
extension_messages = $(EXTENSION)/locale/$(1)/LC_MESSAGES/v2m-gnome.mo
LEGAL := LICENSE-APACHE LICENSE-MIT THIRD-PARTY-NOTICES
# systemd drop-ins that the user may enable.
WALLS := systemd/namespaces.conf systemd/no-home.conf
# A package's programs have no folder of the machine that built them in them: whoever builds the same commit with the same toolchain
# gets the same programs. Compilers' flags are divided at spaces, so not where these folders have one. `build` runs this file again.
ifneq ($(DESTDIR),)
CARGO_STORE := $(or $(CARGO_HOME),$(HOME)/.cargo)
NO_FOLDERS = $(1)=$(CARGO_STORE)=/cargo $(1)=$(abspath $(TARGET))=/target $(if $(wildcard vendor),$(1)=$(CURDIR)/vendor=/vendor)
ifeq ($(words $(CURDIR) $(CARGO_STORE) $(abspath $(TARGET))) $(findstring --remap-path-prefix=,$(RUSTFLAGS)),3 )
export RUSTFLAGS += $(call NO_FOLDERS,--remap-path-prefix)
export CFLAGS += $(call NO_FOLDERS,-ffile-prefix-map)
export CXXFLAGS += $(call NO_FOLDERS,-ffile-prefix-map)
endif
# ggml asks git for a commit, and finds that of v2m's repository around it, or none.
export GIT_CEILING_DIRECTORIES := $(abspath $(TARGET))
endif
PLACES := s,@BINDIR@,$(BINDIR),g; s,@DATADIR@,$(DATADIR),g; s,@LIBDIR@,$(LIBDIR),g
GPU_CONF := $(UNITDIR)/v2m.service.d/gpu.conf
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# The time of all files in a release: that of the last commit, or, without a repository, that of
# CHANGELOG.md. Check that the repository is v2m's: an archive may have been unpacked inside another
# repository.
export SOURCE_DATE_EPOCH ?= $(shell { [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" ] && git log -1 --format=%ct 2>/dev/null; } || \
  stat -c %Y CHANGELOG.md)
RELEASED = s,@VERSION@,$(VERSION),g; s,@DATE@,$(shell date --utc --date=@$(SOURCE_DATE_EPOCH) +%F),g
RUST_NEEDED := $(shell sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)

V2M_TEST_MODELS ?= $(CURDIR)/target/test-models
TEST_MODELS := tiny.en-q8_0 base-q8_0

# A system-wide installation puts models where all users find them.
ifneq ($(PREFIX),$(HOME)/.local)
SETUP_ENV := V2M_MODEL_DIR='$(DATADIR)/v2m/models'
endif
SETUP := BINDIR='$(BINDIR)' DATADIR='$(DATADIR)' UNITDIR='$(UNITDIR)' MODEL='$(MODEL)' $(SETUP_ENV) bash packaging/set-up.sh

# $(call phase,NAME,COMMAND) runs a command under a heading and prints its seconds.
define phase
@printf '\n== %s\n' '$(1)'; start=$$SECONDS; $(2) && printf '== %s: ok, %s s\n' '$(1)' $$((SECONDS - start))
endef

.PHONY: help deps toolchain check-user check-places fresh-whisper build engine-v4 engine-cuda engine-vulkan engine-gguf engine-gguf-cuda engine-gguf-vulkan install install-files uninstall purge \
	check messages test test-deps test-models test-rust test-system test-campaign test-gnome48 test-kde test-engines fuzz campaign soak fmt fmt-check scripts-check audit notices clippy bench bench-text bench-speech \
	bench-compute bench-osd bench-desktop man

help: ## this list
	@printf 'v2m. Usage: make TARGET [PREFIX=%s]\n\n' '$(PREFIX)'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

## Building and installing

deps: ## install the packages that the build needs, with the distribution's package manager
ifeq ($(DEPS),yes)
	@bash packaging/deps.sh build
endif

toolchain:
	@command -v cargo >/dev/null || { \
	  echo 'There is no Rust toolchain here. Install one, for example from https://rustup.rs:'; \
	  echo "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"; exit 1; }
	@have=$$(rustc --version | cut -d' ' -f2); \
	 [ "$$(printf '%s\n' '$(RUST_NEEDED)' "$$have" | sort -V | head -1)" = '$(RUST_NEEDED)' ] || { \
	  echo "Rust $$have is too old for v2m, which needs $(RUST_NEEDED) or newer: run \`rustup update stable\`, or get rustup from https://rustup.rs."; exit 1; }

check-user:
	@if [ -n "$${SUDO_USER:-}" ] && [ '$(PREFIX)' = "$$HOME/.local" ]; then \
	  echo 'Run `make install` as yourself, without sudo: it asks for sudo where it needs it.'; \
	  echo 'To install for everybody: sudo make install PREFIX=/usr/local'; exit 1; fi

# cargo does not know that whisper.cpp depends on these settings, and would reuse objects compiled
# with older ones.
fresh-whisper:
	@cmp -s .cargo/config.toml '$(TARGET)/whisper-settings' || { \
	  [ ! -d '$(TARGET)/release' ] || cargo clean --quiet --release --package whisper-rs-sys; \
	  [ ! -d '$(TARGET)/debug' ] || cargo clean --quiet --package whisper-rs-sys; \
	  install -D -m644 .cargo/config.toml '$(TARGET)/whisper-settings'; }

build: toolchain fresh-whisper ## build the release (3 to 9 minutes the first time; 2 to 3 more if ENGINES has v4)
	@echo '== Building; the recogniser alone takes some minutes the first time'
	cargo build --release --locked --bins
	@for engine in $(ENGINES); do $(MAKE) "engine-$$engine"; done

engine-v4: toolchain ## build the recogniser for processors with AVX-512 VNNI (2 to 3 minutes the first time)
	@TARGET='$(TARGET)' bash packaging/engine.sh v4

engine-cuda: toolchain ## build the recogniser for NVIDIA GPUs (15 minutes per architecture on two cores; downloads CUDA if necessary)
	@TARGET='$(TARGET)' bash packaging/engine.sh cuda

engine-vulkan: toolchain ## build the recogniser for GPUs with a Vulkan driver
	@TARGET='$(TARGET)' DEPS='$(DEPS)' bash packaging/engine.sh vulkan

engine-gguf: toolchain ## build the recogniser for models in GGUF form: Moonshine, Canary, Parakeet and Nemotron (3 to 6 minutes the first time)
	@TARGET='$(TARGET)' bash packaging/engine.sh gguf

engine-gguf-cuda: toolchain ## build the same for NVIDIA GPUs (not yet run on one; 10 minutes per architecture on two cores; downloads CUDA if necessary)
	@TARGET='$(TARGET)' bash packaging/engine.sh gguf-cuda

engine-gguf-vulkan: toolchain ## build the same for GPUs with a Vulkan driver (tried on software Vulkan only)
	@TARGET='$(TARGET)' DEPS='$(DEPS)' bash packaging/engine.sh gguf-vulkan

install: check-user deps build install-files ## install everything: packages, build, files, socket, model; then check that it works
	@$(SETUP) up

# Spaces are fine. The characters below would break shell quotes, sed or systemd units.
export V2M_PLACES := $(PREFIX)$(BINDIR)$(DATADIR)$(MANDIR)$(UNITDIR)$(LIBDIR)$(DOCDIR)$(AUTOSTARTDIR)$(DESTDIR)
check-places:
	@case "$$V2M_PLACES" in *[\'\"\\%\&,\;\|$$'\n']*) \
	  echo "v2m cannot be installed into a folder with one of ' \" \\ % & , ; | or a line break in its name. Choose another by PREFIX= or DESTDIR=."; \
	  exit 1;; esac

install-files: check-places # only the files, into DESTDIR
	@install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)/v2m' '$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(MANDIR)/man1' \
	  '$(DESTDIR)$(DATADIR)/dbus-1/services' '$(DESTDIR)$(DATADIR)/applications'
	@install -m755 $(PROGRAMS:%='$(TARGET)/$(BUILD)/%') '$(DESTDIR)$(BINDIR)'
ifeq ($(BUILD),release)
	@for engine in $(ENGINES); do file='$(TARGET)/engine-'$$engine/release/v2m-engine-$$engine; \
	  if [ -e "$$file" ]; then install -m755 "$$file" '$(DESTDIR)$(BINDIR)'; echo "Installed v2m-engine-$$engine too"; \
	  else echo "Not installed, since not built: v2m-engine-$$engine (make engine-$$engine)"; fi; done
	@for engine in $(filter cuda gguf-cuda,$(ENGINES)); do libraries='$(TARGET)/engine-'$$engine/lib; \
	  if [ -n "$$(ls -A "$$libraries" 2>/dev/null)" ]; then install -d '$(DESTDIR)$(LIBDIR)'; \
	    install -C -m644 "$$libraries"/* '$(DESTDIR)$(LIBDIR)'; fi; done
	@$(if $(filter $(GPU_ENGINES),$(ENGINES)),install -D -m644 systemd/gpu.conf '$(DESTDIR)$(GPU_CONF)')
endif
	@$(if $(ASSETS),install -m644 $(ASSETS) '$(DESTDIR)$(DATADIR)/v2m')
	@for unit in $(UNITS); do sed '$(PLACES)' "$$unit" >'$(DESTDIR)$(UNITDIR)/'"$${unit##*/}"; done
	@chmod 644 $(UNITS:systemd/%='$(DESTDIR)$(UNITDIR)/%')
	@install -m644 $(MANUALS) '$(DESTDIR)$(MANDIR)/man1'
	@install -m644 $(DBUS) '$(DESTDIR)$(DATADIR)/dbus-1/services'
	@install -d '$(DESTDIR)$(BASH_COMPLETIONS)' '$(DESTDIR)$(ZSH_COMPLETIONS)' '$(DESTDIR)$(FISH_COMPLETIONS)'
	@export LC_ALL=C.UTF-8; complete() { program='$(TARGET)/$(BUILD)/'"$$1"; \
	   "$$program" completions bash $${3-} >'$(DESTDIR)$(BASH_COMPLETIONS)/'"$$2" && \
	   "$$program" completions zsh $${3-} >'$(DESTDIR)$(ZSH_COMPLETIONS)/_'"$$2" && \
	   "$$program" completions fish $${3-} >'$(DESTDIR)$(FISH_COMPLETIONS)/'"$$2.fish"; }; \
	 complete v2m v2m && complete v2m v2m-send v2m-send && complete v2m-model v2m-model
	@chmod 644 $(COMPLETED:%='$(DESTDIR)$(BASH_COMPLETIONS)/%') $(COMPLETED:%='$(DESTDIR)$(ZSH_COMPLETIONS)/_%') \
	  $(COMPLETED:%='$(DESTDIR)$(FISH_COMPLETIONS)/%.fish')
	@install -D -m644 -t '$(DESTDIR)$(DOCDIR)' $(LEGAL)
	@for file in $(APPLICATIONS); do sed '$(PLACES)' "$$file" >'$(DESTDIR)$(DATADIR)/'"$$file"; done
	@chmod 644 $(APPLICATIONS:%='$(DESTDIR)$(DATADIR)/%')
	@install -d '$(DESTDIR)$(DATADIR)/metainfo'
	@for file in $(METAINFO); do sed '$(RELEASED)' "$$file" >'$(DESTDIR)$(DATADIR)/'"$$file"; done
	@chmod 644 $(METAINFO:%='$(DESTDIR)$(DATADIR)/%')
	@install -D -m644 -t '$(DESTDIR)$(ICONDIR)' $(ICONS)
	@install -D -m644 -t '$(DESTDIR)$(STATE_ICONDIR)' $(STATE_ICONS)
	@install -d '$(DESTDIR)$(AUTOSTARTDIR)'
	@for file in $(AUTOSTART); do place='$(DESTDIR)$(AUTOSTARTDIR)/'"$${file##*/}"; \
	  if $(TURNED_OFF) "$$place"; then echo "The tray icon stays turned off: $$place"; continue; fi; \
	  sed '$(PLACES)' "$$file" >"$$place"; chmod 644 "$$place"; done
	@for file in $(WALLS); do sed '$(PLACES)' "$$file" >'$(DESTDIR)$(DATADIR)/v2m/'"$${file##*/}"; done
	@chmod 644 $(WALLS:systemd/%='$(DESTDIR)$(DATADIR)/v2m/%')
	@install -D -m644 -t '$(DESTDIR)$(EXTENSION)' $(EXTENSION_FILES)
	@if command -v msgfmt >/dev/null; then for language in $(EXTENSION_LANGUAGES); do \
	    file='$(DESTDIR)$(call extension_messages,'"$$language"')'; install -d "$${file%/*}"; \
	    msgfmt --output-file="$$file" "gnome/po/$$language.po" && chmod 644 "$$file"; done; \
	  else echo 'The GNOME extension is in English only: there is no msgfmt (package gettext)'; fi
	@echo 'Installed $(PROGRAMS) into $(DESTDIR)$(BINDIR)'

uninstall: check-places ## stop, disable and remove v2m; keep configuration, models and dictations
	@# With DESTDIR, v2m is removed from another root, so leave this machine's sessions alone.
	@[ -n '$(DESTDIR)' ] || $(SETUP) down
ifneq ($(PREFIX),$(HOME)/.local)
	@# It was installed for all users, so close the sessions of all users.
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || sh packaging/sessions close
endif
	@rm -f $(PROGRAMS:%='$(DESTDIR)$(BINDIR)/%') $(ALL_ENGINES:%='$(DESTDIR)$(BINDIR)/v2m-engine-%') $(UNITS:systemd/%='$(DESTDIR)$(UNITDIR)/%') \
	  $(DBUS:dbus/%='$(DESTDIR)$(DATADIR)/dbus-1/services/%') $(APPLICATIONS:%='$(DESTDIR)$(DATADIR)/%') \
	  $(METAINFO:%='$(DESTDIR)$(DATADIR)/%') $(ICONS:icons/%='$(DESTDIR)$(ICONDIR)/%') \
	  $(STATE_ICONS:icons/symbolic/%='$(DESTDIR)$(STATE_ICONDIR)/%') \
	  $(MANUALS:docs/man/%='$(DESTDIR)$(MANDIR)/man1/%') $(ASSETS:assets/%='$(DESTDIR)$(DATADIR)/v2m/%') $(WALLS:systemd/%='$(DESTDIR)$(DATADIR)/v2m/%') \
	  $(COMPLETED:%='$(DESTDIR)$(BASH_COMPLETIONS)/%') $(COMPLETED:%='$(DESTDIR)$(ZSH_COMPLETIONS)/_%') \
	  $(COMPLETED:%='$(DESTDIR)$(FISH_COMPLETIONS)/%.fish') $(LEGAL:%='$(DESTDIR)$(DOCDIR)/%') $(EXTENSION_FILES:gnome/%='$(DESTDIR)$(EXTENSION)/%') \
	  $(foreach language,$(EXTENSION_LANGUAGES),'$(DESTDIR)$(call extension_messages,$(language))')
	@for file in $(AUTOSTART:autostart/%='$(DESTDIR)$(AUTOSTARTDIR)/%'); do \
	  if $(TURNED_OFF) "$$file"; then echo "The tray icon was turned off, and this file is kept: $$file"; else rm -f "$$file"; fi; done
	@rm -f '$(DESTDIR)$(LIBDIR)'/lib{cudart,cublas,cublasLt}.so.1[23] '$(DESTDIR)$(LIBDIR)/NVIDIA-EULA.txt' '$(DESTDIR)$(GPU_CONF)'
	@rmdir $(foreach folder,$(EXTENSION_LANGUAGES:%=locale/%/LC_MESSAGES) $(EXTENSION_LANGUAGES:%=locale/%) locale,'$(DESTDIR)$(EXTENSION)/$(folder)') \
	  '$(DESTDIR)$(EXTENSION)' 2>/dev/null || true
	@rmdir '$(DESTDIR)$(DATADIR)/v2m' '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(dir $(GPU_CONF))' 2>/dev/null || true
	@[ -n '$(DESTDIR)' ] || systemctl --user daemon-reload 2>/dev/null || true
ifneq ($(PREFIX),$(HOME)/.local)
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || sh packaging/sessions reload
endif
	@echo 'v2m is removed.'; kept=; [ -n '$(DESTDIR)' ] || kept=$$($(SETUP) kept); \
	 [ -z "$$kept" ] || printf 'Kept (`make purge` removes them, after asking):\n%s\n' "$$kept"

purge: uninstall ## uninstall, and also remove configuration, models and dictations, after asking
	@# Not with DESTDIR: set-up.sh would find this user's folders, not those of another root.
	@[ -n '$(DESTDIR)' ] || $(SETUP) purge

include packaging/packages.mk

## Developing

# Tests and benchmarks quote the English messages.
check test test-rust test-system test-campaign test-gnome48 test-kde test-engines campaign soak: export LC_ALL := C.UTF-8
bench bench-text bench-speech bench-compute bench-osd bench-desktop: export LC_ALL := C.UTF-8

# The house rules need only the standard library, so rustc compiles them without v2m's dependencies.
check: toolchain fmt-check ## run quick tests that need no root, Debian, models or whisper.cpp (a minute the first time)
	$(call phase,house rules,mkdir -p '$(TARGET)/check' && \
	  CARGO_MANIFEST_DIR='$(CURDIR)' rustc --edition 2024 --test -o '$(TARGET)/check/tidy' tests/tidy.rs && \
	  '$(TARGET)/check/tidy' --quiet)
	$(call phase,lints of the pure crates,cargo clippy --locked -p v2m-core -p v2m-files -p v2m-ipc -p v2m-messages --all-targets -- -D warnings)
	$(call phase,tests of the pure crates,cargo test --locked -p v2m-core -p v2m-files -p v2m-ipc -p v2m-messages)

messages: toolchain ## add new messages to the translations in po/, and check that all are translated
	V2M_UPDATE_MESSAGES=1 cargo test --locked -p v2m-messages --test sources

test: ## run all tests: format, lints, unit and integration tests, then system tests and a short campaign in a container (as root)
	@start=$$SECONDS; $(MAKE) test-deps fmt-check scripts-check clippy test-models test-rust test-system test-campaign; \
	 printf '\n== All tests passed, %s s\n' $$((SECONDS - start))

test-deps: toolchain
	$(call phase,packages,bash packaging/deps.sh test)

fmt: ## format the code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

fmt-check:
	$(call phase,format,cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check)

audit: toolchain ## check licences, sources and known vulnerabilities of dependencies (needs cargo-deny and the network)
	cargo deny --locked check

notices: toolchain ## rewrite THIRD-PARTY-NOTICES, after a change of dependencies (needs cargo-about)
	cargo fetch --locked
	cargo about generate --workspace --frozen --fail packaging/notices.hbs --output-file THIRD-PARTY-NOTICES
	@# Some licences have Windows line ends.
	sed -i 's/\r$$//' THIRD-PARTY-NOTICES

scripts-check: # check the shell scripts with shellcheck
	$(call phase,scripts,shellcheck -x $$(git ls-files -z | xargs -0 grep -lEI '^#!.*[/ ](ba)?sh$$' | grep -v '\.rs$$'))

# --all-targets leaves out the system tests and the campaign, which only run in their container.
# `make test-engines` checks v2m-engine-gguf, which compiles a second ggml.
clippy: fresh-whisper ## run the lints, as errors
	$(call phase,clippy,cargo clippy --locked --workspace --exclude v2m-engine-gguf --all-targets -- -D warnings && \
	  cargo clippy --locked --test system --test campaign -- -D warnings)

# v2m-model downloads the models, and verifies those that are already there.
test-models: fresh-whisper # the models the tests use
	$(call phase,models,cargo build --locked --bin v2m-model && \
	  for model in $(TEST_MODELS); do V2M_MODEL_DIR='$(V2M_TEST_MODELS)' '$(TARGET)/debug/v2m-model' pull $$model; done)

test-rust: fresh-whisper # unit and integration tests
	$(call phase,unit and integration tests,V2M_TEST_MODELS='$(V2M_TEST_MODELS)' cargo test --locked --workspace --exclude v2m-engine-gguf)

test-system: fresh-whisper # the programs on a booted machine; needs root
	$(call phase,system tests,cargo build --locked --bins && \
	  V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' bash tests/system/run.sh $(TESTS))

# Always the same seed, so that a new failure comes from a change and not from other random cases.
test-campaign: fresh-whisper # faults in 60 dictations; needs root
	$(call phase,campaign,cargo build --locked --bins && \
	  V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' N=60 SEED=1 LONGEST=4 REPEAT=1 bash tests/campaign/run.sh campaign)

test-gnome48: test-models ## run the GNOME tests on Debian 13's GNOME Shell 48, which is downloaded (as root; needs debootstrap)
	cargo build --locked --bins && V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' bash tests/system/gnome-48.sh

test-kde: test-models ## test pasting, the sign and the tray on Debian 13's KDE, which is downloaded (as root; needs debootstrap)
	cargo build --locked --bins && V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' bash tests/system/kde.sh

# Not part of `make test`: it takes as long as all other tests together.
test-engines: test-models ## test the engines that were built beside v2m-engine: each transcribes, or says why it cannot (BINARIES= tests others)
	@bash packaging/deps.sh engines
	TARGET='$(TARGET)' V2M_TEST_MODELS='$(V2M_TEST_MODELS)' bash tests/engines.sh $(or $(BINARIES),$(wildcard $(foreach engine,$(ALL_ENGINES),$(call engine_file,$(engine)))))

campaign: test-deps test-models ## inject 1000 faults into dictations and count lost words (an hour, as root; N=, SEED=, CASE=, FAULTS=)
	@cargo build --locked --bins
	@V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' N='$(N)' SEED='$(SEED)' CASE='$(CASE)' FAULTS='$(FAULTS)' \
	  bash tests/campaign/run.sh campaign

soak: test-deps test-models ## dictate 500 times, and check whether the service grows (half an hour, as root; N=, SEED=)
	@cargo build --locked --bins
	@V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' N='$(N)' SEED='$(SEED)' OUT=target/soak bash tests/campaign/run.sh soak

fuzz: toolchain ## fuzz everything that reads untrusted input (docs/fuzzing.md); SECONDS for each of TARGETS (60, all)
	@bash fuzz/run.sh '$(or $(SECONDS),60)' $(TARGETS)

# Does not need `build`: cargo bench builds the programs itself, with the libraries as the tests use
# them.
bench: toolchain test-models ## measure, without passing or failing (docs/performance.md)
	V2M_TEST_MODELS='$(V2M_TEST_MODELS)' cargo bench --locked --bench service -- $(SECTIONS)

bench-text: toolchain ## measure text rules, and language models through v2m and asked directly (a minute)
	cargo bench --locked -p v2m-core --bench rules
	cargo bench --locked --bench llm

bench-speech: toolchain test-models ## measure accuracy and speed on real recordings, compared with batch and faster-whisper (25 minutes)
	V2M_TEST_MODELS='$(V2M_TEST_MODELS)' bash benches/speech.sh

bench-compute: toolchain test-models ## compare ways of compiling whisper.cpp for a processor (half an hour)
	V2M_TEST_MODELS='$(V2M_TEST_MODELS)' bash benches/compute.sh

bench-osd: toolchain ## measure the sign on the screen (half a minute)
	cargo bench --locked --bench osd

bench-desktop: toolchain test-deps test-models ## measure delivery, press to sample, and press to text on GNOME Shell (5 minutes, as root)
	V2M_TEST_MODELS='$(V2M_TEST_MODELS)' MAKE='$(MAKE)' bash benches/desktop.sh

man: ## show the manual pages
	man -l $(MANUALS)
