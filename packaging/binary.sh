#!/usr/bin/env bash
# `make binary`: makes a reproducible archive of the staged tree. Packages of binaries for other
# distributions (packaging/arch/v2m-bin) are made from it.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${STAGED:?}" "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
rm -rf "$STAGED"
"${MAKE:-make}" stage
name=v2m-$VERSION-linux-$(uname -m)
rm -rf "${RELEASES:?}/$name"
mv "$STAGED/v2m" "$RELEASES/$name"
tar --create --directory="$RELEASES" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	--mode=u=rwX,go=rX --format=ustar "$name" | xz --threads=1 >"$RELEASES/$name.tar.xz"
rm -rf "${RELEASES:?}/$name"
ls -l "$RELEASES/$name.tar.xz"
