#!/usr/bin/env bash
# Divides the tree made by `make install-files DESTDIR=TREE PREFIX=/usr` into packages: OUT/v2m-cuda and OUT/v2m-vulkan get the
# GPU engines, if the tree has them, and OUT/v2m gets all the rest. All kinds of packages are made from these folders, so no file
# is listed a second time.
#
#   split.sh TREE OUT
set -euo pipefail
tree=${1:?usage: split.sh TREE OUT} out=${2:?usage: split.sh TREE OUT}

# move PACKAGE FILE...: moves the files that exist into the package.
move() {
	local package=$1 file
	shift
	for file; do
		[ -e "$tree/$file" ] || continue
		mkdir -p "$out/$package/$(dirname "$file")"
		mv "$tree/$file" "$out/$package/$file"
	done
}

# Each GPU engine gets a drop-in, under its own name, that relaxes the service's restrictions for GPU drivers.
drop_ins=usr/lib/systemd/user/v2m.service.d
for gpu in cuda vulkan; do
	for engine in "v2m-engine-$gpu" "v2m-engine-gguf-$gpu"; do
		move "v2m-$gpu" "usr/bin/$engine" "usr/share/man/man1/$engine.1"
	done
	[ -d "$out/v2m-$gpu" ] || continue
	install -D -m644 "$tree/$drop_ins/gpu.conf" "$out/v2m-$gpu/$drop_ins/$gpu.conf"
done
rm -f "$tree/$drop_ins/gpu.conf"
rmdir "$tree/$drop_ins" 2>/dev/null || true
# The libraries of the CUDA toolkit, if it was downloaded for the build. Their licence must go with them.
for library in "$tree"/usr/lib/v2m/lib*.so.*; do
	[ -e "$library" ] || continue
	move v2m-cuda usr/lib/v2m/NVIDIA-EULA.txt "usr/lib/v2m/${library##*/}"
	[ -e "$out/v2m-cuda/usr/lib/v2m/NVIDIA-EULA.txt" ] || {
		echo "The licence of NVIDIA's libraries is not beside them, so they cannot be packaged. Build the engine again: make engine-cuda, or make engine-gguf-cuda" >&2
		exit 1
	}
done
mkdir -p "$out/v2m"
cp -a "$tree/." "$out/v2m/"
rm -rf "$tree"
