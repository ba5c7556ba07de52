# Packages and releases. Included by the Makefile.
#
#   BUILT     yes: package the programs that are already in $(TARGET)/$(BUILD)
#   MODELS    folder with ggml-base-q8_0.bin; if set, also makes the Debian package v2m-model-base
#   RELEASES  output folder for packages and archives
#
# Every kind of package is made from the folders that `stage` creates, so that no file list exists
# twice.

RELEASES ?= $(abspath $(TARGET))/packages
STAGED ?= $(RELEASES)/staged
export BUILT BUILD MODELS RELEASES STAGED VERSION
export TARGET_DIR := $(abspath $(TARGET))

.PHONY: stage deb rpm arch binary dist sums sbom test-packages

## Packages and releases

# Installs everything and divides it into one folder for each package: STAGED/v2m, and
# STAGED/v2m-cuda and v2m-vulkan if they were built.
stage:
	@[ '$(BUILT)' = yes ] || $(MAKE) build DEPS=no DESTDIR='$(STAGED)/tree'
	@rm -rf '$(STAGED)/tree' && mkdir -p '$(STAGED)'
	@$(MAKE) install-files DESTDIR='$(STAGED)/tree' PREFIX=/usr BUILD='$(BUILD)'
	@install -D -m755 packaging/sessions '$(STAGED)/tree/usr/lib/v2m/sessions'
	@install -D -m644 packaging/v2m.preset '$(STAGED)/tree/usr/lib/systemd/user-preset/90-v2m.preset'
	@cd '$(STAGED)/tree/usr' && for engine in bin/v2m-engine-*; do [ ! -e "$$engine" ] || \
	  echo '.so man1/v2m-engine.1' >"share/man/man1/$${engine#bin/}.1"; done
	@bash packaging/split.sh '$(STAGED)/tree' '$(STAGED)'

deb: ## make Debian packages (needs debhelper)
	@bash packaging/deb.sh

rpm: ## make RPM packages (needs rpmbuild)
	@bash packaging/rpm.sh

arch: ## make an Arch package of a binary archive (needs makepkg)
	@bash packaging/arch.sh

binary: # make an archive of the programs, for distributions without a package
	@bash packaging/binary.sh

dist: ## make a source archive that builds without network, and its SHA256SUMS
	@bash packaging/dist.sh

sums: # write the digests of everything in RELEASES, and of the PKGBUILDs in its folder arch
	@cd '$(RELEASES)' && shopt -s nullglob && \
	 sha256sum -- *.tar.xz *.deb *.rpm *.pkg.tar.zst *.cdx.json arch/*/* arch/*/.SRCINFO >SHA256SUMS && cat SHA256SUMS

sbom: ## list everything that is compiled in, in CycloneDX form (needs cargo-cyclonedx)
	@bash packaging/sbom.sh

test-packages: ## install, upgrade and remove the Debian packages on a fresh Debian 12, which is downloaded (as root; needs mmdebstrap and debhelper)
	@bash tests/packages/run.sh
