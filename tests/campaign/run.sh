#!/usr/bin/env bash
# Boots containers like those of the system tests (tests/system/container.sh), runs tests/campaign
# in each, and prints a table of all results. Needs root.
#
#   run.sh campaign      faults in dictations
#   run.sh soak          a day of dictations
#
#   N=              number of cases (1000), or dictations (500)
#   SEED=           seed of the random cases; by default a new one, which is printed
#   CASE=           only the case of this number
#   FAULTS=         only faults with these names or prefixes
#   JOBS=2          number of containers that run at once
#   LONGEST=        longest recording of speech, in seconds (9; soak: 4)
#   SPEECH=DIR      recordings with a manifest.jsonl; by default ../shared/speech, or the project's own sample
#   REPEAT=1        run lost or stuck cases again, alone, and fail only if they fail again: on a busy machine, the
#                   playback falters too
#   OUT=            folder for the results (target/campaign)
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${V2M_TEST_MODELS:?the folder of the test models}" "${MAKE:=make}"
[ "$(id -u)" = 0 ] || { echo "This boots containers, which only root can: run it as root."; exit 1; }
what=${1:?say campaign or soak}

seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
jobs=${JOBS:-2}
[ -z "${CASE:-}" ] && [ "$what" = campaign ] || jobs=1
out=$PWD/${OUT:-target/campaign}
target=${CARGO_TARGET_DIR:-target}
speech=$(readlink -f "${SPEECH:-../shared/speech}" || true)

rm -rf "$out"
mkdir -p "$out"
# The container's ordinary user must be able to write there.
chmod 1777 "$out"

# container JOB ARG...: runs container.sh for this job's container.
container() {
	V2M_CT=/run/v2m-campaign-$$-$1 V2M_DESKTOP=x11 bash tests/system/container.sh "${@:2}"
}
trap 'for job in $(seq 0 $((jobs - 1))); do container "$job" down; done' EXIT
trap 'exit 130' INT TERM

program=$(cargo test --locked --no-run --test campaign --message-format=json |
	sed -n '/"kind":\["test"\]/s/.*"executable":"\([^"]*\)".*/\1/p')
cargo build --locked --workspace --exclude v2m-engine-gguf --example lying-engine --example slow-disk

boot() {
	local root=/run/v2m-campaign-$$-$1/root binds=(--bind-ro="$V2M_TEST_MODELS:/opt/v2m-test/models" --bind="$out:/opt/v2m-test/out")
	container "$1" make
	"$MAKE" install-files BUILD=debug PREFIX=/usr/local DESTDIR="$root"
	install -D -m755 "$program" "$root/opt/v2m-test/campaign"
	install -m755 "$target/debug/examples/lying-engine" "$root/opt/v2m-test/"
	install -m644 "$target/debug/examples/libslow_disk.so" "$root/opt/v2m-test/libslow-disk.so"
	install -m644 assets/sample.wav assets/sample.txt "$root/opt/v2m-test/"
	[ ! -f "$speech/manifest.jsonl" ] || binds+=(--bind-ro="$speech:/opt/v2m-test/speech")
	# Allow Landlock as on a real machine: nspawn blocks it by default.
	container "$1" boot "${binds[@]}" \
		--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
}

for job in $(seq 0 $((jobs - 1))); do boot "$job" >"$out/boot-$job.log" 2>&1 || { cat "$out/boot-$job.log"; exit 1; }; done

status=0
case $what in
campaign)
	printf 'SEED=%s N=%s FAULTS=%s\n' "$seed" "${N:-1000}" "${FAULTS:-all}"
	running=()
	for job in $(seq 0 $((jobs - 1))); do
		container "$job" run tester "export CAMPAIGN_SEED=$seed CAMPAIGN_N=${N:-1000} CAMPAIGN_CASE=${CASE:-} \
			CAMPAIGN_FAULTS='${FAULTS:-}' CAMPAIGN_LONGEST=${LONGEST:-9}
			exec nice /opt/v2m-test/campaign cases /opt/v2m-test/out $job $jobs" </dev/null &
		running+=($!)
	done
	for job in "${running[@]}"; do wait "$job" || status=$?; done
	"$program" table "$out" || status=$?
	failed=$(sed -nE 's/^.*"case":([0-9]+),.*"verdict":"(lost|stuck)".*$/\1/p' "$out"/cases-*.jsonl)
	if [ -n "${REPEAT:-}" ] && [ -n "$failed" ]; then
		printf '\nAgain, each alone:\n'
		status=0
		for case in $failed; do
			install -d -m 1777 "$out/again-$case"
			container 0 run tester "export CAMPAIGN_SEED=$seed CAMPAIGN_N=${N:-1000} CAMPAIGN_CASE=$case \
				CAMPAIGN_FAULTS='${FAULTS:-}' CAMPAIGN_LONGEST=${LONGEST:-9}
				exec nice /opt/v2m-test/campaign cases /opt/v2m-test/out/again-$case 0 1" </dev/null || status=$?
			"$program" table "$out/again-$case" || status=$?
		done
	fi
	;;
soak)
	printf 'SEED=%s N=%s\n' "$seed" "${N:-500}"
	container 0 run root "exec /opt/v2m-test/campaign usage" </dev/null >"$out/usage.log" 2>&1 &
	container 0 run tester "export CAMPAIGN_SEED=$seed CAMPAIGN_N=${N:-500} CAMPAIGN_LONGEST=${LONGEST:-4}
		exec nice /opt/v2m-test/campaign soak /opt/v2m-test/out" || status=$?
	;;
esac
[ "$status" = 0 ] || printf '\nThe details are in %s\n' "$out"
exit "$status"
