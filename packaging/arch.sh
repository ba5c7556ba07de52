#!/usr/bin/env bash
# `make arch`: the folders of packaging/arch with the digests of the archives in $RELEASES, as they are published, and, of the
# archive of the programs, the package itself. Archives that are missing are made: `make dist`, `make binary`.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
command -v makepkg >/dev/null || { echo "This needs makepkg: the package pacman, or on Debian makepkg"; exit 1; }
binary=v2m-$VERSION-linux-x86_64.tar.xz
[ -e "$RELEASES/$binary" ] || "${MAKE:-make}" binary
[ -e "$RELEASES/v2m-$VERSION.tar.xz" ] || "${MAKE:-make}" dist

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -rL packaging/arch/. "$work"
ln "$RELEASES/$binary" "$work/v2m-bin/" 2>/dev/null || cp "$RELEASES/$binary" "$work/v2m-bin/"
ln "$RELEASES/v2m-$VERSION.tar.xz" "$work/v2m/" 2>/dev/null || cp "$RELEASES/v2m-$VERSION.tar.xz" "$work/v2m/"
# makepkg refuses to run as root.
as_nobody() {
	if [ "$(id -u)" != 0 ]; then "$@"; else
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work" "$@"
	fi
}
[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$work"
for package in v2m v2m-bin; do
	cd "$work/$package"
	pkgver=$(sed -n 's/^pkgver=//p' PKGBUILD)
	[ "$pkgver" = "$VERSION" ] || { echo "packaging/arch/$package/PKGBUILD names version $pkgver, and Cargo.toml $VERSION."; exit 1; }
	digest=$(sha256sum ./*.tar.xz | cut -d' ' -f1)
	sed -i "s/'SKIP'/'$digest'/" PKGBUILD
	as_nobody makepkg --printsrcinfo >.SRCINFO
done
cd "$work/v2m-bin"
as_nobody env SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" PKGEXT=.pkg.tar.zst makepkg --nodeps --log
mv ./*.pkg.tar.zst "$RELEASES/"
cd "$work"
rm -rf "$RELEASES/arch"
for package in v2m v2m-bin; do
	install -D -m644 -t "$RELEASES/arch/$package" "$package"/{PKGBUILD,.SRCINFO,v2m.install}
done
ls -l "$RELEASES"/*.pkg.tar.zst
