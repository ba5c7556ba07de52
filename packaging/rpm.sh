#!/usr/bin/env bash
# `make rpm`: makes RPM packages of the staged tree, in $RELEASES.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${STAGED:?}" "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
command -v rpmbuild >/dev/null || { echo "This needs rpmbuild: the package rpm-build, or on Debian rpm"; exit 1; }
spec=$(sed -n 's/^Version: *//p' packaging/rpm/v2m.spec)
[ "$spec" = "$VERSION" ] || { echo "packaging/rpm/v2m.spec names version $spec, and Cargo.toml $VERSION."; exit 1; }

rm -rf "$STAGED"
"${MAKE:-make}" stage
engines=()
for gpu in cuda vulkan; do [ ! -d "$STAGED/v2m-$gpu" ] || engines+=(--define "$gpu 1"); done
work=$RELEASES/rpm
rm -rf "$work"
rpmbuild -bb --quiet --define "_topdir $work" --define "staged $STAGED" --define "_buildhost v2m" \
	--define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' "${engines[@]}" packaging/rpm/v2m.spec
mv "$work"/RPMS/*/*.rpm "$RELEASES/"
rm -rf "$work" "$STAGED"
ls -l "$RELEASES"/*.rpm
