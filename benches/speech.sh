#!/usr/bin/env bash
# `make bench-speech`: runs the recogniser on real recordings: as a stream in real time (stopped at once, and after half a second
# of silence), as a stream as fast as possible, and as a whole (batch). Also runs faster-whisper with the same weights. Repeats all
# this for fluent sentences with inserted thinking pauses (speech_pauses.py). Prints the tables of docs/performance.md, one of them
# of marks and capitals. Only measures: no result makes it fail. Takes about 35 minutes with the 11 minutes of ../shared/speech,
# one minute with the project's own sample.
#
#   MODEL=base-q8_0    the model; moonshine-base-en needs `make engine-gguf`, and runs on the English recordings, beside base-q8_0
#                      (each recording directly one after the other), without batch and peer
#   MODES="fast …"     some of: fast real-time paused batch peer (peer not first: it needs another mode's result)
#   SPEECH=DIR         recordings with a manifest.jsonl
#   THREADS=N          threads of every recogniser
#   PROFILE=dev        the debug build, which optimises the recognisers too; compiles faster
set -euo pipefail
cd "$(dirname "$0")/.."

model=${MODEL:-base-q8_0}
file=ggml-$model.bin
only=()
case $model in
moonshine-*)
	file=$model.gguf
	only=(--language en --engine "$(realpath -m "${TARGET:-target}/engine-gguf/release/v2m-engine-gguf")" --beside ggml-base-q8_0.bin)
	[ -x "${only[3]}" ] || { echo "speech.sh: there is no ${only[3]} yet: make engine-gguf" >&2; exit 1; }
	modes=${MODES:-fast real-time paused}
	;;
*) modes=${MODES:-fast real-time paused batch peer} ;;
esac
threads=${THREADS:-$(nproc)}
speech=${SPEECH:-../shared/speech}
[ -d "$speech" ] || speech=assets
models=${V2M_TEST_MODELS:-$PWD/target/test-models}
out=target/bench-speech
mkdir -p "$out"

say() { printf '== %s\n' "$*" >&2; }

# The scorer and the peer are Python; they stay out of the user's own packages.
python=$out/venv/bin/python
if ! [ -x "$python" ]; then
	say "fetching the scorer"
	python3 -m venv "$out/venv"
fi
"$python" -m pip install --quiet --disable-pip-version-check jiwer whisper-normalizer numpy
case " $modes " in *" peer "*)
	"$python" -m pip install --quiet --disable-pip-version-check faster-whisper ||
		{ say "without faster-whisper: pip does not have it"; modes=${modes/peer/}; } ;;
esac

bench=(cargo bench --locked --bench speech --profile "${PROFILE:-bench}")
"${bench[@]}" --no-run
[ -e "$models/$file" ] || V2M_MODEL_DIR=$models cargo run --quiet --locked --bin v2m-model -- pull "$model"
# Fluent sentences with inserted thinking pauses, for the table of marks.
pauses=
if [ -f "$speech/manifest.jsonl" ]; then
	"$python" benches/speech_pauses.py "$speech" "$out/pauses" && pauses=$out/pauses
fi
results=()
for mode in $modes; do
	say "$mode"
	result=$out/$mode.jsonl
	: >"$result"
	run() {
		for from in "$speech" $pauses; do
			"${bench[@]}" --quiet -- --models "$models" --model "$file" "${only[@]}" \
				--speech "$from" --threads "$threads" "$@" >>"$result"
		done
	}
	case $mode in
	paused) run --mode real-time --pause 500 ;;
	peer) "$python" benches/speech_peer.py --speech "$speech" $pauses --like "${results[0]}" --threads "$threads" \
		--cache "$out" >"$result" || { say "without faster-whisper: see above"; continue; } ;;
	*) run --mode "$mode" ;;
	esac
	results+=("$result")
done
printf '%s, %s threads, %s\n\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$threads" "$model"
"$python" benches/speech_score.py "${results[@]}"
