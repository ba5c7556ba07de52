#!/usr/bin/env bash
# Runs the system tests: boots a container with v2m installed as by `make install`, and runs the
# tests of main.rs in it as an ordinary user. Passes its arguments to the test program, for example
# a test's name.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${V2M_TEST_MODELS:?the folder of the test models}" "${MAKE:=make}"
[ "$(id -u)" = 0 ] || { echo "The system tests boot a container, which only root can: run \`make test\` as root."; exit 1; }

export V2M_CT=/run/v2m-test-$$ V2M_DESKTOP=
machine() { bash tests/system/container.sh "$@"; }
trap 'machine down' EXIT
trap 'exit 130' INT TERM

program=$(cargo test --locked --no-run --test system --message-format=json |
	sed -n '/"kind":\["test"\]/s/.*"executable":"\([^"]*\)".*/\1/p')
[ -x "$program" ] || { echo "The system tests were not built."; exit 1; }

# tests_on DESKTOP [TEST...]: runs tests on a machine with that desktop.
tests_on() {
	V2M_DESKTOP=$1 V2M_CT=/run/v2m-test-$$-$1 status=0
	shift
	printf '\n== system tests: %s\n' "$V2M_DESKTOP"
	machine make
	"$MAKE" install-files BUILD=debug PREFIX=/usr/local DESTDIR="$V2M_CT/root"
	install -D -m755 "$program" "$V2M_CT/root/opt/v2m-test/system"
	# One test needs the engine for GGUF models, and is skipped without it.
	gguf=${TARGET:-target}/engine-gguf/release/v2m-engine-gguf
	[ ! -x "$gguf" ] || install -m755 "$gguf" "$V2M_CT/root/usr/local/bin"
	# Gives the test program the same rights in KWin as v2m.
	sed 's,@BINDIR@/v2m,/opt/v2m-test/system,' applications/v2m-keys.desktop >"$V2M_CT/root/usr/share/applications/v2m-test.desktop"
	install -m644 assets/sample.wav assets/sample.txt "$V2M_CT/root/opt/v2m-test/" 2>/dev/null || true
	# Allow Landlock as on a real machine: nspawn blocks it by default.
	machine boot --bind-ro="$V2M_TEST_MODELS:/opt/v2m-test/models" \
		--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
	# The timeout is far longer than the tests take. If one hangs, the last line shows its name.
	machine run tester "exec timeout --verbose 1800 /opt/v2m-test/system --test-threads=1 --show-output $*" || status=$?
	if [ "$status" != 0 ]; then
		# CI keeps only the output, so print the end. Keep the whole journal for local runs.
		mkdir -p target/system
		machine run tester "journalctl --user --no-pager --no-hostname -o short-precise" >target/system/journal || true
		printf '\n== The last of the journal (all of it is in target/system/journal)\n'
		tail -60 target/system/journal
	fi
	# Screenshots of the GNOME extension, for inspection.
	[ ! -d "$V2M_CT/root/home/tester/screenshots" ] ||
		{ mkdir -p target/system && cp -r "$V2M_CT/root/home/tester/screenshots" target/system/; }
	machine down
	[ "$status" = 0 ] || exit "$status"
}

others=(--skip gnome:: --skip kde:: --skip portal::)
case "$*" in
gnome*) tests_on gnome "$@" ;;
# kde and portal need packages that kde.sh and gnome-48.sh download.
kde*) tests_on kde "$@" ;;
portal*) tests_on gnome-portal "$@" ;;
?*) tests_on x11 "$@" "${others[@]}" ;;
'')
	tests_on x11 "${others[@]}"
	tests_on gnome gnome::
	;;
esac
