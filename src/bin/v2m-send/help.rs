//! The text of `--help`.

/// What `--help` prints.
pub(crate) const TEXT: &str = "\
Control v2m, the dictation service.

Usage: v2m-send [--json] COMMAND [ARGUMENT…]

Dictation:
  toggle                   start recording, or stop and print the text; you can start the next
                           recording while the last text is still being transcribed
  start                    start recording
  stop                     stop recording and print the text
  cancel                   delete the recording, audio and text; if nothing is being recorded, the
                           newest text that is still being transcribed
  last                     print the last text, as it was delivered
  undo                     take the last text at the cursor back, if it is still there unchanged and
                           the focus has not moved; see deliver.undo
  retry [N|last] [-m MODEL] [-l LANGUAGE]         transcribe a dictation once more, failed or not,
                           and print the text; 1 is the last dictation, 2 the one before it
  history [N] [-s WORDS] [--since TIME]           list the last N dictations (20): number, time,
                           length, language, where the text went, and its first words
  show N                   print a dictation's text; N is `last`, a number, or an id (--json)
  copy N, paste N          put the text on the clipboard, or into the window with the focus (typed
                           in a terminal, paste copies)
  play N                   play the recording
  delete N…, delete --all [-y]        delete dictations, recordings and texts; asks before
  export DIRECTORY [-s WORDS] [--since TIME]      write dictations into a folder: dictations.jsonl,
                           one object per line, and the recordings
  transcribe FILE…         transcribe sound files and print their text, each below a heading if there
                           are several; a file that fails does not stop the others

Text (from the arguments; from standard input if there are none, or for -):
  process [-p PRESET] [-i INSTRUCTION] [TEXT…]    have the language model rewrite the text
  translate [-t LANGUAGE] [TEXT…]                 have it translate the text
  rules test [-l LANGUAGE] [TEXT…]    show what each text rule does to the text; each line stands for
                                      what was said between two pauses

Service:
  status [-f FORMAT]       print state, engine, machine, and any problem; with FORMAT in one line
  watch [EVENT…]           print events until interrupted (state, transcription_update,
                           heartbeat, level, engine, delivery, progress; all if none is named)
  watch -f FORMAT          print the state in one line, now and at each change, also when the service
                           stops and starts; for status bars
  pause, resume            start no more recordings; allow them again
  config get [SECTION[.KEY]]          print the settings in force
  config set SECTION.KEY=VALUE…       change settings; VALUE is true, false, a number,
                                      \"a string\", [a, list] or {a = table},
                                      otherwise a string
  ping                     check whether the service answers
  shutdown                 stop the service; the next command starts it again

Options:
  --json                   print the service's answer as it is
  -d, --deliver WHERE      for toggle, start, stop, process, translate: where this text goes
                           (auto, clipboard, paste, type, none), instead of deliver.mode
  -p, --preset PRESET      for toggle, start, stop: have the language model rewrite this dictation;
                           for process: how. Presets: clean-up, email, notes, prompt, and yours
  -c, --clipboard          for process, translate: use the text on the clipboard, and put the result
                           back there, or where --deliver says
  --last                   for process, translate: use the last dictation's text
  -f, --format FORMAT      for transcribe: txt (default), json (one object per line, also for a
                           file that failed), or the subtitles srt and vtt; for status, watch: text
                           (a few characters), json, or waybar
  -o, --output DIRECTORY   for transcribe: write each text to a file in DIRECTORY, named like the
                           sound file but ending in .FORMAT (existing files are replaced), and
                           print its name
  --track N                for transcribe: the Nth sound track of each file; by default the first
                           one that is not silent
  -i, --instruction TEXT   for process: what to do with the text, instead of a preset or besides it
  -t, --to LANGUAGE        for translate: the language, such as en or Spanish (default:
                           llm.target_language)
  -l, --language LANGUAGE  for toggle, start: the language that you speak, such as es or Spanish, or
                           auto, instead of engine.language (a stop does not change it); for retry:
                           the language that was spoken; for rules test: the text's language, en,
                           es, de or fr (default: engine.language, or what the text seems to be)
  --continuous             for toggle, start: deliver each sentence once it is over, until you stop
                           or are silent for session.continuous_silence
  -s, --search WORDS       for history, export: only dictations with all these words
  --since TIME             for history, export: only dictations from then on: today, yesterday,
                           2026-11-21, 10:30, '2026-11-21 10:30', 2h, '3 days'
  --all                    for delete: all dictations
  -y, --yes                for delete: do not ask
  -m, --model MODEL        for retry: another installed model (v2m-model list)
  -h, --help               print this help
  -V, --version            print the version

Environment:
  V2M_SOCKET_PATH          the service's socket, instead of $XDG_RUNTIME_DIR/v2m/v2m.sock

Exit codes:
  0  success
  1  the service answered an error (on standard error; what is left of the text on standard output);
     of several files, the first one that failed decides
  2  the command line or the text is wrong; nothing was sent
  3  cannot connect; try: systemctl --user enable --now v2m.socket
  4  the connection ended before the answer; the service may have carried out the command
  5  the answer cannot be understood
  6  standard input or output failed, or a file could not be written
  7  a file gave no text: it contains no speech, or the model did not understand it

Examples:
  v2m-send toggle                              what a keyboard shortcut runs
  v2m-send last                                print the last text again
  v2m-send retry --model small-q8_0            the last dictation again, with another model
  v2m-send history --search 'dear Ann' --since yesterday
  v2m-send copy 2                              the dictation before the last, on the clipboard
  v2m-send transcribe talk.mp3 -f srt > talk.srt
  v2m-send transcribe -o texts recordings/*.flac
  v2m-send toggle --preset email               dictate an e-mail
  v2m-send toggle --language es                dictate in Spanish; a good second shortcut
  v2m-send toggle --continuous                 speak on; the sentences arrive one after the other
  v2m-send process --clipboard                 for a second shortcut
  v2m-send process -i 'as a list' < notes.txt
  v2m-send translate --last --to en
  v2m-send rules test 'Dear Ann, new line, I am well.'
  v2m-send config set 'text.replace.ve dos eme=v2m'
  v2m-send config set engine.languages='[en, de]' capture.linger_seconds=10
  v2m-send --json status
";
