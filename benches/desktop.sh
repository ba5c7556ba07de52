#!/usr/bin/env bash
# `make bench-desktop`: boots a container with GNOME Shell and the release build, and runs benches/desktop in it as an
# ordinary user. Needs root and the packages of the tests; takes about 5 minutes.
#
#   MODEL=base-q8_0    the model
#   SPEECH=DIR         recordings (default: ../shared/speech if it exists, else the project's own sample)
set -euo pipefail
cd "$(dirname "$0")/.."
: "${V2M_TEST_MODELS:?the folder of the models}" "${MAKE:=make}"
[ "$(id -u)" = 0 ] || { echo "This boots a container, which only root can: run it as root."; exit 1; }

export V2M_CT=/run/v2m-bench-$$ V2M_DESKTOP=gnome
machine() { bash tests/system/container.sh "$@"; }
trap 'machine down' EXIT
trap 'exit 130' INT TERM

cargo build --release --locked --bins
program=$(cargo bench --locked --no-run --bench desktop --message-format=json |
	sed -n '/"kind":\["bench"\]/s/.*"executable":"\([^"]*\)".*/\1/p')
speech=$(readlink -f "${SPEECH:-../shared/speech}")
machine make
"$MAKE" install-files BUILD=release PREFIX=/usr/local DESTDIR="$V2M_CT/root"
install -D -m755 "$program" "$V2M_CT/root/opt/v2m-test/desktop"
install -m644 assets/sample.wav assets/sample.txt "$V2M_CT/root/opt/v2m-test/"
sed -i "s/tiny.en-q8_0/${MODEL:-base-q8_0}/; s/V2M_ENGINE__THREADS=.*/V2M_ENGINE__THREADS=0/; s/V2M_ENGINE__BEAM_SIZE=.*/V2M_ENGINE__BEAM_SIZE=5/" \
	"$V2M_CT/root/home/tester/.config/environment.d/v2m.conf"
binds=(--bind-ro="$V2M_TEST_MODELS:/opt/v2m-test/models")
[ ! -d "$speech" ] || binds+=(--bind-ro="$speech:/opt/v2m-test/speech")
machine boot "${binds[@]}"
printf '%s, %s threads, %s, GNOME Shell %s\n\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$(nproc)" \
	"${MODEL:-base-q8_0}" "$(gnome-shell --version | grep -o '[0-9.]*$')"
machine run tester "exec /opt/v2m-test/desktop"
