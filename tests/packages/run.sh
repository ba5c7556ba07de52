#!/usr/bin/env bash
# `make test-packages`: tests the Debian packages like a user, on a fresh Debian 12 booted in a container: first press, dictation,
# `v2m doctor`, upgrades during use, upgrades and downgrades between versions, two users, a package with a GPU engine, removal,
# purge, autopkgtest and lintian; then the packages for other distributions, and the source archive without network. The first run
# downloads the system into $V2M_ROOT (target/packages/$SUITE) with mmdebstrap. Not part of `make test`.
#
#   SUITE          bookworm (Debian 12, the default), trixie (Debian 13) or noble (Ubuntu 24.04)
#   V2M_MIRROR     where to download it from: an address, or a line of sources.list
#   V2M_OLD        the commit to upgrade from (version.sh)
#   BUILD, BUILT   as in packaging/packages.mk; `BUILD=debug BUILT=yes` tests the programs built by `cargo build`
#   MADE           yes: use the packages of the last run
#   PAIRS          the versions to upgrade from and to: `old:1 1:next`
#   ONLY           after the first press, run only the parts whose names match this pattern
set -euo pipefail
cd "$(dirname "$0")/../.."
export BUILD=${BUILD:-release} BUILT=${BUILT:-} MAKE=${MAKE:-make}
models=${V2M_TEST_MODELS:-$PWD/target/test-models}
suite=${SUITE:-bookworm}
lower=$(readlink -m "${V2M_ROOT:-target/packages/$suite}")
made=$PWD/target/packages/test
# All packages of a run have the same time, even if something is committed meanwhile.
if [ "${MADE:-}" = yes ]; then
	SOURCE_DATE_EPOCH=$(cat "$made/time")
else
	SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$({ [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] && git log -1 --format=%ct 2>/dev/null; } || stat -c %Y CHANGELOG.md)}
	mkdir -p "$made"
	echo "$SOURCE_DATE_EPOCH" >"$made/time"
fi
export SOURCE_DATE_EPOCH
case $suite in
noble) mirror='deb http://archive.ubuntu.com/ubuntu noble main universe' ;;
*) mirror=http://deb.debian.org/debian ;;
esac
mirror=${V2M_MIRROR:-$mirror}

say() { printf '%s\n' "$*"; }
fail() { printf '\nFAILED: %s\n' "$*"; exit 1; }
[ "$(id -u)" = 0 ] || fail "this makes and boots a system, which only root can: run it as root"
[ -e "$models/ggml-base-q8_0.bin" ] || fail "the test models are not in $models: make test-models"

# A session, sound and a display, as on a machine with a desktop. v2m's packages bring only themselves.
packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,apt,ca-certificates,procps,pipewire,pipewire-bin,wireplumber
packages+=,libspa-0.2-modules,xvfb,xauth,xclip,dunst,libnotify-bin,libgomp1,passwd,init-system-helpers,autopkgtest,diffutils,dpkg-dev
if [ "$(cat "$lower/.complete" 2>/dev/null)" != "$packages" ]; then
	say "== Fetching $suite into $lower"
	rm -rf "$lower"
	mkdir -p "$(dirname "$lower")"
	mmdebstrap --mode=root --variant=minbase --include="$packages" "$suite" "$lower" "$mirror"
	echo "$packages" >"$lower/.complete"
fi

# Two revisions with the same programs. For a running service, the second one's files are new, as after any upgrade.
for revision in 1 2; do
	[ "${MADE:-}" != yes ] || break
	say "== Making the packages, revision $revision"
	rm -rf "${made:?}/$revision"
	mkdir -p "$made/$revision"
	DPKG_DEB_COMPRESSOR_TYPE=gzip "$MAKE" --silent deb DEB_REVISION="$revision" RELEASES="$made/$revision" MODELS="$models" \
		>"$made/deb-$revision.log" 2>&1 || { tail -40 "$made/deb-$revision.log"; fail "make deb"; }
	BUILT=yes
	say "$(cd "$made/$revision" && stat --format='%n: %s bytes' ./*.deb)"
done
for version in old next; do
	[ "${MADE:-}" != yes ] || break
	say "== Making the packages, version $version"
	rm -rf "${made:?}/$version"
	bash tests/packages/version.sh "$version" "$made/$version" >"$made/deb-$version.log" 2>&1 ||
		{ tail -40 "$made/deb-$version.log"; fail "version.sh $version"; }
	say "$(head -1 "$made/deb-$version.log"; cd "$made/$version" && ls ./*.deb)"
done

# Makes the package of the Vulkan engine, with a stand-in for that engine and the programs of revision 1.
make_gpu_package() {
	local tree=$made/gpu-target built
	built=$(readlink -f "${CARGO_TARGET_DIR:-target}/$BUILD")
	rm -rf "$tree" "$made/gpu"
	mkdir -p "$tree/release" "$made/gpu"
	ln -s "$built"/v2m* "$tree/release/"
	install -D -m755 tests/packages/gpu-engine "$tree/engine-vulkan/release/v2m-engine-vulkan"
	CARGO_TARGET_DIR=$tree DPKG_DEB_COMPRESSOR_TYPE=gzip "$MAKE" --silent deb BUILD=release BUILT=yes ENGINES=vulkan MODELS= \
		DEB_REVISION=1 RELEASES="$made/gpu" >"$made/deb-gpu.log" 2>&1 || { tail -40 "$made/deb-gpu.log"; fail "make deb, with v2m-vulkan"; }
	# This package already exists in revision 1.
	rm "$made"/gpu/v2m_*.deb
}
if [ "${MADE:-}" != yes ]; then
	say "== Making the package v2m-vulkan"
	make_gpu_package
fi

export V2M_CT=/run/v2m-packages-$$ V2M_DESKTOP=x11 V2M_LOWER=$lower
machine() { bash tests/system/container.sh "$@"; }
root() { machine run root "$1"; }
user() { machine run tester "$1"; }
SECOND=1778
second() {
	root "runuser -u second -- env -i HOME=/home/second USER=second LOGNAME=second PATH=/usr/bin:/bin LANG=C.UTF-8 \
		XDG_RUNTIME_DIR=/run/user/$SECOND DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$SECOND/bus bash -c 'cd; $1'"
}
trap 'status=$?; [ "$status" = 0 ] || journal; machine down; exit "$status"' EXIT
trap 'exit 130' INT TERM
journal() {
	root 'journalctl --no-pager --no-hostname -o short-precise' >"$made/journal" 2>/dev/null || return 0
	say "== The last of the journal (all of it is in $made/journal)"
	tail -40 "$made/journal"
}

make_machine() {
	machine make
	# A user without settings.
	: >"$V2M_CT/root/home/tester/.config/environment.d/v2m.conf"
	chroot "$V2M_CT/root" useradd --create-home --shell /bin/bash --uid "$SECOND" second
	: >"$V2M_CT/root/var/lib/systemd/linger/second"
	# The test is not about recording on a busy machine, so long periods give it time.
	install -d "$V2M_CT/root/etc/pipewire/pipewire.conf.d"
	printf 'context.properties = { default.clock.%s = 8192 default.clock.%s = 8192 default.clock.%s = 8192 }\n' \
		quantum min-quantum max-quantum >"$V2M_CT/root/etc/pipewire/pipewire.conf.d/long-periods.conf"
	install -D -m755 tests/packages/dictate "$V2M_CT/root/opt/v2m-test/dictate"
	# The sources for autopkgtest.
	install -D -m755 -t "$V2M_CT/root/opt/v2m-test/source/debian/tests" debian/tests/*
	install -D -m755 -t "$V2M_CT/root/opt/v2m-test/source/tests/packages" tests/packages/dictate
	install -m644 -t "$V2M_CT/root/opt/v2m-test/source/debian" debian/control debian/changelog debian/copyright debian/rules
	machine boot --bind-ro="$made:/opt/packages" \
		--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
}

# install_packages REVISION [PACKAGE...]
install_packages() {
	local revision=$1 files=() package
	shift
	for package in "${@:-v2m}"; do files+=("/opt/packages/$revision/${package}_*.deb"); done
	root "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --allow-downgrades ${files[*]} >/tmp/apt.log 2>&1 ||
		{ cat /tmp/apt.log; exit 1; }"
}

# until_so WHAT COMMAND...: waits until the command succeeds, at most five minutes, because the machine may be busy.
until_so() {
	local what=$1
	shift
	for _ in $(seq 1500); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.2
	done
	fail "$what: not after five minutes"
}

pid() { user 'systemctl --user show --property=MainPID --value v2m.service'; }
is_new() { user "p=\$(systemctl --user show -P MainPID v2m.service); [ \"\$p\" != 0 ] && ! ls -l /proc/\$p/exe | grep -q deleted"; }
is_gone() { user '! systemctl --user --quiet is-active v2m.service'; }
# The status may name waiting dictations after the state.
says_state() { [[ $(user "v2m-send status" | sed -n 's/^state *//p') == "$1"* ]]; }
WORDS=/usr/share/v2m/sample.txt
SOUND=/usr/share/v2m/sample.wav
assert_heard() { user "/opt/v2m-test/dictate heard $WORDS '$1'" || fail "${2:-the words are not all there}"; }

part_first_press() {
	local start=$EPOCHREALTIME said status=0 end
	install_packages 1 v2m
	# Both users' sessions were running before the installation.
	user 'systemctl --user --quiet is-enabled v2m.socket && systemctl --user --quiet is-active v2m.socket' || fail "v2m.socket is not open"
	second 'systemctl --user --quiet is-active v2m.socket' || fail "v2m.socket is not open for the second user"
	said=$(user 'v2m-send toggle 2>&1') || status=$?
	[[ $status$said == 1*"v2m-model pull"* ]] || fail "the first press without a model: $status: $said"
	say "Without a model: $said"
	install_packages 1 v2m-model-base
	user "v2m-send transcribe $SOUND >first.txt"
	end=$EPOCHREALTIME
	assert_heard first.txt
	say "From apt install to the first text: $(( (${end/./} - ${start/./}) / 1000 )) ms"
	user "/opt/v2m-test/dictate text $SOUND >dictated.txt"
	end=$EPOCHREALTIME
	assert_heard dictated.txt
	say "To the first dictated text, with 11 s of speech: $(( (${end/./} - ${start/./}) / 1000 )) ms"
	user 'cat dictated.txt'
	user 'v2m doctor' || fail "v2m doctor"
}

# Sets a small model for the later parts. It is quick on any machine.
make_quick() {
	local home
	for home in tester second; do
		install -D -m644 -t "$V2M_CT/root/home/$home/.local/share/v2m/models" "$models/ggml-tiny.en-q8_0.bin"
		install -d "$V2M_CT/root/home/$home/.config/v2m"
		printf '[engine]\nmodel = "tiny.en-q8_0"\nbeam_size = 1\n' >"$V2M_CT/root/home/$home/.config/v2m/config.toml"
		chroot "$V2M_CT/root" chown -R "$home:" "/home/$home"
	done
}

# shellcheck source=tests/packages/upgrades.sh
. tests/packages/upgrades.sh

part_two_users() {
	second '/opt/v2m-test/dictate text '$SOUND' >two.txt' &
	local other=$!
	user "/opt/v2m-test/dictate text $SOUND >two.txt"
	wait "$other" || fail "the second user"
	assert_heard two.txt "the first user of two"
	second "/opt/v2m-test/dictate heard $WORDS two.txt" || fail "the second user of two"
	second 'ls /home/tester/.local/state/v2m' 2>/dev/null && fail "a user can read another's dictations"
	[ "$(second 'ls ~/.local/state/v2m/dictations | grep -c json')" = 1 ] || fail "the second user has other dictations than one"
}

# Prints the backend of the first user's last text, from the journal, such as cpu.
computed_by() { root 'journalctl --output=cat _UID=1777' | sed -n 's/.*transcribed .* s of speech in .*(\(.*\)).*/\1/p' | tail -1; }
drop_ins() { user 'systemctl --user show --property=DropInPaths --value v2m.service'; }

# Installs and removes the package during sessions. A running service keeps its restrictions until it ends.
part_gpu_package() {
	to 1
	user "v2m-send transcribe $SOUND >plain.txt"
	[[ $(drop_ins) != *vulkan.conf* ]] || fail "there is a drop-in without a package"
	root 'touch /tmp/no-gpu'
	install_packages gpu v2m-vulkan
	[[ $(drop_ins) == *vulkan.conf* ]] || fail "the session does not know of the drop-in: $(drop_ins)"
	[[ $(second 'systemctl --user show --property=DropInPaths --value v2m.service') == *vulkan.conf* ]] || fail "nor the second user's"
	# The running service still works.
	user "v2m-send transcribe $SOUND >gpu.txt"
	assert_heard gpu.txt "after the installation"
	end_service
	user "v2m-send transcribe $SOUND >gpu.txt"
	assert_heard gpu.txt "where there is no GPU"
	[[ $(computed_by) == cpu* ]] || fail "where there is no GPU, $(computed_by) computes"
	user 'v2m-send status | grep "there is no GPU in this test"' || fail "it does not say why: $(user 'v2m-send status')"
	root 'rm /tmp/no-gpu'
	end_service
	user "v2m-send transcribe $SOUND >gpu.txt"
	assert_heard gpu.txt "with a GPU"
	[ "$(computed_by)" = vulkan ] || fail "the engine for GPUs is not used, but $(computed_by): $(user 'v2m-send status')"
	# Remove the package while the engine is in use.
	user 'v2m-send start'
	root 'apt-get remove --yes --quiet v2m-vulkan >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }'
	user "/opt/v2m-test/dictate speak $SOUND"
	user 'v2m-send stop >gpu.txt'
	assert_heard gpu.txt "recorded during the removal"
	[[ $(drop_ins) != *vulkan.conf* ]] || fail "the session still knows of the drop-in"
	end_service
	user "v2m-send transcribe $SOUND >gpu.txt"
	assert_heard gpu.txt "after the removal"
	[[ $(computed_by) == cpu* ]] || fail "the engine for GPUs still computes"
	user 'v2m-send status | grep -i vulkan' && fail "the status still tells of it"
	# dpkg keeps the scripts of packages that are only removed.
	root 'apt-get purge --yes --quiet v2m-vulkan >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }'
}

# If a policy forbids packages to start services, a press opens the socket, and so does a call on the session bus.
part_policy() {
	root 'apt-get purge --yes --quiet v2m >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }'
	root "printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d"
	install_packages 2
	root 'rm /usr/sbin/policy-rc.d'
	user '! systemctl --user --quiet is-active v2m.socket' || fail "the socket was opened against the policy"
	user 'v2m-send ping' || fail "the press did not open the socket"
	user 'systemctl --user --quiet is-active v2m.socket' || fail "v2m.socket is not open after a press"
	user 'systemctl --user stop v2m.socket v2m.service'
	user 'busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus StartServiceByName su org.v2m.Dictation1 0'
	user 'systemctl --user --quiet is-active v2m.socket && v2m-send ping' || fail "the session bus did not open the socket"
}

part_autopkgtest() {
	# The container is a separate machine, but newer versions of autopkgtest do not assume that.
	root 'cd /opt/v2m-test/source && autopkgtest --no-built-binaries --ignore-restrictions=isolation-container . -- null' ||
		fail "autopkgtest"
}

part_removal() {
	local before
	before=$(user 'find .config/v2m .local/state/v2m -type f | sort')
	user 'v2m-send start'
	user "/opt/v2m-test/dictate speak $SOUND"
	root 'apt-get remove --yes --quiet v2m >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }'
	user '[ ! -e /run/user/1777/v2m/v2m.sock ] && ! pgrep -u tester "^v2m"' || fail "something of v2m still runs"
	root 'apt-get purge --yes --quiet v2m v2m-model-base >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }'
	local left
	left=$(root 'find / -xdev -name "*v2m*" -not -path "/home/*" -not -path "/opt/*" -not -path "/proc/*" -not -path "/tmp/*" \
		-not -path "/run/*" -not -path "/var/log/*" -not -path "/etc/hostname"')
	[ -z "$left" ] || fail "left after a purge: $left"
	local missing
	missing=$(comm -23 <(echo "$before") <(user 'find .config/v2m .local/state/v2m -type f | sort'))
	[ -z "$missing" ] || fail "a purge has removed files of the user: $missing"
	# The next installation transcribes the recording that was under way at the removal.
	install_packages 2 v2m v2m-model-base
	user 'v2m-send ping >/dev/null'
	until_so "the recording of before is transcribed" user "v2m-send last >last.txt && /opt/v2m-test/dictate heard $WORDS last.txt"
}

# Packages the same programs again in another folder, at another time, with another umask.
part_reproducible() {
	local again=$made/somewhere/else package
	rm -rf "$made/somewhere"
	mkdir -p "$again"
	(umask 027 && DPKG_DEB_COMPRESSOR_TYPE=gzip "$MAKE" --silent deb DEB_REVISION=2 BUILT=yes RELEASES="$again" >"$made/deb-again.log" 2>&1) ||
		{ tail -40 "$made/deb-again.log"; fail "make deb"; }
	for package in "$again"/*.deb; do
		sha256sum "$package" "$made/2/${package##*/}"
		cmp "$package" "$made/2/${package##*/}" || { diffoscope "$package" "$made/2/${package##*/}" || true; fail "${package##*/} is another one"; }
	done
}

# Tests the same tree's packages for other distributions, and the flake with a double of nixpkgs.
part_others() {
	local others=$made/others
	rm -rf "$others"
	mkdir -p "$others"
	if command -v rpmbuild >/dev/null && command -v rpm >/dev/null; then
		XZ_OPT=-0 "$MAKE" --silent rpm BUILT=yes RELEASES="$others" >"$made/rpm.log" 2>&1 || { tail -20 "$made/rpm.log"; fail "make rpm"; }
	else
		say "Not tested, since rpmbuild is missing: RPM packages"
	fi
	if command -v makepkg >/dev/null && command -v pacman >/dev/null; then
		XZ_OPT=-0 "$MAKE" --silent binary arch BUILT=yes RELEASES="$others" >"$made/arch.log" 2>&1 || { tail -20 "$made/arch.log"; fail "make arch"; }
	else
		say "Not tested, since makepkg or pacman is missing: Arch's packages"
	fi
	VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1) bash tests/packages/others.sh "$lower" "$others"/*.rpm "$others"/*.pkg.tar.zst
	if command -v nix-instantiate >/dev/null; then
		nix-instantiate --eval --strict --json tests/packages/flake.nix >"$made/flake.json" || fail "the flake"
		say "The flake is evaluated, with a double of nixpkgs"
	else
		say "Not tested, since nix-instantiate is missing: the flake"
	fi
}

# Builds the source archive of the last commit without network, in the way of Arch's package: with makepkg if it is installed.
part_archive() {
	bash tests/packages/archive.sh "$made/archive" || fail "the source archive"
}

part_lintian() {
	command -v lintian >/dev/null || { say "lintian is not installed here: skipped"; return; }
	lintian --fail-on error,warning --info --show-overrides "$made"/2/*.deb || fail "lintian"
	appstreamcli validate --no-net "$made/metainfo.xml" || fail "appstreamcli"
}

dpkg-deb --fsys-tarfile "$made"/2/v2m_*.deb | tar --extract --to-stdout --wildcards '*.metainfo.xml' >"$made/metainfo.xml"
started=$SECONDS
make_machine
for part in first_press make_quick upgrade_when_idle upgrade_while_recording upgrade_while_transcribing upgrade_with_waiting_clients mixed_versions \
	downgrade two_users gpu_package policy autopkgtest removal lintian reproducible others archive; do
	case $part in
	make_quick) make_quick ;;
	*)
		# shellcheck disable=SC2053
		[[ $part == first_press || $part == ${ONLY:-*} ]] || continue
		printf '\n== %s\n' "$part"
		"part_$part"
		;;
	esac
done
printf '\n== The packages work, %s s\n' $((SECONDS - started))
