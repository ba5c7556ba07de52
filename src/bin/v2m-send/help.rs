//! The text of `--help`. Each entry is a separate message, so that a change requires only one
//! translation. The columns are made here, because translations differ in length.

use std::iter::repeat_n;
use v2m_messages::{mark, text as translated, tr, verbatim};

/// Maximum number of characters in a line.
const WIDTH: usize = 101;

/// A heading and its entries.
struct Group {
    heading: &'static str,
    entries: &'static [Entry],
}

/// A command, an option or the like, with its explanation.
struct Entry {
    name: &'static str,
    /// The column of the explanation, counted from 0.
    column: usize,
    /// The column of its further lines.
    below: usize,
    /// The explanation. A no-break space holds words together, and is printed as a space.
    text: &'static str,
}

impl Entry {
    const fn new(name: &'static str, column: usize, below: usize, text: &'static str) -> Self {
        Self { name, column, below, text }
    }

    /// Creates an entry without an explanation.
    const fn alone(name: &'static str) -> Self {
        Self::new(name, 0, 0, "")
    }

    fn render(&self) -> String {
        let mut shown = format!("  {}", self.name);
        let length = shown.chars().count();
        shown.extend(repeat_n(' ', self.column.saturating_sub(length)));
        for (number, line) in self.lines().iter().enumerate() {
            if number > 0 {
                shown.push('\n');
                shown.extend(repeat_n(' ', self.below));
            }
            shown += &line.replace('\u{a0}', " ");
        }
        shown + "\n"
    }

    /// Wraps the explanation into lines.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for part in translated(self.text).split('\n') {
            let mut line = String::new();
            for word in part.split(' ') {
                let column = if lines.is_empty() { self.column } else { self.below };
                let end = column + line.chars().count() + 1 + word.chars().count();
                if !line.is_empty() && end > WIDTH {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line += word;
            }
            lines.push(line);
        }
        lines
    }
}

/// Returns the output of `--help`.
pub(crate) fn text() -> String {
    let mut text = format!(
        "{}\n\n{}\n",
        tr!("Control v2m, the dictation service."),
        tr!("Usage: v2m-send [--json] COMMAND [ARGUMENT…]")
    );
    for Group { heading, entries } in GROUPS {
        text += &format!("\n{}\n", translated(heading));
        text.extend(entries.iter().map(Entry::render));
    }
    text
}

// One line for each entry.
#[rustfmt::skip]
const GROUPS: &[Group] = &[
    Group {
        heading: mark!("Dictation:"),
        entries: &[
            Entry::new("toggle", 27, 27, mark!("start recording, or stop and print the text; you can start the next recording while the last text is still being transcribed")),
            Entry::new("start", 27, 27, mark!("start recording")),
            Entry::new("stop", 27, 27, mark!("stop recording and print the text")),
            Entry::new("cancel", 27, 27, mark!("delete the recording, audio and text; if nothing is being recorded, the newest text that is still being transcribed")),
            Entry::new("last", 27, 27, mark!("print the last text, as it was delivered")),
            Entry::new("undo", 27, 27, mark!("take the last text at the cursor back, if it is still there unchanged and the focus has not moved; see deliver.undo")),
            Entry::new("retry [N|last] [-m MODEL] [-l LANGUAGE]", 50, 27, mark!("transcribe a dictation once more, failed or not, and print the text; 1 is the last dictation, 2 the one before it")),
            Entry::new("history [N] [-s WORDS] [--since TIME]", 50, 27, mark!("list the last N dictations (20): number, time, length, language, where the text went, and its first words")),
            Entry::new("show N", 27, 27, mark!("print a dictation's text; N is `last`, a number, or an id (--json)")),
            Entry::new("copy N, paste N", 27, 27, mark!("put the text on the clipboard, or into the window with the focus (typed in\u{a0}a terminal, paste copies)")),
            Entry::new("play N", 27, 27, mark!("play the recording")),
            Entry::new("delete N…, delete --all [-y]", 38, 38, mark!("delete dictations, recordings and texts; asks first")),
            Entry::new("export DIRECTORY [-s WORDS] [--since TIME]", 50, 27, mark!("write dictations into a folder: dictations.jsonl, one object per line, and the recordings")),
            Entry::new("transcribe FILE…", 27, 27, mark!("transcribe sound files and print their text, each below a heading if there are several; a file that fails does not stop the others")),
        ],
    },
    Group {
        heading: mark!("Text (from the arguments; from standard input if there are none, or for -):"),
        entries: &[
            Entry::new("process [-p PRESET] [-i INSTRUCTION] [TEXT…]", 50, 50, mark!("have the language model rewrite the text")),
            Entry::new("translate [-t LANGUAGE] [TEXT…]", 50, 50, mark!("have it translate the text")),
            Entry::new(verbatim!("rules test [-l LANGUAGE] [TEXT…]"), 38, 38, mark!("show what each text rule does to the text; each line stands for what was said between two pauses")),
        ],
    },
    Group {
        heading: mark!("Service:"),
        entries: &[
            Entry::new("status [-f FORMAT]", 27, 27, mark!("print state, engine, machine, and any problem; with FORMAT in one line")),
            Entry::new("watch [EVENT…]", 27, 27, mark!("print events until interrupted (state, transcription_update, heartbeat,\u{a0}level, engine, delivery, progress; all if none is named)")),
            Entry::new("watch -f FORMAT", 27, 27, mark!("print the state in one line, now and at each change, also when the service stops and starts; for status bars")),
            Entry::new(verbatim!("pause, resume"), 27, 27, mark!("start no more recordings; allow them again")),
            Entry::new(verbatim!("config get [SECTION[.KEY]]"), 38, 38, mark!("print the settings in force")),
            Entry::new(verbatim!("config set SECTION.KEY=VALUE…"), 38, 38, mark!("change settings; VALUE is true, false, a number,\n\"a string\", [a, list] or {a = table},\notherwise a string")),
            Entry::new("ping", 27, 27, mark!("check whether the service answers")),
            Entry::new("shutdown", 27, 27, mark!("stop the service; the next command starts it again")),
        ],
    },
    Group {
        heading: mark!("Options:"),
        entries: &[
            Entry::new("--json", 27, 27, mark!("print the service's answer as it is")),
            Entry::new("-d, --deliver WHERE", 27, 27, mark!("for toggle, start, stop, process, translate: where this text goes (auto,\u{a0}clipboard, paste, type, none), instead of deliver.mode")),
            Entry::new("-p, --preset PRESET", 27, 27, mark!("for toggle, start, stop: have the language model rewrite this dictation; for process: how. Presets: clean-up, email, notes, prompt, and yours")),
            Entry::new("-c, --clipboard", 27, 27, mark!("for process, translate: use the text on the clipboard, and put the result back there, or where --deliver says")),
            Entry::new("--last", 27, 27, mark!("for process, translate: use the last dictation's text")),
            Entry::new("-f, --format FORMAT", 27, 27, mark!("for transcribe: txt (default), json (one object per line, also for a file\u{a0}that failed), or the subtitles srt and vtt; for status, watch: text (a\u{a0}few characters), json, or waybar")),
            Entry::new("-o, --output DIRECTORY", 27, 27, mark!("for transcribe: write each text to a file in DIRECTORY, named like the sound file but ending in .FORMAT (existing files are replaced), and print\u{a0}its name")),
            Entry::new("--track N", 27, 27, mark!("for transcribe: the Nth sound track of each file; by default the first one\u{a0}that is not silent")),
            Entry::new("-i, --instruction TEXT", 27, 27, mark!("for process: what to do with the text, instead of a preset or besides it")),
            Entry::new("-t, --to LANGUAGE", 27, 27, mark!("for translate: the language, such as en or Spanish (default: llm.target_language)")),
            Entry::new("-l, --language LANGUAGE", 27, 27, mark!("for toggle, start: the language that you speak, such as es or Spanish, or auto, instead of engine.language (a stop does not change it); for retry: the language that was spoken; for rules test: the text's language, en, es, de or fr (default: engine.language, or what the text seems to be)")),
            Entry::new("--continuous", 27, 27, mark!("for toggle, start: deliver each sentence once it is over, until you stop or are silent for session.continuous_silence")),
            Entry::new("-s, --search WORDS", 27, 27, mark!("for history, export: only dictations with all these words")),
            Entry::new("--since TIME", 27, 27, mark!("for history, export: only dictations from then on: today, yesterday, 2026-11-21, 10:30, '2026-11-21 10:30', 2h, '3 days'")),
            Entry::new("--all", 27, 27, mark!("for delete: all dictations")),
            Entry::new("-y, --yes", 27, 27, mark!("for delete: do not ask")),
            Entry::new("-m, --model MODEL", 27, 27, mark!("for retry: another installed model (v2m-model list)")),
            Entry::new("-h, --help", 27, 27, mark!("print this help")),
            Entry::new("-V, --version", 27, 27, mark!("print the version")),
        ],
    },
    Group {
        heading: mark!("Environment:"),
        entries: &[
            Entry::new("V2M_SOCKET_PATH", 27, 27, mark!("the service's socket, instead of $XDG_RUNTIME_DIR/v2m/v2m.sock")),
        ],
    },
    Group {
        heading: mark!("Exit codes:"),
        entries: &[
            Entry::new("0", 5, 5, mark!("success")),
            Entry::new("1", 5, 5, mark!("the service answered an error (on standard error; what is left of the text on standard output); of several files, the first one that failed decides")),
            Entry::new("2", 5, 5, mark!("the command line or the text is wrong; nothing was sent")),
            Entry::new("3", 5, 5, mark!("cannot connect; try: systemctl --user enable --now v2m.socket")),
            Entry::new("4", 5, 5, mark!("the connection ended before the answer; the service may have carried out the command")),
            Entry::new("5", 5, 5, mark!("the answer cannot be understood")),
            Entry::new("6", 5, 5, mark!("standard input or output failed, or a file could not be written")),
            Entry::new("7", 5, 5, mark!("a file gave no text: it contains no speech, or the model did not understand it")),
        ],
    },
    Group {
        heading: mark!("Examples:"),
        entries: &[
            Entry::new("v2m-send toggle", 47, 47, mark!("what a keyboard shortcut runs")),
            Entry::new("v2m-send last", 47, 47, mark!("print the last text again")),
            Entry::new("v2m-send retry --model small-q8_0", 47, 47, mark!("the last dictation again, with another model")),
            Entry::alone("v2m-send history --search 'dear Ann' --since yesterday"),
            Entry::new("v2m-send copy 2", 47, 47, mark!("the dictation before the last, on the clipboard")),
            Entry::alone("v2m-send transcribe talk.mp3 -f srt > talk.srt"),
            Entry::alone("v2m-send transcribe -o texts recordings/*.flac"),
            Entry::new("v2m-send toggle --preset email", 47, 47, mark!("dictate an e-mail")),
            Entry::new("v2m-send toggle --language es", 47, 47, mark!("dictate in Spanish; a good second shortcut")),
            Entry::new("v2m-send toggle --continuous", 47, 47, mark!("speak on; the sentences arrive one after the other")),
            Entry::new("v2m-send process --clipboard", 47, 47, mark!("for a second shortcut")),
            Entry::alone(verbatim!("v2m-send process -i 'as a list' < notes.txt")),
            Entry::alone("v2m-send translate --last --to en"),
            Entry::alone(verbatim!("v2m-send rules test 'Dear Ann, new line, I am well.'")),
            Entry::alone(verbatim!("v2m-send config set 'text.replace.ve dos eme=v2m'")),
            Entry::alone(verbatim!("v2m-send config set engine.languages='[en, de]' capture.linger_seconds=10")),
            Entry::alone("v2m-send --json status"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_into_lines_below_one_another() {
        let word = "ñ".repeat(WIDTH - 8);
        let long: &str = format!("one\u{a0}two three {word} four\nfive").leak();
        let shown = Entry::new("x", 6, 8, long).render();
        let expected = format!("  x   one two three\n        {word}\n        four\n        five\n");
        assert_eq!(shown, expected);
        assert_eq!(Entry::alone("y").render(), "  y\n");
    }

    #[test]
    fn no_line_is_too_long() {
        assert!(text().lines().all(|line| line.chars().count() <= WIDTH));
        assert!(!text().contains('\u{a0}'));
    }
}
