#!/usr/bin/env bash
# The packages for other distributions, each installed, verified and removed in a root of its own: an overlay of a Debian 12, since the
# package managers are Debian's. So this tests the packages, not that those distributions have what they ask for.
#
#   others.sh LOWER PACKAGE...     LOWER is the folder of the Debian 12; a package is a file *.rpm or *.pkg.tar.zst
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
	mkdir "$base"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=$lower,upperdir=$base/upper,workdir=$base/work" "$root"
}

# What is there of v2m, apart from the package managers' own notes.
found() { find "$root" -xdev -name '*v2m*' -not -path "$root/var/lib/*" -not -path "$root/var/log/*" -not -path "$root/var/cache/*"; }

is_enabled() { [ "$(systemctl --global --root="$root" is-enabled v2m.socket 2>&1)" = enabled ]; }

works() {
	[ "$(chroot "$root" v2m-send --version)" = "v2m-send $VERSION" ] || fail "v2m-send does not run"
	chroot "$root" v2m --version >/dev/null || fail "v2m does not run"
	chroot "$root" v2m-engine --help >/dev/null || fail "v2m-engine does not run"
	is_enabled || fail "v2m.socket is not enabled for new logins"
}

rpm_package() {
	local rpm=(rpm --root "$root" --dbpath /var/lib/rpm)
	"${rpm[@]}" --initdb
	# Nobody in this root says what it provides.
	"${rpm[@]}" --install --nodeps "$1"
	works
	"${rpm[@]}" --verify --nodeps v2m || fail "rpm --verify"
	"${rpm[@]}" --upgrade --force --nodeps "$1"
	works
	"${rpm[@]}" --erase --nodeps v2m
}

pacman_package() {
	local pacman=(pacman --root "$root" --config "$base/pacman.conf" --dbpath "$root/var/lib/pacman" --noconfirm)
	printf '[options]\nArchitecture = auto\n' >"$base/pacman.conf"
	mkdir -p "$root"/var/{lib,cache}/pacman
	# Without the check for what it needs, which would be looked for in this root.
	"${pacman[@]}" --upgrade --noscriptlet --nodeps --nodeps "$1"
	# pacman runs scripts in a root with a bash of its own only; so they are run here, as it does.
	scriptlet() { chroot "$root" bash -c ". /.install; $1"; }
	tar --extract --file="$1" --directory="$root" .INSTALL
	mv "$root/.INSTALL" "$root/.install"
	scriptlet post_install
	works
	"${pacman[@]}" --query --check --check v2m-bin || fail "pacman -Qkk"
	scriptlet pre_remove
	rm "$root/.install"
	"${pacman[@]}" --remove --noscriptlet --nodeps --nodeps v2m-bin
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
