#!/usr/bin/env bash
# `make sbom`: writes a list of everything that is compiled into v2m to $RELEASES, in CycloneDX
# form.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
cargo cyclonedx --version >/dev/null 2>&1 || { echo "This needs cargo-cyclonedx: cargo install --locked cargo-cyclonedx"; exit 1; }
mkdir -p "$RELEASES"
cargo cyclonedx --quiet --format json --spec-version 1.5 --all-features --no-build-deps --target x86_64-unknown-linux-gnu \
	--override-filename v2m-sbom --manifest-path Cargo.toml
# Remove the path of this machine.
sed "s,path+file://$PWD,path+file:///v2m,g" v2m-sbom.json >"$RELEASES/v2m-$VERSION.cdx.json"
find . -path ./target -prune -o -name v2m-sbom.json -exec rm {} +
ls -l "$RELEASES/v2m-$VERSION.cdx.json"
