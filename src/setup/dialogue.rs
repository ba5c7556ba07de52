//! Prints and asks in the terminal, in plain lines, one after the other.
//!
//! No library draws these prompts. Every screen reader, terminal and log can handle a line that is
//! written once, and its words are in the message catalogue. Prompt libraries draw over earlier
//! lines and have their own English words. The questions themselves are not here.

use super::wrap;
use crate::doctor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Stdin, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The longest line in columns. Longer lines are hard to read.
const MAX_COLUMNS: usize = 100;
/// The columns of a terminal that does not report them.
const USUAL_COLUMNS: usize = 80;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The user skips this step.
    Skip,
    /// The user leaves the set-up, or standard input has ended.
    Leave,
}

/// An answer to a question with choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// One of the numbered choices, counted from 0.
    Number(usize),
    /// Something else that was typed.
    Other(String),
}

/// Prints and asks. With `--yes` it answers its questions with the defaults.
pub(super) struct Dialogue<R = Stdin, W = io::Stdout> {
    input: BufReader<R>,
    output: W,
    /// Whether a user can answer.
    asks: bool,
    /// Whether lines may be overwritten.
    redraws: bool,
    /// Returns the longest line in columns. `None`: lines are not broken.
    columns: fn() -> Option<usize>,
    /// The folder of v2m's programs, if the shell does not find them.
    folder: Option<PathBuf>,
}

impl Dialogue {
    /// Uses this process's terminal. `asks`: whether questions are asked.
    pub(super) fn in_terminal(asks: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_simple =
            std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        Self {
            input: BufReader::new(io::stdin()),
            output: io::stdout(),
            asks,
            redraws: io::stdout().is_terminal() && !is_simple && !set("NO_COLOR"),
            columns: || columns(&io::stdout()),
            folder: doctor::folder_off_path(),
        }
    }

    /// Whether a line waits to be read. Returns at once.
    pub(super) fn has_line(&self) -> bool {
        if !self.input.buffer().is_empty() {
            return true;
        }
        let stdin = io::stdin();
        let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
        poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }
}

impl<R: Read, W: Write> Dialogue<R, W> {
    /// Whether questions are asked.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// Whether lines may be overwritten.
    pub(super) fn redraws(&self) -> bool {
        self.redraws
    }

    /// Prints one or more lines, broken between words. If that fails, there is no way to report it.
    pub(super) fn say(&mut self, text: impl AsRef<str>) {
        let text = self.runnable(text.as_ref());
        let told = match (self.columns)() {
            Some(columns) => wrap::wrapped(&text, columns),
            None => text,
        };
        self.put(&format!("{told}\n"));
    }

    /// Prints a line to be copied: a command, or a line of a configuration file. It is not broken.
    pub(super) fn say_to_copy(&mut self, line: &str) {
        self.put(&format!("  {}\n", self.runnable(line)));
    }

    /// Overwrites the current line, without ending it.
    pub(super) fn draw(&mut self, line: &str) {
        // The one control character here is our own; the line itself is made plain.
        let _ = self.output.write_all(b"\r");
        self.put(&plain::line(line));
    }

    fn put(&mut self, text: &str) {
        let _ = plain::write(&mut self.output, text);
    }

    /// Adapts text so that v2m's commands in it can be run as they are.
    pub(super) fn runnable(&self, text: &str) -> String {
        match &self.folder {
            Some(folder) => doctor::with_paths(text, folder),
            None => text.to_owned(),
        }
    }

    /// Asks for a line. Enter alone gives `default`.
    pub(super) fn ask(&mut self, question: &str, default: &str) -> Result<String, Stop> {
        if !self.asks {
            return Ok(default.to_owned());
        }
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let asked = format!("{question}{shown}");
        let asked = match (self.columns)() {
            // One column less, for the space before the answer.
            Some(columns) => wrap::wrapped(&asked, columns.saturating_sub(1)),
            None => asked,
        };
        self.put(&format!("{asked} "));
        let answer = self.line()?;
        // Letters of the user's language: Spanish uses s for yes.
        match answer.to_lowercase().as_str() {
            "" => Ok(default.to_owned()),
            letter if letter == tr!("letter that skips a step" => "s") => Err(Stop::Skip),
            letter if letter == tr!("letter that leaves" => "q") => Err(Stop::Leave),
            _ => Ok(answer),
        }
    }

    /// Waits for Enter. Anything typed before is ignored, except the letters that skip and leave.
    pub(super) fn enter(&mut self, prompt: &str) -> Result<(), Stop> {
        self.ask(prompt, "").map(drop)
    }

    /// Asks yes or no; Enter alone means yes if `default`.
    pub(super) fn yes(&mut self, question: &str, default: bool) -> Result<bool, Stop> {
        let keys =
            if default { tr!("yes by default" => "Y/n") } else { tr!("no by default" => "y/N") };
        loop {
            let answer = self.ask(&format!("{question} ({keys})"), "")?;
            match answer.as_str() {
                "" => return Ok(default),
                answer if doctor::is_yes(answer) => return Ok(true),
                answer if is_no(answer) => return Ok(false),
                _ => self.say(tr!("Answer y or n; s skips this step, q leaves.")),
            }
        }
    }

    /// Shows numbered choices and asks for one. Enter alone means the one at `default`.
    pub(super) fn choose(
        &mut self,
        question: &str,
        choices: &[String],
        default: usize,
    ) -> Result<Choice, Stop> {
        for (index, choice) in choices.iter().enumerate() {
            self.say(format!("  {}. {choice}", index + 1));
        }
        let answer = self.ask(question, &(default + 1).to_string())?;
        match answer.parse::<usize>() {
            Ok(number) if (1..=choices.len()).contains(&number) => Ok(Choice::Number(number - 1)),
            _ => Ok(Choice::Other(answer)),
        }
    }

    /// Returns the next line of standard input, without its end.
    pub(super) fn line(&mut self) -> Result<String, Stop> {
        // A byte that is not UTF-8 is a typing error, and no reason to leave.
        let mut line = Vec::new();
        match self.input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => {
                self.put("\n");
                Err(Stop::Leave)
            }
            Ok(_) => Ok(String::from_utf8_lossy(&line).trim().to_owned()),
        }
    }
}

/// Breaks a text between words for an output, if that is a terminal.
pub(super) fn fitted(text: &str, output: &(impl AsFd + IsTerminal)) -> String {
    columns(output).map_or_else(|| text.to_owned(), |columns| wrap::wrapped(text, columns))
}

/// Returns the longest line for an output now: the user may resize the window. `None`: it is no
/// terminal.
fn columns(output: &(impl AsFd + IsTerminal)) -> Option<usize> {
    if !output.is_terminal() {
        return None;
    }
    let reported = tcgetwinsize(output).map_or(0, |size| usize::from(size.ws_col));
    Some(if reported == 0 { USUAL_COLUMNS } else { reported.min(MAX_COLUMNS) })
}

/// Accepts no in the language of the question, or in English.
fn is_no(answer: &str) -> bool {
    let answer = answer.trim().to_lowercase();
    let mut words = tr!("answers that mean no" => "n no").split(' ').chain(["n", "no"]);
    words.any(|word| word == answer)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Cursor;

    /// Creates a dialogue with these typed lines.
    pub(crate) fn with(typed: &str) -> Dialogue<Cursor<Vec<u8>>, Vec<u8>> {
        let input = BufReader::new(Cursor::new(typed.as_bytes().to_vec()));
        let (output, columns) = (Vec::new(), || None);
        Dialogue { input, output, asks: true, redraws: false, columns, folder: None }
    }

    impl<R> Dialogue<R, Vec<u8>> {
        /// Returns all output.
        pub(crate) fn said(&self) -> &str {
            std::str::from_utf8(&self.output).unwrap()
        }
    }

    #[test]
    fn enter_takes_the_default_and_letters_skip_and_leave() {
        let mut dialogue = with("\n es \ns\nQ\n");
        assert_eq!(dialogue.ask("Which?", "en"), Ok("en".into()));
        assert_eq!(dialogue.ask("Which?", "en"), Ok("es".into()));
        assert_eq!(dialogue.ask("Which?", ""), Err(Stop::Skip));
        assert_eq!(dialogue.ask("Which?", ""), Err(Stop::Leave));
        assert_eq!(dialogue.ask("Which?", ""), Err(Stop::Leave), "at the end of the input");
        assert!(dialogue.said().starts_with("Which? [en] Which? [en] Which? "));
    }

    #[test]
    fn a_byte_that_is_no_utf_8_does_not_leave() {
        let input = BufReader::new(Cursor::new(b"\xff\nes\n".to_vec()));
        let mut dialogue = Dialogue { input, ..with("") };
        assert_eq!(dialogue.ask("Which?", ""), Ok("\u{fffd}".into()));
        assert_eq!(dialogue.ask("Which?", ""), Ok("es".into()));
        assert_eq!(dialogue.ask("Which?", ""), Err(Stop::Leave));
    }

    #[test]
    fn yes_and_no_are_asked_until_they_are_understood() {
        assert_eq!(with("\n").yes("Now?", true), Ok(true));
        assert_eq!(with("\n").yes("Now?", false), Ok(false));
        assert_eq!(with("maybe\nNo\n").yes("Now?", true), Ok(false));
        let mut dialogue = with("what\nyes\n");
        assert_eq!(dialogue.yes("Now?", false), Ok(true));
        assert!(dialogue.said().contains("Answer y or n"), "{}", dialogue.said());
    }

    #[test]
    fn a_choice_is_a_number_or_something_else() {
        let choices = ["one".to_owned(), "two".to_owned()];
        let mut dialogue = with("\n2\n3\nmine\n");
        let mut answer = || dialogue.choose("Which?", &choices, 0).unwrap();
        assert_eq!(answer(), Choice::Number(0));
        assert_eq!(answer(), Choice::Number(1));
        assert_eq!(answer(), Choice::Other("3".into()));
        assert_eq!(answer(), Choice::Other("mine".into()));
    }

    #[test]
    fn with_yes_nothing_is_asked() {
        let mut dialogue = Dialogue { asks: false, ..with("") };
        assert_eq!(dialogue.ask("Which?", "en"), Ok("en".into()));
        assert_eq!(dialogue.yes("Now?", true), Ok(true));
        assert_eq!(dialogue.said(), "");
    }

    #[test]
    fn sentences_and_questions_are_broken_and_lines_to_copy_are_not() {
        let mut dialogue = Dialogue { columns: || Some(12), ..with("\n\n") };
        dialogue.say("one two three four");
        dialogue.say_to_copy("bindsym x exec y");
        let choices = ["one two three".to_owned()];
        dialogue.choose("Which of them?", &choices, 0).unwrap();
        let told = "one two\nthree four\n  bindsym x exec y\n  1. one two\n     three\nWhich of\nthem? [1] ";
        assert_eq!(dialogue.said(), told);
    }

    #[test]
    fn what_is_told_cannot_command_the_terminal() {
        let mut dialogue = with("");
        dialogue.say("a\u{1b}[2Jb");
        dialogue.draw("c\u{1b}d\n");
        assert_eq!(dialogue.said(), "a[2Jb\n\rcd ");
    }
}
