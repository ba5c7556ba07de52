#!/usr/bin/env bash
# `make test-gnome48`: runs the tests of GNOME and of its portals on Debian 13's GNOME Shell 48,
# with the programs built here. The first time, downloads that system with debootstrap into
# $V2M_TRIXIE (target/trixie; 3 minutes, 1.8 GB). Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(readlink -m "${V2M_TRIXIE:-target/trixie}")

# The run-time packages of the tests on Debian 12 (packaging/deps.sh), and the portals.
packages="gjs gnome-shell gnome-settings-daemon xwayland pipewire pipewire-bin wireplumber libspa-0.2-modules libgl1-mesa-dri
	libegl1 gsettings-desktop-schemas dconf-gsettings-backend python3-gi gir1.2-gtk-4.0 libglib2.0-bin procps fonts-dejavu-core
	adwaita-icon-theme xclip libgomp1 xdg-desktop-portal xdg-desktop-portal-gnome xdg-dbus-proxy
	at-spi2-core gnome-terminal gnome-console foot xterm"

# shellcheck disable=SC2086
bash tests/system/debian-13.sh "$root" $packages
export V2M_LOWER=$root
[ $# != 0 ] || bash tests/system/run.sh portal::
bash tests/system/run.sh gnome "$@"
