//! The text of `--help`.

/// What `--help` prints.
pub(crate) const TEXT: &str = "\
Ask v2m, the dictation service, to do something.

Usage: v2m-send [--json] COMMAND [ARGUMENT…]

Dictation:
  toggle                   start recording, or stop and print the text; the next recording can start
                           while the last text is still being transcribed
  start                    start recording
  stop                     stop recording and print the text
  cancel                   drop the recording, audio and text; without one, the newest text that is
                           still being transcribed
  last                     print the last text, as it was delivered
  transcribe FILE…         transcribe sound files and print their text; a heading stands before each
                           if there are several, and those that fail do not stop the others

Text (from the arguments, or from standard input if there is none or it is -):
  process [-p PRESET] [-i INSTRUCTION] [TEXT…]    let the language model rewrite the text
  translate [-t LANGUAGE] [TEXT…]                 let it translate the text
  rules test [-l LANGUAGE] [TEXT…]    show what each text rule makes of the text; a line of it is what
                                      was said between two pauses

Service:
  status                   state, engine, machine, and what is wrong if anything is
  watch [EVENT…]           print events until interrupted (state, transcription_update,
                           heartbeat, level, engine, delivery, progress; all if none is named)
  pause, resume            start no more recordings; allow them again
  config get [SECTION[.KEY]]          print the effective settings
  config set SECTION.KEY=VALUE…       change settings; VALUE is true, false, a number,
                                      \"a string\", [a, list] or {a = table}, else a string as it stands
  ping                     is the service there?
  shutdown                 end the service; the next command starts it again

Options:
  --json                   print the service's answer as it is
  -d, --deliver WHERE      for toggle, start, stop, process, translate: where this one text goes
                           (clipboard, paste, type, none), whatever deliver.mode says
  -p, --preset PRESET      for toggle, start, stop: let the language model rewrite this dictation;
                           for process: how. Presets: clean-up, email, notes, prompt, and yours
  -c, --clipboard          for process, translate: the text on the clipboard; the result goes back
                           there, or where --deliver says
  --last                   for process, translate: the last dictation's text
  -f, --format FORMAT      for transcribe: txt (the default), json (one object a line, also for a
                           file that failed), or the subtitles srt and vtt
  -o, --output DIRECTORY   for transcribe: write each text to a file in DIRECTORY, named as the
                           sound is but ending in .FORMAT (replacing one that is there), and
                           print its name
  --track N                for transcribe: the Nth sound track of each file; without it the first
                           one that can be heard
  -i, --instruction TEXT   for process: what to do with the text, in place of a preset or beside it
  -t, --to LANGUAGE        for translate: the language, say en or Spanish; without it
                           llm.target_language
  -l, --language LANGUAGE  for rules test: the text's language, en or es; without it
                           engine.language, or what the text seems to be
  -h, --help               print this
  -V, --version            print the version

Environment:
  V2M_SOCKET_PATH          the service's socket, instead of $XDG_RUNTIME_DIR/v2m/v2m.sock

Exit codes:
  0  done
  1  the service answered an error (on standard error; what is left of the text on standard output);
     of several files the first that failed gives the code
  2  the command line or the text is wrong; nothing was asked
  3  cannot connect: systemctl --user enable --now v2m.socket
  4  the connection ended before the answer; the service may have acted
  5  the answer cannot be understood
  6  standard input or output failed, or a file could not be written
  7  no text came of a file: nobody speaks in it, or the model did not understand

Examples:
  v2m-send toggle                              what a keyboard shortcut runs
  v2m-send last                                the last text once more, say after it was pasted nowhere
  v2m-send transcribe talk.mp3 -f srt > talk.srt
  v2m-send transcribe -o texts recordings/*.flac
  v2m-send toggle --preset email               dictate an e-mail
  v2m-send process --clipboard                 what another shortcut may run
  v2m-send process -i 'as a list' < notes.txt
  v2m-send translate --last --to en
  v2m-send rules test 'Dear Ann, new line, I am well.'
  v2m-send config set 'text.replace.ve dos eme=v2m'
  v2m-send config set engine.languages='[en, de]' capture.linger_seconds=10
  v2m-send --json status
";
