#!/usr/bin/env bash
# `make test-kde`: pasting on Debian 13's KWin 6 through KDE's portals, with the programs built here. Fetches that system into
# $V2M_KDE (target/kde) the first time: 3 minutes, 1.3 GB, with debootstrap. Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(readlink -m "${V2M_KDE:-target/kde}")
mirror=${V2M_MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" = 0 ] || { echo "This makes and boots a system, which only root can: run it as root."; exit 1; }
command -v debootstrap >/dev/null || { echo "This needs debootstrap: apt-get install debootstrap"; exit 1; }

packages="kwin-wayland kwin-common xdg-desktop-portal xdg-desktop-portal-kde qt6-wayland pipewire pipewire-bin wireplumber libspa-0.2-modules
	libgl1-mesa-dri libegl1 gsettings-desktop-schemas dconf-gsettings-backend python3-gi gir1.2-gtk-4.0 libglib2.0-bin procps
	fonts-dejavu-core adwaita-icon-theme wl-clipboard libgomp1"

if ! [ -e "$root/.complete" ]; then
	printf '== Fetching Debian 13 into %s\n' "$root"
	rm -rf "$root"
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates \
		trixie "$root" "$mirror"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	# Nothing is to be started in there now.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends $packages
	rm "$root/usr/sbin/policy-rc.d"
	: >"$root/.complete"
fi
V2M_LOWER=$root bash tests/system/run.sh kde "$@"
