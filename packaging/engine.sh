#!/usr/bin/env bash
# Builds one of the recognisers beside v2m-engine (`engine.sh v4`, `cuda`, `vulkan`, `gguf`, `gguf-cuda` or `gguf-vulkan`) as
# TARGET/engine-NAME/release/v2m-engine-NAME. Each has its own build folder, because whisper.cpp or transcribe.cpp is compiled
# differently for each, and cargo does not know the variables that say how. `engine.sh gguf check` also runs that engine's tests and
# lints. So does `engine.sh gguf-vulkan check`, on the processor, because software Vulkan takes half a minute to load a model.
#
#   TARGET       cargo's target folder (default target)
#   CUDA_ARCHS   GPUs to compile for, as in cmake's CMAKE_CUDA_ARCHITECTURES. Default: the GPUs of this machine, or if nvidia-smi
#                finds none, all from Turing on, and PTX for later ones (10 to 15 minutes each on two cores)
#   GGML_CUDA_FA ON: v2m-engine-cuda gets the kernels for `--flash-attention`, which doubles the time to compile
#   CUDA_HOME    a toolkit of CUDA 12 or 13. CUDA_FROM=wheels downloads one instead, CUDA_FROM=system never downloads one
#   DEPS         no: install no packages
set -euo pipefail
cd "$(dirname "$0")/.."
here=packaging
name=${1:?usage: engine.sh v4|cuda|vulkan|gguf|gguf-cuda|gguf-vulkan [check]}
folder=$(realpath -m "${TARGET:-target}/engine-$name")

say() { printf '%s\n' "$*" >&2; }

# The package with the C++, and the one with the program.
sources=whisper-rs-sys
package=v2m-engine

# `fresh SETTINGS…`: deletes the compiled C++ if it was built with other settings. cargo does not know what its build depends on, and
# would keep objects for other GPUs or from another toolkit.
fresh() {
	local stamp=$folder/built-for now
	now=$(cat .cargo/config.toml; printf '%s\n' "$@")
	if [ -e "$stamp" ] && [ "$(<"$stamp")" != "$now" ]; then
		CARGO_TARGET_DIR=$folder CARGO_BUILD_BUILD_DIR=$folder cargo clean --quiet --release --package "$sources"
	fi
	mkdir -p "$folder"
	printf '%s\n' "$now" >"$stamp"
}

build() {
	CARGO_TARGET_DIR=$folder CARGO_BUILD_BUILD_DIR=$folder \
		cargo build --release --locked --package "$package" "$@" --bin "v2m-engine-$name"
	say "Built $folder/release/v2m-engine-$name"
}

cuda_archs() {
	local here wanted arch last known
	here=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -un) || here=
	if [ -n "$here" ]; then
		awk '{ print $0 "-real" }' <<<"$here" | paste -sd';'
		return
	fi
	# Turing, Ampere, Ada, Hopper, Blackwell. ggml's code for 120 runs only there, so the PTX is for 90.
	known=$("$CUDA_HOME/bin/nvcc" --list-gpu-arch)
	wanted=
	for arch in 75 80 86 89 90 120; do
		last=-real
		[ "$arch" != 90 ] || last=
		! grep -qx "compute_$arch" <<<"$known" || wanted="$wanted${wanted:+;}$arch$last"
	done
	echo "$wanted"
}

# Prints NVIDIA's licence for these libraries. Each wheel has a copy, mostly the same.
nvidia_licence() {
	local text seen=
	for text in "$CUDA_HOME"/wheels/nvidia_{cuda_runtime,cublas}-*.dist-info/{,licenses/}License.txt; do
		[ -e "$text" ] || continue
		if [ -z "$seen" ] || ! cmp -s "$seen" "$text"; then cat "$text"; fi
		seen=$text
	done
}

# Finds or downloads a toolkit, and sets `archs`.
cuda_toolkit() {
	local found
	found=$(bash $here/cuda-toolkit.sh "${TARGET:-target}/cuda-toolkit")
	eval "$found"
	archs=${CUDA_ARCHS:-$(cuda_archs)}
	say "Compiling CUDA kernels for $archs with the toolkit in $CUDA_HOME"
	export PATH=$CUDA_HOME/bin:$PATH CUDA_PATH=$CUDA_HOME CUDAToolkit_ROOT=$CUDA_HOME CUDACXX=$CUDA_HOME/bin/nvcc
	export LIBRARY_PATH=$CUDA_HOME/lib64:$CUDA_HOME/lib64/stubs
	# Where the dynamic loader looks, after the folder that `make install` fills.
	export V2M_CUDA_LIBRARIES=
	[ "$CUDA_LIBS" != system ] || V2M_CUDA_LIBRARIES=$CUDA_HOME/lib64
}

# Puts the libraries of a downloaded toolkit beside the engine, so that `make install` installs them too.
cuda_libraries() {
	local libraries=$folder/lib
	rm -rf "$libraries"
	mkdir -p "$libraries"
	if [ "$CUDA_LIBS" = wheels ]; then
		cp -Ll "$CUDA_HOME"/lib/lib{cudart,cublas,cublasLt}.so.13 "$libraries"
		nvidia_licence >"$libraries/NVIDIA-EULA.txt"
		[ -s "$libraries/NVIDIA-EULA.txt" ] || say "The wheels have no licence text, so v2m-cuda cannot be packaged."
	fi
}

build_cuda() {
	cuda_toolkit
	export CMAKE_CUDA_COMPILER=$CUDACXX CMAKE_CUDA_ARCHITECTURES=$archs
	# Compiled in, but off unless the engine gets `--cuda-graphs`.
	export GGML_CUDA_GRAPHS=ON GGML_CUDA_FA=${GGML_CUDA_FA:-OFF}
	fresh "$CUDA_HOME $archs $GGML_CUDA_FA"
	build --features cuda
	cuda_libraries
}

# Finds or downloads the headers.
vulkan_headers() {
	[ "${DEPS:-yes}" != yes ] || bash $here/deps.sh vulkan
	headers=$(bash $here/vulkan-headers.sh "${TARGET:-target}/vulkan-headers")
	[ -z "$headers" ] || export CMAKE_INCLUDE_PATH=$headers
}

build_vulkan() {
	vulkan_headers
	fresh "$headers"
	build --features vulkan
}

# `build_gguf ARGUMENTS OF CMAKE… -- OPTIONS OF CARGO…`
# transcribe.cpp gets as arguments what whisper.cpp gets as variables: the same settings as in .cargo/config.toml, which says why, and
# as `make CPU=native` sets. A BLAS of the system would be one more library that the program needs.
build_gguf() {
	local more=()
	while [ "$1" != -- ]; do more+=("$1"); shift; done
	shift
	sources=transcribe-cpp-sys
	package=v2m-engine-gguf
	local native=${GGML_NATIVE:-OFF} arguments=() checks
	arguments+=("-DGGML_NATIVE=$native" -DTRANSCRIBE_USE_SYSTEM_BLAS=OFF "${more[@]}")
	if [ "$native" = OFF ] && [ "$(uname -m)" = x86_64 ]; then
		arguments+=(-DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON)
	fi
	checks="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection"
	arguments+=("\"-DCMAKE_C_FLAGS_RELEASE=-O3 -DNDEBUG $checks\"")
	arguments+=("\"-DCMAKE_CXX_FLAGS_RELEASE=-O3 -DNDEBUG -D_GLIBCXX_ASSERTIONS $checks\"")
	export TRANSCRIBE_CMAKE_ARGS="${arguments[*]}"
	fresh "$TRANSCRIBE_CMAKE_ARGS ${CFLAGS:-} ${CXXFLAGS:-} ${V2M_CUDA_LIBRARIES:-} ${headers:-}"
	build "$@"
}

# Flash attention: this engine does not use it (its src/device.rs says why), and its kernels double the time to compile. CUDA graphs:
# v2m-engine's src/device.rs says why not. NCCL connects several GPUs, and is one more library that the program needs. Rust's programs
# are position-independent; nvcc makes such objects only with this option.
build_gguf_cuda() {
	cuda_toolkit
	build_gguf "\"-DCMAKE_CUDA_ARCHITECTURES=$archs\"" "\"-DCMAKE_CUDA_COMPILER=$CUDACXX\"" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
		-DGGML_CUDA_FA=OFF -DGGML_CUDA_GRAPHS=OFF -DGGML_CUDA_NCCL=OFF -- --features cuda
	cuda_libraries
}

# `check_gguf OPTIONS OF CARGO…`: in the same build folder and profile, so that no C++ is compiled again.
check_gguf() {
	export CARGO_TARGET_DIR=$folder CARGO_BUILD_BUILD_DIR=$folder
	cargo clippy --release --locked --package "$package" "$@" --all-targets -- -D warnings
	cargo test --release --locked --package "$package" "$@"
}

case $name in
v4)
	[ "$(uname -m)" = x86_64 ] || { say "AVX-512 is x86-64's; there is no v2m-engine-v4 for $(uname -m)."; exit 1; }
	export GGML_AVX512=ON GGML_AVX512_VNNI=ON
	fresh "$GGML_AVX512 $GGML_AVX512_VNNI"
	build --features v4
	;;
cuda) build_cuda ;;
vulkan) build_vulkan ;;
gguf-cuda) build_gguf_cuda ;;
gguf)
	build_gguf --
	[ "${2:-}" != check ] || check_gguf
	;;
gguf-vulkan)
	vulkan_headers
	build_gguf -- --features vulkan
	[ "${2:-}" != check ] || check_gguf --features vulkan
	;;
*)
	say "engine.sh: say v4, cuda, vulkan, gguf, gguf-cuda or gguf-vulkan"
	exit 2
	;;
esac
