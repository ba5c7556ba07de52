#!/usr/bin/env bash
# Prints the location of a CUDA toolkit as shell variables: the system's (12 or 13). If there is
# none, builds one in DIR from NVIDIA's own wheels on PyPI (500 MB, pinned by digest; CUDA 13.0,
# x86-64, driver 580 or later).
#
#   eval "$(packaging/cuda-toolkit.sh DIR)"     CUDA_HOME, and CUDA_LIBS=system|wheels
#
# Does not install the driver. The build does not need it: a stub replaces libcuda.so.1.
set -euo pipefail
dir=$(realpath -m "${1:?usage: cuda-toolkit.sh DIR}")

say() { printf '%s\n' "$*" >&2; }
found() { printf "CUDA_HOME='%s'\nCUDA_LIBS=%s\n" "$1" "$2"; exit; }

is_toolkit() { [ -x "$1/bin/nvcc" ] && "$1/bin/nvcc" --version | grep -q 'release 1[23]\.'; }

if [ "${CUDA_FROM:-}" != wheels ]; then
	nvcc=$(command -v nvcc || true)
	for home in "${CUDA_HOME:-}" "${CUDA_PATH:-}" "${nvcc:+$(dirname "$(dirname "$(readlink -f "$nvcc")")")}" /usr/local/cuda /opt/cuda; do
		if [ -n "$home" ] && is_toolkit "$home"; then found "$home" system; fi
	done
	[ "${CUDA_FROM:-}" != system ] || { say "No CUDA 12 or 13 toolkit here; CUDA_HOME=FOLDER names one."; exit 1; }
fi
[ "$(uname -m)" = x86_64 ] || { say "No CUDA 12 or 13 toolkit here, and the wheels used in its place are for x86-64."; exit 1; }
[ ! -e "$dir/complete" ] || found "$dir" wheels

say "No CUDA toolkit here: fetching one from PyPI into $dir"
python3 -m pip --version >/dev/null 2>&1 || bash "$(dirname "$0")/deps.sh" pip >&2
rm -rf "$dir"
mkdir -p "$dir"
cat >"$dir/requirements.txt" <<'WHEELS'
nvidia-cublas==13.0.2.14 --hash=sha256:0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c
nvidia-cuda-cccl==13.0.85 --hash=sha256:e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649
nvidia-cuda-crt==13.0.88 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4
nvidia-cuda-culibos==13.0.85 --hash=sha256:5c178858405f485367175e14f8a7536af6c86c5c428d25301f2218406c316ba0
nvidia-cuda-nvcc==13.0.88 --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-nvvm==13.0.88 --hash=sha256:c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0
WHEELS
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: --require-hashes \
	--target "$dir/wheels" --requirement "$dir/requirements.txt" >&2

# Give the wheels' files the layout of a toolkit: wheels keep neither links nor executable
# permissions.
cuda=$dir/wheels/nvidia/cu13
chmod +x "$cuda"/bin/* "$cuda"/nvvm/bin/*
for part in "$cuda"/*; do ln -sfn "wheels/nvidia/cu13/${part##*/}" "$dir/"; done
ln -sfn lib "$dir/lib64"
for library in libcudart libcublas libcublasLt; do ln -sfn "$library.so.13" "$cuda/lib/$library.so"; done

# No wheel contains the driver's library. This stub has the functions that ggml-cuda calls. It is
# only for linking and never runs; each function returns CUDA_ERROR_UNKNOWN.
mkdir -p "$cuda/lib/stubs"
for name in cuInit cuDriverGetVersion cuGetErrorString cuGetErrorName cuDeviceGet cuDeviceGetCount cuDeviceGetAttribute \
	cuMemAddressFree cuMemAddressReserve cuMemCreate cuMemGetAllocationGranularity cuMemMap cuMemRelease \
	cuMemSetAccess cuMemUnmap; do
	echo "int $name(void) { return 999; }"
done >"$dir/stub.c"
cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$cuda/lib/stubs/libcuda.so" "$dir/stub.c"
ln -sfn libcuda.so "$cuda/lib/stubs/libcuda.so.1"
touch "$dir/complete"
found "$dir" wheels
