#!/usr/bin/env bash
# Prints an accuracy row for docs/performance.md for each model file: `benches/accuracy.sh FILE...`. It uses the recordings, the
# mode (like a dictation, as fast as possible) and the normaliser of `make bench-speech`. A file in GGUF form needs
# `make engine-gguf`. Only measures: no result makes it fail.
#
#   SPEECH=DIR       recordings with a manifest.jsonl (default: ../shared/speech if it exists, else the project's own sample)
#   LANGUAGES="en …" only recordings in these languages (default: English for a file with `.en` or `-en` in its name, else all)
#   THREADS=N        threads of the recogniser (default: one per processor)
#   PROFILE=dev      the debug build, which optimises the recognisers too; compiles faster
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: benches/accuracy.sh MODEL-FILE..." >&2; exit 2; }
files=()
for file in "$@"; do
	[ -f "$file" ] || { echo "accuracy.sh: there is no file $file" >&2; exit 1; }
	files+=("$(realpath -s "$file")")
done
cd "$(dirname "$0")/.."
speech=${SPEECH:-../shared/speech}
[ -d "$speech" ] || speech=assets
gguf=$(realpath -m "${TARGET:-target}/engine-gguf/release/v2m-engine-gguf")
out=target/bench-accuracy
mkdir -p "$out"
python=$out/venv/bin/python
[ -x "$python" ] || python3 -m venv "$out/venv"
"$python" -m pip install --quiet --disable-pip-version-check jiwer whisper-normalizer

bench=(cargo bench --locked --bench speech --profile "${PROFILE:-bench}")
"${bench[@]}" --no-run
results=()
for file in "${files[@]}"; do
	name=$(basename "$file")
	short=${name#ggml-}
	short=${short%.bin}
	short=${short%.gguf}
	languages=${LANGUAGES:-}
	case $languages:$short in
	:*.en* | :*-en*) languages=en ;;
	:*) languages=all ;;
	esac
	result=$out/$short.jsonl
	: >"$result"
	engine=()
	case $name in *.gguf)
		[ -x "$gguf" ] || { echo "accuracy.sh: $name needs $gguf: make engine-gguf" >&2; exit 1; }
		engine=(--engine "$gguf")
		;;
	esac
	for language in $languages; do
		only=()
		[ "$language" = all ] || only=(--language "$language")
		printf '== %s, %s\n' "$short" "$language" >&2
		"${bench[@]}" --quiet -- --models "$(dirname "$file")" --model "$name" --column "$short" \
			--speech "$speech" --threads "${THREADS:-$(nproc)}" --mode fast "${engine[@]}" "${only[@]}" >>"$result"
	done
	results+=("$result")
done
printf '%s, %s threads, as fast as possible\n\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "${THREADS:-$(nproc)}"
"$python" benches/accuracy_rows.py "${results[@]}"
