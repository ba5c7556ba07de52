#!/usr/bin/env bash
# Prints a folder with Vulkan headers for ggml, or nothing if the distribution's headers are new
# enough. For Debian 12 and Ubuntu 22.04 and 24.04, which have older ones, downloads Debian 13's
# into DIR. The headers are the same text on every system; the loader and drivers remain the
# distribution's.
#
#   packaging/vulkan-headers.sh DIR
set -euo pipefail
dir=$(realpath -m "${1:?usage: vulkan-headers.sh DIR}")

FILE=libvulkan-dev_1.4.309.0-1_amd64.deb
DIGEST=8d329d465e16168afff58b1bd0dd6db46aac2cc3f56054a481b25a04e90b345a
SOURCES=(
	"http://deb.debian.org/debian/pool/main/v/vulkan-loader/$FILE"
	"http://snapshot.debian.org/archive/debian/20250701T000000Z/pool/main/v/vulkan-loader/$FILE"
)

say() { printf '%s\n' "$*" >&2; }

# ggml-vulkan.cpp (whisper.cpp 1.8.3) uses this extension unconditionally. Headers from 1.3.272 on
# have it.
if printf '#include <vulkan/vulkan.h>\n#ifndef VK_EXT_layer_settings\n#error too old\n#endif\n' |
	cc -E -x c - >/dev/null 2>&1; then
	exit
fi
if [ ! -e "$dir/complete" ]; then
	say "The Vulkan headers here are too old or missing: fetching newer ones into $dir"
	rm -rf "$dir"
	mkdir -p "$dir"
	for url in "${SOURCES[@]}"; do
		curl --fail --silent --show-error --location --output "$dir/$FILE" "$url" && break
	done
	echo "$DIGEST  $dir/$FILE" | sha256sum --check --quiet >&2 || {
		say "$FILE could not be fetched, or is not what it should be."
		exit 1
	}
	(cd "$dir" && ar x "$FILE" data.tar.xz && tar -xJf data.tar.xz ./usr/include)
	touch "$dir/complete"
fi
echo "$dir/usr/include"
