#!/usr/bin/env bash
# debian-13.sh FOLDER PACKAGE...: creates a Debian 13 system with these packages in FOLDER, or
# installs missing packages there. Downloads it with debootstrap from $V2M_MIRROR.
set -euo pipefail
root=$(readlink -m "$1")
shift
mirror=${V2M_MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" = 0 ] || { echo "This makes and boots a system, which only root can: run it as root."; exit 1; }
command -v debootstrap >/dev/null || { echo "This needs debootstrap: apt-get install debootstrap"; exit 1; }

if ! [ -e "$root/.complete" ]; then
	printf '== Fetching Debian 13 into %s\n' "$root"
	rm -rf "$root"
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates \
		trixie "$root" "$mirror"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
fi
if [ "$(cat "$root/.complete" 2>/dev/null)" != "$*" ]; then
	# Packages must not start services now.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	chroot "$root" apt-get update -q
	DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends "$@"
	rm "$root/usr/sbin/policy-rc.d"
	printf '%s\n' "$*" >"$root/.complete"
fi
