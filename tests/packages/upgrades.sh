# shellcheck shell=bash
# Parts of run.sh, which sources this: upgrades and ways back, between packages of the same programs (1 and 2) and of other versions:
# `old`, a real earlier one, and `next`, which writes other records and has another name for a command (version.sh says how).

# to VERSION: as end_service leaves it, the programs of that version run.
to() {
	install_packages "$1"
	end_service
}

# As long as nobody has dictated, it leaves at once; otherwise it leaves the last text to the user for a while.
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

# After a text the old service stays for some minutes, for the clipboard and the notification. The next one is the new one.
end_service() {
	user 'v2m-send shutdown >/dev/null; v2m-send ping >/dev/null'
	until_so "the new program runs" is_new
}

# each COMMAND: for each of the two upgrades. PAIRS chooses others.
each() {
	local pair
	for pair in ${PAIRS:-old:1 1:next}; do "$1" "${pair%:*}" "${pair#*:}"; done
}

# The text is the last one for the new version too, which finds it in the records of the other.
assert_last() {
	end_service
	user "v2m-send last >last.txt"
	assert_heard last.txt "v2m-send last after the upgrade from $1 to $2"
}

# The new client stops what the old service records.
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
	# The first version with packages left as soon as nothing was pending.
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
	# By now v2m may have replaced an engine that does not answer.
	user "kill -CONT $engine 2>/dev/null || true"
	# It is answered by the service that it asked.
	wait "$stopping" || fail "v2m-send stop"
	assert_heard transcribed.txt
	assert_last "$from" "$to"
}

# Somebody asks all the time, and one more waits in the socket while the service cannot answer: a client of the old version may
# be answered by the new service.
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

# dictated_by CLIENT: a whole dictation, by a client that need not be the service's.
dictated_by() {
	local client=$1
	say "-- $client, and the service $(user 'v2m-send --version')"
	user "$client ping >/dev/null && $client status >/dev/null && $client start >/dev/null" || fail "$client"
	user "/opt/v2m-test/dictate speak $SOUND"
	user "$client stop >dictated.txt"
	assert_heard dictated.txt "dictated with $client"
	user "$client history 1 | grep -q ." || fail "$client history"
}

# Clients that wait, or are started by something that was not upgraded, are of another version than the service.
part_mixed_versions() {
	local version said
	for version in old 1 next; do
		to "$version"
		user "cp /usr/bin/v2m-send client-$version"
		done
	# The service is the next version's.
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
# How many dictations with the sample's text the running version lists.
listed() { user 'v2m-send --json history 50' | grep -o 'Americans' | wc -l; }
# The records of the next version, and their sound.
newer() { user "cd $DICTATIONS && grep -l '\"version\": 2' *.json"; }

# Today's dictations in the version before, which is a real one.
to_older() {
	local before
	to 1
	user "/opt/v2m-test/dictate text $SOUND >today.txt"
	before=$(listed)
	[ "$before" -ge 1 ] || fail "today's version lists no dictation"
	# All that it has to write is written.
	end_service
	user "cd $DICTATIONS && sha256sum *.json >~/records.sum"
	to old
	[ "$(listed)" = "$before" ] || fail "the version before lists $(listed) dictations, not $before"
	user 'v2m-send last >last.txt && cmp last.txt today.txt' || fail "v2m-send last of the version before"
	user "cd $DICTATIONS && sha256sum --quiet --check ~/records.sum" || fail "the version before has changed records"
}

# Records of another format, a recording that nobody has transcribed, and a file of which only the version can be read.
to_unknown_records() {
	local before future=20300101T000000.000Z-1.json wanted
	to next
	user "/opt/v2m-test/dictate text $SOUND >next.txt"
	assert_heard next.txt
	user 'v2m-send start'
	user "/opt/v2m-test/dictate speak $SOUND"
	user "echo '{\"version\": 99, \"state\": \"polished\", \"text\": {\"en\": \"later\"}}' >$DICTATIONS/$future"
	install_packages 1
	# It starts again at once: now the older version.
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

# What an older version must not touch, and what it must say.
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
