# shellcheck shell=bash
# Parts of run.sh, which sources this file: upgrades and downgrades. They use packages of the same programs (1 and 2) and of other
# versions: `old`, a real earlier one, and `next`, with another format of records and another name for a command (see version.sh).

# to VERSION: installs this version, and makes sure that its programs run.
to() {
	install_packages "$1"
	end_service
}

# If nobody has dictated, the old service exits at once. Otherwise it stays for a while, for the last text.
part_upgrade_when_idle() {
	user 'v2m-send shutdown >/dev/null; v2m-send ping >/dev/null'
	until_so "it is ready" says_state idle
	install_packages 2
	until_so "the old service leaves" is_gone
	user 'v2m-send ping >/dev/null'
	is_new || fail "the next command did not start the new program"
	install_packages 1
	until_so "it leaves again" is_gone
}

# Ends the old service, which would stay for some minutes after a text, for clipboard and notification, and starts the new one.
end_service() {
	user 'v2m-send shutdown >/dev/null; v2m-send ping >/dev/null'
	until_so "the new program runs" is_new
}

# each COMMAND: runs the command for each upgrade in PAIRS.
each() {
	local pair
	for pair in ${PAIRS:-old:1 1:next}; do "$1" "${pair%:*}" "${pair#*:}"; done
}

# The new version finds the last text in the records of the old one.
assert_last() {
	end_service
	user "v2m-send last >last.txt"
	assert_heard last.txt "v2m-send last after the upgrade from $1 to $2"
}

# The new client stops a recording of the old service.
while_recording() {
	local from=$1 to=$2 before
	say "-- from $from to $to"
	to "$from"
	user 'v2m-send start'
	before=$(pid)
	user "/opt/v2m-test/dictate speak $SOUND" &
	local speaking=$!
	install_packages "$to"
	[ "$(pid)" = "$before" ] || fail "the upgrade ended the recording service"
	wait "$speaking"
	user 'v2m-send stop >recorded.txt'
	assert_heard recorded.txt
	# The first version with packages exited as soon as no dictation was pending.
	[ "$from" = old ] || [ "$(pid)" = "$before" ] || fail "the service left with the text that it had just delivered"
	assert_last "$from" "$to"
}

while_transcribing() {
	local from=$1 to=$2 before engine
	say "-- from $from to $to"
	to "$from"
	before=$(pid)
	user 'v2m-send start'
	user "/opt/v2m-test/dictate speak $SOUND"
	engine=$(user "pgrep --parent $before v2m-engine")
	user "kill -STOP $engine"
	user 'v2m-send stop >transcribed.txt' &
	local stopping=$!
	until_so "it transcribes" says_state transcribing
	install_packages "$to"
	# By now v2m may have replaced the engine, because it did not answer.
	user "kill -CONT $engine 2>/dev/null || true"
	# The answer comes from the old service, which got the request.
	wait "$stopping" || fail "v2m-send stop"
	assert_heard transcribed.txt
	assert_last "$from" "$to"
}

# One client sends requests all the time, and another one waits in the socket while the service cannot answer. So the new service
# may answer a client of the old version.
with_waiting_clients() {
	local from=$1 to=$2 before asking waiting
	say "-- from $from to $to"
	to "$from"
	until_so "the service is ready" says_state idle
	before=$(pid)
	# shellcheck disable=SC2016
	user 'n=0; while [ ! -e asked ]; do v2m-send ping >/dev/null || exit; n=$((n + 1)); done; echo "$n pings during the upgrade"' &
	asking=$!
	user "kill -STOP $before"
	user 'v2m-send start >started.txt' &
	waiting=$!
	install_packages "$to"
	user "kill -CONT $before || true"
	wait "$waiting" || fail "the waiting press"
	user "/opt/v2m-test/dictate speak $SOUND"
	user 'v2m-send stop >waited.txt'
	assert_heard waited.txt
	user ': >asked'
	wait "$asking" || fail "a ping during the upgrade"
	user 'rm asked'
	assert_last "$from" "$to"
}

part_upgrade_while_recording() { each while_recording; }
part_upgrade_while_transcribing() { each while_transcribing; }
part_upgrade_with_waiting_clients() { each with_waiting_clients; }

# dictated_by CLIENT: a whole dictation, by a client that may have another version than the service.
dictated_by() {
	local client=$1
	say "-- $client, and the service $(user 'v2m-send --version')"
	user "$client ping >/dev/null && $client status >/dev/null && $client start >/dev/null" || fail "$client"
	user "/opt/v2m-test/dictate speak $SOUND"
	user "$client stop >dictated.txt"
	assert_heard dictated.txt "dictated with $client"
	user "$client history 1 | grep -q ." || fail "$client history"
}

# A client that waits, or is started by something that was not upgraded, may have another version than the service.
part_mixed_versions() {
	local version said
	for version in old 1 next; do
		to "$version"
		user "cp /usr/bin/v2m-send client-$version"
		done
	# The service now has the version `next`.
	dictated_by ./client-1
	said=$(user './client-1 last 2>&1') && fail "a command that the service does not have passed unnoticed"
	[[ $said == *LAST_TEXT* ]] || fail "it does not name the command: $said"
	say "An older client: $said"
	to 1
	dictated_by ./client-old
	user './client-old last >last.txt'
	assert_heard last.txt "v2m-send last of the older client"
	dictated_by ./client-next
	said=$(user './client-next last 2>&1') && fail "a command that the service does not have passed unnoticed"
	[[ $said == *LATEST_TEXT* ]] || fail "it does not name the command: $said"
	say "A newer client: $said"
	to old
	dictated_by ./client-1
	user './client-1 last >last.txt'
	assert_heard last.txt "v2m-send last, asked of the older service"
}

DICTATIONS=.local/state/v2m/dictations
# Prints how many dictations with the sample's text the running version lists.
listed() { user 'v2m-send --json history 50' | grep -o 'Americans' | wc -l; }
# Lists the records of the next version.
newer() { user "cd $DICTATIONS && grep -l '\"version\": 2' *.json"; }

# The older version (`old`) lists the current version's dictations and does not change them.
to_older() {
	local before
	to 1
	user "/opt/v2m-test/dictate text $SOUND >today.txt"
	before=$(listed)
	[ "$before" -ge 1 ] || fail "today's version lists no dictation"
	# Then everything is written.
	end_service
	user "cd $DICTATIONS && sha256sum *.json >~/records.sum"
	to old
	[ "$(listed)" = "$before" ] || fail "the version before lists $(listed) dictations, not $before"
	user 'v2m-send last >last.txt && cmp last.txt today.txt' || fail "v2m-send last of the version before"
	user "cd $DICTATIONS && sha256sum --quiet --check ~/records.sum" || fail "the version before has changed records"
}

# An older version does not touch records of another format, a recording without a text, and a record with only a readable
# version.
to_unknown_records() {
	local before future=20300101T000000.000Z-1.json wanted
	to next
	user "/opt/v2m-test/dictate text $SOUND >next.txt"
	assert_heard next.txt
	user 'v2m-send start'
	user "/opt/v2m-test/dictate speak $SOUND"
	user "echo '{\"version\": 99, \"state\": \"polished\", \"text\": {\"en\": \"later\"}}' >$DICTATIONS/$future"
	install_packages 1
	# The service starts again at once, now with the older version.
	user "kill -KILL $(pid)"
	until_so "the older version runs" is_new
	user "v2m-send transcribe $SOUND >downgraded.txt"
	assert_heard downgraded.txt
	[ -n "$(newer)" ] || fail "the next version's records are not there"
	user "cd $DICTATIONS && sha256sum $future \$(grep -l '\"version\": 2' *.json | sed 's/json\$/*/') >~/records.sum && cat ~/records.sum"
	end_service
	user "/opt/v2m-test/dictate text $SOUND >downgraded.txt"
	assert_heard downgraded.txt
	user "cd $DICTATIONS && sha256sum --quiet --check ~/records.sum" || fail "files of a newer version were changed"
	before=$(listed)
	wanted=$((before + $(newer | wc -l)))
	say "The older version lists $before dictations, and leaves alone: $(newer | paste -sd' ')"
	to next
	# shellcheck disable=SC2317
	is_all_there() { [ "$(listed)" -ge "$wanted" ]; }
	until_so "the next version lists $wanted dictations" is_all_there
	to 1
	user "cd $DICTATIONS && grep -F $future ~/records.sum | sha256sum --quiet --check" || fail "a record of the far future was changed"
}

# An older version must not touch newer records, and must report newer settings.
part_downgrade() {
	local said
	to_older
	to_unknown_records
	user 'cp .config/v2m/config.toml kept.toml; printf "[future]\nsetting = 1\n" >>.config/v2m/config.toml; v2m-send shutdown >/dev/null'
	said=$(user 'v2m-send toggle 2>&1') && fail "a setting of a newer version passed unnoticed"
	[[ $said == *future* ]] || fail "it does not name the setting: $said"
	say "A newer version's setting: $said"
	user 'mv kept.toml .config/v2m/config.toml'
	until_so "it works again" user 'v2m-send ping'
}
