#!/usr/bin/env bash
# The machine for the system tests: boots a real systemd in a container over an overlay of this
# machine's root, so nothing is downloaded and nothing on this machine changes. It has the lingering
# user `tester` with user manager, journald, session bus, PipeWire and a virtual microphone `vmic`,
# an X server, and a notification daemon. It does not contain v2m (tests/system/run.sh installs it
# between `make` and `boot`) or the tests (main.rs).
#
#   container.sh make            prepare the container's file system
#   container.sh boot [ARG...]   boot it; further arguments go to systemd-nspawn
#   container.sh run USER CMD    run a shell command inside, as root or as tester
#   container.sh down            power it off and remove it
#
# V2M_CT is its directory; containers in different directories are independent. V2M_DESKTOP is `x11`
# (X server and notification daemon), `gnome` (GNOME Shell), `gnome-portal` (GNOME Shell and its
# portals) or `kde` (KWin and its portals). V2M_LOWER replaces this machine's root, for example with
# another release of Debian.
set -euo pipefail

BASE=${V2M_CT:?set V2M_CT to the directory of the container, below /run}
DESKTOP=${V2M_DESKTOP:-x11}
ROOT=$BASE/root
TESTER=tester
TESTER_ID=1777
DISPLAY_NUMBER=7
# The displays of GNOME Shell and KWin are only known once they run: they are in the user manager's
# environment.
DISPLAYS=()
[ "$DESKTOP" != x11 ] || DISPLAYS=(DISPLAY=":$DISPLAY_NUMBER" XAUTHORITY="/run/user/$TESTER_ID/Xauthority")

fail() { echo "container: $*" >&2; exit 1; }

inside() {
	local init
	init=$(cat "$BASE/init.pid") || fail "not booted"
	nsenter -t "$init" -m -u -i -n -p -r -w "$@"
}

# Runs a command as tester, with the environment of a terminal in a desktop session.
as_tester() {
	inside runuser -u "$TESTER" -- env -i HOME="/home/$TESTER" USER="$TESTER" LOGNAME="$TESTER" \
		PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 RUST_BACKTRACE=1 \
		XDG_RUNTIME_DIR="/run/user/$TESTER_ID" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$TESTER_ID/bus" \
		"${DISPLAYS[@]}" \
		bash -c "cd; set -a; . .config/environment.d/v2m.conf; set +a; $1"
}

make_root() {
	[ "$(id -u)" = 0 ] || fail "needs root, to mount and to boot: run the tests with sudo"
	mkdir -p "$BASE"
	mount -t tmpfs -o mode=755,size=3g tmpfs "$BASE"
	mkdir "$BASE"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=${V2M_LOWER:-/},upperdir=$BASE/upper,workdir=$BASE/work" "$ROOT"
	echo v2m-test >"$ROOT/etc/hostname"
	rm -f "$ROOT/etc/machine-id"
	: >"$ROOT/etc/machine-id"
	# Disable the services that this machine has enabled.
	local unit
	for unit in "$ROOT"/etc/systemd/system/{multi-user,graphical,timers,network-online}.target.wants/*; do
		rm -f "$unit"
	done
	rm -rf "$ROOT/etc/systemd/user/graphical-session.target.wants"
	for unit in getty@tty1 console-getty systemd-networkd systemd-resolved systemd-timesyncd; do
		ln -sf /dev/null "$ROOT/etc/systemd/system/$unit.service"
	done
	mkdir -p "$ROOT/var/lib/systemd/linger" "$ROOT/var/log/journal"
	chroot "$ROOT" useradd --create-home --shell /bin/bash --uid "$TESTER_ID" "$TESTER"
	: >"$ROOT/var/lib/systemd/linger/$TESTER"
	# Only the test models.
	rm -rf "$ROOT"/usr{,/local}/share/v2m/models
	make_home
}

make_home() {
	local home=$ROOT/home/$TESTER here
	here=$(dirname "$(readlink -f "$0")")
	mkdir -p "$home"/.config/{pipewire/pipewire.conf.d,environment.d,dunst,systemd/user/default.target.wants}
	cp "$here/vmic.conf" "$home/.config/pipewire/pipewire.conf.d/"
	install -D -m755 "$here/gnome/window.py" "$ROOT/opt/v2m-test/window.py"
	case $DESKTOP in
	x11) make_x11 "$home" "$here" ;;
	gnome) make_gnome "$home" "$here" ;;
	gnome-portal)
		make_gnome "$home" "$here"
		make_portal "$home"
		;;
	kde) make_kde "$home" "$here" ;;
	*) fail "no desktop is called $DESKTOP" ;;
	esac
	# A small model, which loads and decodes fast: these tests do not measure accuracy.
	# Most tests check notifications. Tests of the on-screen sign turn it on.
	printf '%s\n' V2M_MODEL_DIR=/opt/v2m-test/models V2M_ENGINE__MODEL=tiny.en-q8_0 V2M_ENGINE__THREADS=1 \
		V2M_ENGINE__BEAM_SIZE=1 V2M_FEEDBACK__OVERLAY=false >"$home/.config/environment.d/v2m.conf"
	mkdir -p "$ROOT/mnt/small"
	chroot "$ROOT" chown -R "$TESTER:" "/home/$TESTER"
}

make_x11() {
	local home=$1 here=$2
	cp "$here/dunstrc" "$home/.config/dunst/"
	install -m755 "$here/record-notification" "$ROOT/usr/local/bin/"
	# Put the display into the user manager's environment, as a desktop session does.
	printf 'DISPLAY=:%s\nXAUTHORITY=/run/user/%s/Xauthority\n' "$DISPLAY_NUMBER" "$TESTER_ID" \
		>"$home/.config/environment.d/display.conf"
	cat >"$home/.config/systemd/user/xvfb.service" <<-UNIT
		[Unit]
		Description=An X server without a screen
		[Service]
		ExecStartPre=/usr/bin/xauth -q -f %t/Xauthority add :$DISPLAY_NUMBER . $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
		ExecStart=/usr/bin/Xvfb :$DISPLAY_NUMBER -screen 0 1280x720x24 -nolisten tcp -auth %t/Xauthority
		ExecStartPost=/bin/bash -c 'until [ -S /tmp/.X11-unix/X$DISPLAY_NUMBER ]; do sleep 0.05; done'
		TimeoutStartSec=20
	UNIT
	ln -s ../xvfb.service "$home/.config/systemd/user/default.target.wants/xvfb.service"
	mkdir -p "$home/.config/systemd/user/dunst.service.d"
	printf '[Unit]\nAfter=xvfb.service\nWants=xvfb.service\n' >"$home/.config/systemd/user/dunst.service.d/after-xvfb.conf"
	ln -s /usr/lib/systemd/user/dunst.service "$home/.config/systemd/user/default.target.wants/dunst.service"
}

make_gnome() {
	local home=$1 here=$2 units=$1/.config/systemd/user target
	install -m755 "$here/gnome/gnome-desktop" "$ROOT/usr/local/bin/"
	install -m755 "$here/gnome/copy.py" "$here/gnome/lines.sh" "$ROOT/opt/v2m-test/"
	install -D -m644 -t "$ROOT/usr/local/share/gnome-shell/extensions/test@v2m.org" "$here"/gnome/test-extension/*
	install -m755 "$here/gnome/display-manager" "$ROOT/usr/local/bin/"
	cat >"$ROOT/etc/systemd/system/display-manager-test.service" <<-UNIT
		[Unit]
		Description=What GNOME Shell asks of a display manager
		[Service]
		Type=dbus
		BusName=org.gnome.DisplayManager
		ExecStart=/usr/local/bin/display-manager
	UNIT
	printf '<busconfig><policy user="root"><allow own="org.gnome.DisplayManager"/></policy>%s</busconfig>\n' \
		'<policy context="default"><allow send_destination="org.gnome.DisplayManager"/></policy>' \
		>"$ROOT/etc/dbus-1/system.d/display-manager-test.conf"
	mkdir -p "$ROOT/etc/systemd/system/multi-user.target.wants"
	ln -s ../display-manager-test.service "$ROOT/etc/systemd/system/multi-user.target.wants/"
	# Without this unit, the shell forks ibus-daemon in a way that sometimes hangs the shell.
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' \
		>"$units/org.freedesktop.IBus.session.GNOME.service"
	ln -s ../org.freedesktop.IBus.session.GNOME.service "$units/default.target.wants/"
	# GNOME's portals need a graphical session, which only make_portal provides. Without it,
	# programs would wait half a minute for the portals to start.
	[ "$DESKTOP" != gnome ] || ln -s /dev/null "$units/xdg-desktop-portal.service"
	# The shell waits for the first of these targets before it serves XWayland. Debian's own targets
	# start parts of gnome-session.
	for target in gnome-session-x11-services-ready gnome-session-x11-services; do
		printf '[Unit]\nDescription=Nothing\n' >"$units/$target.target"
	done
	cat >"$units/gnome-desktop.service" <<-UNIT
		[Unit]
		Description=GNOME Shell without a screen
		After=dbus.socket org.freedesktop.IBus.session.GNOME.service
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/usr/local/bin/gnome-desktop
		TimeoutStartSec=120
	UNIT
	ln -s ../gnome-desktop.service "$units/default.target.wants/gnome-desktop.service"
}

# GNOME's portal runs only in a graphical session. This unit starts one in place of gnome-session.
make_portal() {
	local units=$1/.config/systemd/user
	printf '[Unit]\nBindsTo=graphical-session.target\nBefore=graphical-session.target\n[Service]\nType=oneshot\n%s\n%s\n' \
		RemainAfterExit=yes ExecStart=/bin/true >"$units/graphical-session-test.service"
	ln -s ../graphical-session-test.service "$units/default.target.wants/"
	mkdir -p "$units/gnome-desktop.service.d"
	printf '[Unit]\nAfter=graphical-session-test.service\n' >"$units/gnome-desktop.service.d/session.conf"
}

make_kde() {
	local home=$1 here=$2 units=$1/.config/systemd/user
	install -m755 "$here/kde/kde-desktop" "$ROOT/usr/local/bin/"
	install -D -m755 "$here/gnome/window.py" "$ROOT/opt/v2m-test/window.py"
	install -m755 "$here/kde/type.py" "$ROOT/opt/v2m-test/"
	cat >"$units/kde-desktop.service" <<-UNIT
		[Unit]
		Description=KWin without a screen
		After=dbus.socket
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/usr/local/bin/kde-desktop
		TimeoutStartSec=120
	UNIT
	ln -s ../kde-desktop.service "$units/default.target.wants/kde-desktop.service"
}

boot() {
	nohup setsid systemd-nspawn --quiet --boot --directory="$ROOT" --machine="$(basename "$BASE")" --register=no \
		--keep-unit --private-network --link-journal=no --resolv-conf=off --timezone=off --console=pipe \
		--tmpfs="/mnt/small:size=2m,uid=$TESTER_ID,mode=700" "$@" \
		-- systemd.unit=multi-user.target >"$BASE/console.log" 2>&1 </dev/null &
	local nspawn=$! init state=
	echo "$nspawn" >"$BASE/nspawn.pid"
	for _ in $(seq 600); do
		init=$(pgrep -P "$nspawn" | head -1 || true)
		if [ -n "$init" ]; then
			echo "$init" >"$BASE/init.pid"
			state=$(inside systemctl is-system-running 2>/dev/null || true)
			case $state in
			running | degraded) break ;;
			esac
		fi
		kill -0 "$nspawn" 2>/dev/null || { tail -20 "$BASE/console.log" >&2; fail "systemd-nspawn ended"; }
		sleep 0.1
	done
	case $state in
	running) ;;
	degraded) inside systemctl --failed --no-legend ;;
	*) tail -20 "$BASE/console.log" >&2; fail "no boot after 60 s: ${state:-nothing heard}" ;;
	esac
	as_tester 'systemctl --user is-system-running --wait >/dev/null || systemctl --user --failed --no-legend'
}

down() {
	local nspawn
	if nspawn=$(cat "$BASE/nspawn.pid" 2>/dev/null) && kill -0 "$nspawn" 2>/dev/null; then
		# SIGTERM asks the container's systemd for an orderly power-off. If that hangs, kill the
		# container.
		kill "$nspawn" 2>/dev/null || true
		for _ in $(seq 150); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
		kill -KILL "$nspawn" 2>/dev/null || true
	fi
	umount "$ROOT" 2>/dev/null || umount -l "$ROOT" 2>/dev/null || true
	umount "$BASE" 2>/dev/null || umount -l "$BASE" 2>/dev/null || true
	rmdir "$BASE" 2>/dev/null || true
}

case ${1:-} in
make) make_root ;;
boot) shift; boot "$@" ;;
run)
	case ${2:?user} in
	root) inside env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c "$3" ;;
	*) as_tester "$3" ;;
	esac
	;;
down) down ;;
*) fail "say make, boot, run or down" ;;
esac
