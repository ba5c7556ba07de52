#!/usr/bin/env bash
# `make deb`: makes Debian packages of this source in $RELEASES. Works on a copy, because debhelper leaves its files in the
# source. Does not check build dependencies, because a Rust toolchain from rustup is not a package. `make toolchain` checks the
# toolchain.
#
#   DEB_REVISION   the packages' revision, for tests of upgrades; by default the one in debian/changelog
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${TARGET_DIR:?}" "${VERSION:?}" "${BUILD:=release}"
bash packaging/check-release.sh
command -v dh >/dev/null || { echo "This needs debhelper: apt-get install debhelper"; exit 1; }

changelog=$(sed -n '1s/.*(\(.*\)-.*/\1/p' debian/changelog)
[ "$changelog" = "$VERSION" ] || { echo "debian/changelog names version $changelog, and Cargo.toml $VERSION."; exit 1; }

# GPU engines and the model are packaged if they exist.
profiles=()
for gpu in cuda vulkan; do
	for engine in "$gpu" "gguf-$gpu"; do
		if [ "$BUILD" = release ] && [ -e "$TARGET_DIR/engine-$engine/release/v2m-engine-$engine" ]; then
			profiles+=("pkg.v2m.$gpu")
			break
		fi
	done
done
[ -z "${MODELS:-}" ] || profiles+=(pkg.v2m.model)

work=$RELEASES/deb
rm -rf "$work"
mkdir -p "$work/v2m-$VERSION"
# A source archive may be unpacked inside another repository.
is_clone() { [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]; }
sources() { if is_clone; then git ls-files -z; else find . -path ./target -prune -o \( -type f -o -type l \) -print0; fi; }
sources | tar --create --null --files-from=- | tar --extract --directory="$work/v2m-$VERSION"
cd "$work/v2m-$VERSION"
[ -z "${DEB_REVISION:-}" ] || sed -i "1s/-[^-)]*)/-$DEB_REVISION)/" debian/changelog

# debhelper gives the build its own home. cargo and rustup are in the user's home.
CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_TARGET_DIR=$TARGET_DIR \
	dpkg-buildpackage --build=binary --no-check-builddeps --no-sign --build-profiles="$(IFS=,; echo "${profiles[*]}")"
mv ../*.deb "$RELEASES/"
cd "$RELEASES"
rm -rf "$work"
ls -l ./*.deb
