#!/usr/bin/env bash
# `make dist`: makes a reproducible archive of the last commit, with the sources of all
# dependencies. It builds without network. Needs git, cargo, python3 and xz.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${VERSION:?}"
here=$PWD
bash packaging/check-release.sh
epoch=$(git log -1 --format=%ct)
name=v2m-$VERSION
work=$RELEASES/dist
rm -rf "$work"
mkdir -p "$work/$name"
git archive HEAD | tar --extract --directory="$work/$name"
cd "$work/$name"
grep -q "^version = \"$VERSION\"" Cargo.toml || { echo "The last commit is not version $VERSION."; exit 1; }

cargo vendor --locked --quiet --versioned-dirs vendor >/dev/null
# Dependencies that Linux never compiles must be present, but cargo reads only their manifests.
for target in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu; do
	cargo tree --locked --offline --workspace --all-features --edges normal,build,dev --target "$target" --prefix none --format '{p}'
done | sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' | sort -u >../needed
python3 "$here/packaging/slim-vendor.py" vendor ../needed
cat >>.cargo/config.toml <<'CONFIG'

# The archive of a release has the sources of all dependencies.
[source.crates-io]
replace-with = "vendored-sources"
[source.vendored-sources]
directory = "vendor"
CONFIG
cd ..
tar --create --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=gnu "$name" |
	xz --threads=1 >"$RELEASES/$name.tar.xz"
cd "$RELEASES"
rm -rf "$work"
ls -l "$name.tar.xz"
"${MAKE:-make}" --no-print-directory -C "$here" sums
