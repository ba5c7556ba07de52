#!/usr/bin/env bash
# `make arch`: copies the folders of packaging/arch into $RELEASES/arch, with the digests of the
# archives in $RELEASES (`make dist`, `make binary`), ready to be published. Also makes the Arch
# package v2m-bin.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RELEASES:?}" "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
# Without pacman, makepkg fails with “unknown error”.
{ command -v makepkg && command -v pacman; } >/dev/null || {
	echo "This needs makepkg and pacman: the package pacman, or on Debian makepkg and pacman-package-manager"
	exit 1
}
[ -e "$RELEASES/v2m-$VERSION-linux-x86_64.tar.xz" ] || { echo "There is no archive of the programs yet: make binary"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -rL packaging/arch/. "$work"
packages=(v2m-bin)
cp "$RELEASES/v2m-$VERSION-linux-x86_64.tar.xz" "$work/v2m-bin/"
if [ -e "$RELEASES/v2m-$VERSION.tar.xz" ]; then
	packages+=(v2m)
	cp "$RELEASES/v2m-$VERSION.tar.xz" "$work/v2m/"
else
	echo "Not made, since there is no source archive: the PKGBUILD of v2m (make dist)"
fi
# makepkg refuses to run as root.
as_nobody() {
	if [ "$(id -u)" != 0 ]; then "$@"; else
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work" "$@"
	fi
}
[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$work"
for package in "${packages[@]}"; do
	cd "$work/$package"
	pkgver=$(sed -n 's/^pkgver=//p' PKGBUILD)
	[ "$pkgver" = "$VERSION" ] || { echo "packaging/arch/$package/PKGBUILD names version $pkgver, and Cargo.toml $VERSION."; exit 1; }
	digest=$(sha256sum ./*.tar.xz | cut -d' ' -f1)
	sed -i "s/'SKIP'/'$digest'/" PKGBUILD
	as_nobody makepkg --printsrcinfo >.SRCINFO
done
cd "$work/v2m-bin"
as_nobody env SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" PKGEXT=.pkg.tar.zst makepkg --nodeps --log
install -m644 ./*.pkg.tar.zst "$RELEASES/"
cd "$work"
rm -rf "$RELEASES/arch"
for package in "${packages[@]}"; do
	install -D -m644 -t "$RELEASES/arch/$package" "$package"/{PKGBUILD,.SRCINFO,v2m.install}
done
ls -l "$RELEASES"/*.pkg.tar.zst
