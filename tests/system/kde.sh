#!/usr/bin/env bash
# `make test-kde`: pasting through KDE's portals, the sign on the screen and the icon in the tray, on Debian 13's KWin 6 and
# Plasma, with the programs built here. Fetches that system into $V2M_KDE (target/kde) the first time: 5 minutes, 2.2 GB, with
# debootstrap. Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(readlink -m "${V2M_KDE:-target/kde}")

# kwin-common has KWin's plugins, without which its portal opens no session, and plasma-workspace the portal's question.
# Xvfb is looked at, plasma-desktop has the panel, and kded6 the tray's watcher.
packages="kwin-wayland kwin-common plasma-workspace xdg-desktop-portal xdg-desktop-portal-kde qt6-wayland pipewire pipewire-bin
	wireplumber libspa-0.2-modules libgl1-mesa-dri libegl1 gsettings-desktop-schemas dconf-gsettings-backend python3-gi
	gir1.2-gtk-4.0 libglib2.0-bin procps fonts-dejavu-core adwaita-icon-theme wl-clipboard libgomp1
	xvfb plasma-desktop breeze kded6 qt6-svg-plugins"

# shellcheck disable=SC2086
bash tests/system/debian-13.sh "$root" $packages
V2M_LOWER=$root bash tests/system/run.sh "${@:-kde::}"
