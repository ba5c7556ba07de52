#!/usr/bin/env bash
# Tests the packages for other distributions: installs, verifies and removes each in its own root, with that distribution's
# package manager (dnf, pacman) if it is installed here. The root is an overlay on Debian 12, so this tests the packages, but not
# whether those distributions have the dependencies: a package without files stands in for all dependencies.
#
#   others.sh LOWER PACKAGE...     LOWER is the folder with Debian 12; a package is a file *.rpm or *.pkg.tar.zst
set -euo pipefail
lower=$1
shift
base=$(mktemp --directory /run/v2m-others-XXXXXX)
root=$base/root
trap 'umount "$root" 2>/dev/null || true; umount "$base" 2>/dev/null || true; rmdir "$base"' EXIT
fail() { printf '\nFAILED: %s\n' "$*"; exit 1; }

mount -t tmpfs -o mode=755,size=1g tmpfs "$base"
fresh() {
	umount "$root" 2>/dev/null || true
	rm -rf "${base:?}"/*
	mkdir "$base"/{upper,work,root,made}
	mount -t overlay overlay -o "lowerdir=$lower,upperdir=$base/upper,workdir=$base/work" "$root"
}

# Lists v2m's files in the root, except the package managers' own data.
found() { find "$root" -xdev -name '*v2m*' -not -path "$root/var/lib/*" -not -path "$root/var/log/*" -not -path "$root/var/cache/*" \
	-not -path "$root/run/*"; }

is_enabled() { [ "$(systemctl --global --root="$root" is-enabled v2m.socket 2>&1)" = enabled ]; }

works() {
	[ "$(chroot "$root" v2m-send --version)" = "v2m-send $VERSION" ] || fail "v2m-send does not run"
	chroot "$root" v2m --version >/dev/null || fail "v2m does not run"
	chroot "$root" v2m-engine --help >/dev/null || fail "v2m-engine does not run"
	is_enabled || fail "v2m.socket is not enabled for new logins"
}

# A package that provides all that this one needs.
rpm_stand_in() {
	{
		printf '%s\n' 'Name: stand-in' 'Version: 1' 'Release: 1' 'Summary: What v2m needs' 'License: MIT' 'BuildArch: noarch' 'AutoReq: no'
		rpm --query --package --requires "$1" | grep -v '^rpmlib\|^config' | sed 's/ >= / = /; s/^/Provides: /'
		printf '%s\n' '%description' 'Nothing.' '%files'
	} >"$base/made/stand-in.spec"
	rpmbuild -bb --quiet --define "_topdir $base/made" "$base/made/stand-in.spec"
	echo "$base"/made/RPMS/*/stand-in-*.rpm
}

rpm_package() {
	local rpm=(rpm --root "$root" --dbpath /var/lib/rpm) needed
	if command -v dnf >/dev/null; then
		needed=$(rpm_stand_in "$1")
		dnf() {
			command dnf --installroot="$root" --releasever=1 --disablerepo='*' --disableplugin='*' --setopt=install_weak_deps=False \
				--setopt=cachedir="$base/made/cache" --setopt=reposdir=/nowhere --setopt=varsdir=/nowhere \
				--nogpgcheck --assumeyes "$@" >"$base/made/dnf.log" 2>&1 || { cat "$base/made/dnf.log"; fail "dnf $*"; }
		}
		! (dnf install "$1") >/dev/null 2>&1 || fail "dnf does not ask for what v2m needs"
		dnf install "$1" "$needed"
		works
		rpm --root "$root" --verify v2m || fail "rpm --verify"
		dnf reinstall "$1"
		works
		dnf remove v2m
		echo "with $(command dnf --version | head -1 | sed 's/^/dnf /')"
	else
		"${rpm[@]}" --initdb
		# This root's database does not list what it provides.
		"${rpm[@]}" --install --nodeps "$1"
		works
		"${rpm[@]}" --verify --nodeps v2m || fail "rpm --verify"
		"${rpm[@]}" --upgrade --force --nodeps "$1"
		works
		"${rpm[@]}" --erase --nodeps v2m
	fi
}

# A package that provides all that this one needs.
pacman_stand_in() {
	{
		printf '%s\n' pkgname=stand-in pkgver=1 pkgrel=1 'arch=(any)' 'package() { :; }'
		printf 'provides=(%s)\n' "$(tar --extract --to-stdout --file="$1" .PKGINFO | sed -n 's/^depend = //p' | paste -sd' ')"
	} >"$base/made/PKGBUILD"
	chown -R 65534:65534 "$base/made"
	(cd "$base/made" && setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$base/made" PKGEXT=.pkg.tar.zst makepkg --nodeps >&2)
	echo "$base"/made/stand-in-*.pkg.tar.zst
}

pacman_package() {
	local pacman=(pacman --root "$root" --config "$base/pacman.conf" --dbpath "$root/var/lib/pacman" --noconfirm) needed
	printf '[options]\nArchitecture = auto\n' >"$base/pacman.conf"
	mkdir -p "$root"/var/{lib,cache}/pacman
	! "${pacman[@]}" --upgrade "$1" >/dev/null 2>&1 || fail "pacman does not ask for what v2m needs"
	needed=$(pacman_stand_in "$1")
	# pacman runs scripts only if the root has a bash of its own. So run them here in the same way.
	"${pacman[@]}" --upgrade --noscriptlet "$needed" "$1"
	scriptlet() { chroot "$root" bash -c ". /.install; $1"; }
	tar --extract --file="$1" --directory="$root" .INSTALL
	mv "$root/.INSTALL" "$root/.install"
	scriptlet post_install
	works
	"${pacman[@]}" --query --check --check v2m-bin || fail "pacman -Qkk"
	"${pacman[@]}" --upgrade --noscriptlet "$1"
	scriptlet post_upgrade
	works
	scriptlet pre_remove
	rm "$root/.install"
	"${pacman[@]}" --remove --noscriptlet v2m-bin
}

for package; do
	printf '\n-- %s\n' "${package##*/}"
	fresh
	case $package in
	*.rpm) rpm_package "$package" ;;
	*.pkg.tar.zst) pacman_package "$package" ;;
	*) fail "what is $package?" ;;
	esac
	! is_enabled || fail "v2m.socket is still enabled"
	[ -z "$(found)" ] || fail "left after the removal: $(found)"
	echo "installed, verified and removed"
done
