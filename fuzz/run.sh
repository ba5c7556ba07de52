#!/usr/bin/env bash
# Builds the fuzz targets and runs them one after the other: `run.sh SECONDS [TARGET...]`, all
# targets by default. Prints a line of figures for each; fails if one has a finding. docs/fuzzing.md
# explains the columns.
#
# cargo-fuzz needs a nightly toolchain for its sanitizer. RUSTC_BOOTSTRAP=1 makes the stable one
# accept the same flags.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | grep -v '^v2m-fuzz$')

triple=$(rustc -vV | sed -n 's/^host: //p')
release=target/$triple/release
export RUSTC_BOOTSTRAP=1
# With a target set, build scripts and macros are not instrumented.
export CARGO_BUILD_TARGET=$triple
flags=(
	--cfg fuzzing
	-Cpasses=sancov-module
	-Cllvm-args=-sanitizer-coverage-level=4
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
	-Cllvm-args=-sanitizer-coverage-pc-table
	-Cllvm-args=-sanitizer-coverage-trace-compares
	-Zsanitizer=address
)
export RUSTFLAGS="${flags[*]}"

# Makes cargo believe that whisper.cpp is already built: no target needs it, and it takes minutes to
# compile. whisper-rs-sys includes the bindings.
without_whisper() {
	local sys
	sys=$(cargo metadata --locked --format-version 1 | tr ',' '\n' |
		sed -n 's/^"manifest_path":"\(.*\/whisper-rs-sys-[^/]*\)\/Cargo.toml"$/\1/p' | head -1)
	mkdir -p target
	# whisper-rs's build script reads the version.
	printf '[target.%s.whisper]\nrustc-env = { OUT_DIR = "%s/src" }\nWHISPER_CPP_VERSION = "none"\n' \
		"$triple" "$sys" >target/no-whisper.toml
}

bins=()
for target in "${targets[@]}"; do
	bins+=(--bin "$target")
done
without_whisper
cargo build --quiet --release --locked --config target/no-whisper.toml "${bins[@]}"

# Prints the last value of one of libFuzzer's figures in a log, or 0.
figure() {
	local found
	found=$(grep -oE "$1 *[0-9]+" "$2" | tail -1 | grep -oE '[0-9]+$') || found=0
	printf '%s' "$found"
}

# Targets that read files use a folder in memory, if possible.
TMPDIR=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

TIMEFORMAT=%U
line='%-14s %8s %8s %12s %8s %8s %8s  %s\n'
# shellcheck disable=SC2059 # the format is above
printf "$line" target seconds cpu executions edges features corpus findings
failed=0
for target in "${targets[@]}"; do
	corpus=corpus/$target artifacts=artifacts/$target log=target/$target.log
	mkdir -p "$corpus" "$artifacts" "seeds/$target"
	options=(-max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$artifacts/" -timeout=30 -rss_limit_mb=2048
		-malloc_limit_mb=512)
	[ ! -e "dictionaries/$target" ] || options+=(-dict="dictionaries/$target")
	# No leak detection: leaks are not memory errors, and detecting them needs ptrace.
	finding=none
	{ time ASAN_OPTIONS=detect_leaks=0 "$release/$target" "${options[@]}" "$corpus" "seeds/$target" >"$log" 2>&1; } \
		2>"$TMPDIR/cpu" || {
		finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
		finding="${finding:-it did not run}: see fuzz/$log"
		failed=1
	}
	# shellcheck disable=SC2059
	printf "$line" "$target" "$(figure 'Done [0-9]+ runs in' "$log")" "$(<"$TMPDIR/cpu")" \
		"$(figure 'number_of_executed_units:' "$log")" \
		"$(figure 'cov:' "$log")" "$(figure 'ft:' "$log")" "$(find "$corpus" -type f | wc -l)" "$finding"
done
exit "$failed"
