#!/usr/bin/env bash
# `make bench-compute`: measures which way of compiling and running whisper.cpp is fastest on this machine's processor. Builds
# each variant (2 minutes each; kept), runs them in turn, so that other load affects all of them equally, and prints the lowest
# value of each figure, in seconds and relative to the first variant. Only measures: no result makes it fail.
#
#   VARIANTS="v3 v4 …"   variants to run, from the list below
#   MODELS="base-q8_0 …" installed models (V2M_TEST_MODELS)
#   THREADS="1 2"        numbers of threads
#   ROUNDS=5             number of runs of each variant
#   SPEECH_CACHE=DIR     where `make bench-speech` keeps faster-whisper; the variant faster-whisper needs it
#   RECORDINGS="…"       WAV files, 16 kHz mono (default: the project's own sample)
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m target/bench-compute)
mkdir -p "$out"
cache=${SPEECH_CACHE:-target/bench-speech}
python=$cache/venv/bin/python
[ ! -x "$python" ] || "$python" -c 'import faster_whisper' 2>/dev/null && peer=faster-whisper || peer=
variants=${VARIANTS:-v3 v3-bound v3-dot v3-ggml-threads v3-openblas v4 native $peer}

# Prints the cmake settings of a variant, in addition to those in .cargo/config.toml: x86-64-v3, tinyBLAS, OpenMP.
# `-dot`: without tinyBLAS; `-bound`: threads bound to processors.
compiled() {
	case $1 in
	v4*) echo GGML_AVX512=ON GGML_AVX512_VNNI=ON ;;
	native) echo GGML_NATIVE=ON ;;
	esac
	case $1 in
	*-dot) echo GGML_LLAMAFILE=OFF ;;
	*-ggml-threads) echo GGML_OPENMP=OFF ;;
	*-openblas) echo "BLAS_INCLUDE_DIRS=${BLAS_INCLUDE_DIRS:-/usr/include/x86_64-linux-gnu/openblas-pthread}" ;;
	esac
}

build() {
	local variant=$1 features=() settings program
	[ ! -x "$out/$variant" ] || return 0
	printf '== building %s\n' "$variant" >&2
	case $variant in *-openblas) features=(--features whisper-rs/openblas) ;; esac
	# cargo does not know that whisper.cpp depends on these variables.
	export CARGO_TARGET_DIR=$out/build CARGO_BUILD_BUILD_DIR=$out/build
	cargo clean --quiet --release --package whisper-rs-sys
	read -r -a settings <<<"$(compiled "$variant" | tr '\n' ' ')"
	program=$(env "${settings[@]}" cargo bench --quiet --locked --package v2m-engine --bench compute --no-run \
		--message-format json "${features[@]}" |
		sed -n 's/.*"name":"compute".*"executable":"\([^"]*\)".*/\1/p')
	cp "$program" "$out/$variant"
}

measure() {
	local bind=() recordings
	read -r -a recordings <<<"${RECORDINGS:-assets/sample.wav}"
	case $1 in
	faster-whisper)
		[ "$2" != base-q8_0 ] || "$python" benches/compute_peer.py --threads "$3" --cache "$cache" "${recordings[@]}"
		return
		;;
	*-bound) bind=(OMP_PROC_BIND=true) ;;
	esac
	env GOMP_SPINCOUNT=1000 OPENBLAS_NUM_THREADS="$3" "${bind[@]}" "$out/${1%-bound}" --threads "$3" --repeat 1 \
		--model "${V2M_TEST_MODELS:-target/test-models}/ggml-$2.bin" "${recordings[@]}"
}

for variant in $variants; do case $variant in *-bound | faster-whisper) ;; *) build "$variant" ;; esac; done
[ "${ROUNDS:-5}" != 0 ] || exit 0

results=$out/results.jsonl
: >"$results"
for round in $(seq "${ROUNDS:-5}"); do
	for model in ${MODELS:-base-q8_0}; do
		for threads in ${THREADS:-1 2}; do
			for variant in $variants; do
				measure "$variant" "$model" "$threads" |
					sed "s/^{/{\"variant\":\"$variant\",\"model\":\"$model\",\"threads\":$threads,/" >>"$results"
			done
		done
	done
	printf '== round %s done\n' "$round" >&2
done
python3 benches/compute_table.py "$results"
