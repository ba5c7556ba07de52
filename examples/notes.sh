#!/bin/sh
# Dictates into a file of notes. Run it to start, and again to stop. The text is appended to the file as one line, and
# is delivered nowhere else. Bind it to a key of its own, in addition to the one for `v2m-send toggle`:
#
#     bindsym --no-repeat $mod+n exec notes.sh ~/notes.md
#
# Exit status: that of v2m-send (0 done, 1 v2m answered an error, 3 cannot connect).
set -eu

[ $# = 1 ] || { echo "usage: notes.sh FILE" >&2; exit 2; }
file=$1

# --json prints the answer as docs/protocol.md describes it.
case $(v2m-send --json status) in
*'"is_recording":true'*) ;;
*) exec v2m-send start ;;
esac

# Standard output is exactly the text. Without a text, v2m-send fails, and this script ends without writing anything.
text=$(v2m-send stop --deliver none)
printf -- '- %s\n' "$text" >>"$file"
