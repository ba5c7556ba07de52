#!/usr/bin/env bash
# `make test-kde`: tests pasting through KDE's portals, the on-screen sign and the tray icon, on
# Debian 13's KWin 6 and Plasma, with the programs built here. The first time, downloads that system
# with debootstrap into $V2M_KDE (target/kde; 5 minutes, 2.2 GB). Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(readlink -m "${V2M_KDE:-target/kde}")

# kwin-common has KWin's plugins, which its portal needs to open a session. plasma-workspace has the
# portal's permission dialog, plasma-desktop the panel, and kded6 the tray's watcher. Xvfb is the
# screen that the tests look at.
packages="kwin-wayland kwin-common plasma-workspace xdg-desktop-portal xdg-desktop-portal-kde qt6-wayland pipewire pipewire-bin
	wireplumber libspa-0.2-modules libgl1-mesa-dri libegl1 gsettings-desktop-schemas dconf-gsettings-backend python3-gi
	gir1.2-gtk-4.0 libglib2.0-bin procps fonts-dejavu-core adwaita-icon-theme wl-clipboard libgomp1
	xvfb plasma-desktop breeze kded6 qt6-svg-plugins"

# shellcheck disable=SC2086
bash tests/system/debian-13.sh "$root" $packages
V2M_LOWER=$root bash tests/system/run.sh "${@:-kde::}"
