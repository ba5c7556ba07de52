#!/usr/bin/env bash
# `make binary`: the staged tree as an archive, the same bytes for the same programs. Other distributions' packages of binaries
# (packaging/arch/v2m-bin) are made of it.
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
