//! The stored dictations: `history`, `show`, `copy`, `paste`, `play` and `delete`.

use crate::bar::clock;
use crate::exit::{Exit, SendError, complain};
use crate::{by_hand, exit_of, print, say};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::io::{self, ErrorKind, IsTerminal};
use std::process;
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::data::{Deleted, Dictation, DictationText, Dictations};
use v2m_ipc::message::{Command, Deliver, Response, ResponseStatus, Which};
use v2m_ipc::plain;
use v2m_messages::tr;

/// Number of dictations to request at a time.
const PAGE: u32 = 200;
/// Programs that play a WAV file, the likeliest first.
const PLAYERS: [&str; 3] = ["pw-play", "paplay", "aplay"];

/// Width of a terminal that does not report it, in columns.
const USUAL_COLUMNS: usize = 80;

/// Selects dictations to list or export.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    /// Words that they must contain.
    pub(crate) search: Option<String>,
    /// Earliest time, as the user wrote it.
    pub(crate) since: Option<String>,
}

/// Fetches all matching dictations, page by page, at most `most` of them. `page` receives each
/// answer as received, and its parsed content.
///
/// # Errors
/// If the connection or `page` fails. `Ok` contains the exit code of a refusal.
pub(crate) fn pages(
    client: &mut Client,
    filter: &Filter,
    most: u32,
    mut page: impl FnMut(&str, &Dictations) -> Result<(), SendError>,
) -> Result<Result<(), Response>, SendError> {
    let (mut left, mut before) = (most, None);
    loop {
        let Filter { search, since } = filter.clone();
        let limit = Some(left.min(PAGE));
        let command = Command::ListDictations { search, since, before, limit };
        let (answer, raw) = client.request_raw(&command)?;
        if answer.status != ResponseStatus::Success {
            return Ok(Err(answer));
        }
        let dictations: Dictations = understood(answer)?;
        page(&raw, &dictations)?;
        left -= u32::try_from(dictations.dictations.len()).unwrap_or(left).min(left);
        before = dictations.dictations.last().map(|last| last.id.clone());
        if !dictations.more || left == 0 || before.is_none() {
            return Ok(Ok(()));
        }
    }
}

/// Parses a successful answer.
pub(crate) fn understood<T: DeserializeOwned>(answer: Response) -> Result<T, SendError> {
    let wrong = |error: serde_json::Error| ClientError::BadAnswer(error.to_string()).into();
    serde_json::from_value(answer.data).map_err(wrong)
}

/// Prints why the service refused.
pub(crate) fn refused(answer: &Response, json: bool) -> Result<Exit, SendError> {
    if json {
        let raw = serde_json::to_string(answer).unwrap_or_default();
        say(&(raw + "\n"))?;
    } else {
        complain(&print::error(answer));
    }
    Ok(exit_of(answer.status))
}

/// `history`: prints a line for each dictation, newest first.
pub(crate) fn list(filter: &Filter, most: u32, json: bool) -> Result<Exit, SendError> {
    let mut count = 0;
    let width = io::stdout().is_terminal().then(columns);
    let listed = pages(&mut Client::connect()?, filter, most, |raw, page| {
        count += page.dictations.len();
        let lines = page.dictations.iter().map(|dictation| line(dictation, width) + "\n");
        say(&if json { format!("{raw}\n") } else { lines.collect() }).map(drop)
    })?;
    if let Err(answer) = listed {
        return refused(&answer, json);
    }
    if count == 0 && !json {
        complain(tr!("there is no such dictation"));
    }
    Ok(Exit::Ok)
}

/// Returns the width of the terminal, according to the shell.
fn columns() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(USUAL_COLUMNS)
}

/// Formats a dictation in one line, of at most `width` characters on a terminal.
fn line(dictation: &Dictation, width: Option<usize>) -> String {
    let head = format!(
        "{:>3}  {}  {:>7}  {:2}  {:9}  ",
        dictation.number,
        time(dictation),
        clock(dictation.seconds),
        dictation.language.as_deref().unwrap_or("–"),
        place(dictation),
    );
    let words = &dictation.first_words;
    let room = width.filter(|width| *width > 0).map_or(usize::MAX, |width| {
        // A line that is exactly full makes some terminals add an empty one.
        width.saturating_sub(head.chars().count() + 1)
    });
    let words = if words.chars().count() <= room {
        words.clone()
    } else {
        words.chars().take(room.saturating_sub(1)).chain(['…']).collect()
    };
    (head + &words).trim_end().to_owned()
}

/// Formats date and time, to the minute, in the service's time zone.
fn time(dictation: &Dictation) -> String {
    dictation.started_at.chars().take(16).collect::<String>().replace('T', " ")
}

/// Returns where a text went, or why there is none.
fn place(dictation: &Dictation) -> &'static str {
    let code = dictation.problem.as_ref().map(|problem| problem.code.as_str());
    match (dictation.state.as_str(), code) {
        ("failed", Some("no_speech")) => return tr!("dictation" => "no speech"),
        ("failed", _) => return tr!("dictation" => "no text"),
        ("recording" | "recorded", _) => return tr!("dictation" => "waiting"),
        _ => {}
    }
    let arrived = dictation.deliveries.iter().rfind(|it| it.ok && it.by != "notification");
    match arrived.map(|it| it.by.as_str()) {
        Some("paste") => tr!("dictation" => "pasted"),
        Some("type") => tr!("dictation" => "typed"),
        Some("clipboard") => tr!("dictation" => "clipboard"),
        Some(_) | None => tr!("dictation" => "kept"),
    }
}

/// Fetches the dictation with its text.
fn get(client: &mut Client, which: Which) -> Result<Result<DictationText, Response>, SendError> {
    let answer = client.request(&Command::GetDictation(which))?;
    if answer.status != ResponseStatus::Success {
        return Ok(Err(answer));
    }
    understood(answer).map(Ok)
}

/// `show`: prints the text. On a terminal, a line about the dictation comes first.
pub(crate) fn show(which: Which, json: bool) -> Result<Exit, SendError> {
    let mut client = Client::connect()?;
    if json {
        let (answer, raw) = client.request_raw(&Command::GetDictation(which))?;
        say(&(raw + "\n"))?;
        return Ok(exit_of(answer.status));
    }
    let kept = match get(&mut client, which)? {
        Ok(kept) => kept,
        Err(answer) => return refused(&answer, json),
    };
    if io::stdout().is_terminal() {
        let head = Dictation { first_words: String::new(), ..kept.dictation.clone() };
        say(&format!("{}\n\n", line(&head, None).trim_start()))?;
    }
    match kept.text {
        Some(text) => say(&(text.trim_end_matches('\n').to_owned() + "\n")),
        None => {
            let Dictation { number, problem, .. } = kept.dictation;
            let what = match problem {
                Some(problem) => {
                    tr!("dictation {number} has no text: {why}", number, why = problem.error)
                }
                None => tr!("dictation {number} has no text", number),
            };
            complain(&format!("{what}\n{}", tr!("Try: v2m-send retry {number}", number)));
            Ok(Exit::Refused)
        }
    }
}

/// `copy` and `paste`. If the text could not be delivered, it is printed.
pub(crate) fn deliver(which: Which, deliver: Deliver, json: bool) -> Result<Exit, SendError> {
    let deliver = match deliver {
        Deliver::Paste if by_hand::is_by_hand() => {
            complain(tr!(
                "copied, not pasted: a shell would run what is pasted here. Ctrl+Shift+V pastes it."
            ));
            Deliver::Clipboard
        }
        deliver => deliver,
    };
    let mut client = Client::connect()?;
    let (answer, raw) = client.request_raw(&Command::DeliverDictation { which, deliver })?;
    if json {
        say(&(raw + "\n"))?;
        return Ok(exit_of(answer.status));
    }
    if answer.status != ResponseStatus::Success {
        return refused(&answer, json);
    }
    for remark in print::remarks(&answer) {
        complain(&remark);
    }
    let deliveries = answer.data["deliveries"].as_array();
    let arrived = |it: &serde_json::Value| it["ok"] == true && it["by"] != "notification";
    if deliveries.is_some_and(|deliveries| deliveries.iter().any(arrived)) {
        return Ok(Exit::Ok);
    }
    say(&print::success(&answer))?;
    Ok(Exit::Refused)
}

/// `play`: plays the recording with an installed player.
pub(crate) fn play(which: Which) -> Result<Exit, SendError> {
    let kept = match get(&mut Client::connect()?, which)? {
        Ok(kept) => kept.dictation,
        Err(answer) => return refused(&answer, false),
    };
    let number = kept.number;
    let Some(path) = kept.audio_path else {
        complain(&tr!(
            "the recording of dictation {number} was deleted (store.keep_audio)",
            number
        ));
        return Ok(Exit::Refused);
    };
    for player in PLAYERS {
        match process::Command::new(player).arg(&path).status() {
            Ok(status) if status.success() => return Ok(Exit::Ok),
            Ok(status) => {
                return Err(SendError::Io(tr!(
                    "{player} could not play {path}: {status}",
                    player,
                    path,
                    status
                )));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(SendError::Io(tr!(
                    "cannot run {program}: {error}",
                    program = player,
                    error
                )));
            }
        }
    }
    let players = PLAYERS.join(", ");
    let text = tr!(
        "there is no program to play sound ({players}); install PipeWire's tools (Debian: \
         pipewire-bin, Fedora: pipewire-utils), or open {path}",
        players,
        path
    );
    Err(SendError::Io(text))
}

/// `delete`: deletes these dictations, or all if none is named. In a terminal it asks first.
pub(crate) fn delete(which: Vec<Which>, is_sure: bool, json: bool) -> Result<Exit, SendError> {
    let mut client = Client::connect()?;
    if !is_sure && !io::stdin().is_terminal() {
        return Err(SendError::Usage(
            tr!(
                "delete asks before it deletes, and there is no terminal; to delete without a question, add --yes"
            )
            .into(),
        ));
    }
    // Numbers shift as soon as there is a new dictation. So all are looked up first.
    let (mut ids, mut named) = (HashSet::new(), Vec::new());
    let is_all = which.is_empty();
    for which in which {
        match get(&mut client, which)? {
            Ok(kept) if ids.insert(kept.dictation.id.clone()) => named.push(kept.dictation),
            Ok(_) => {}
            Err(answer) => return refused(&answer, json),
        }
    }
    if !is_sure && !confirmed(&named)? {
        complain(tr!("nothing was deleted"));
        return Ok(Exit::Ok);
    }
    let (mut sum, mut exit) = (Deleted { deleted: 0, without_text: 0, kept: Vec::new() }, Exit::Ok);
    let each = named.into_iter().map(|it| Some(Which::Id(it.id)));
    for which in each.chain(is_all.then_some(None)) {
        let (answer, raw) = client.request_raw(&Command::DeleteDictations { which })?;
        if json {
            say(&(raw + "\n"))?;
        }
        if answer.status != ResponseStatus::Success {
            exit = Exit::Refused;
            if !json {
                complain(&print::error(&answer));
            }
            continue;
        }
        let Deleted { deleted, without_text, kept } = understood(answer)?;
        sum.deleted += deleted;
        sum.without_text += without_text;
        sum.kept.extend(kept);
    }
    if !sum.kept.is_empty() {
        exit = Exit::Refused;
    }
    if !json {
        for kept in &sum.kept {
            complain(&tr!("{id} was not deleted: {reason}", id = kept.id, reason = kept.reason));
        }
        say(&summary(&sum))?;
    }
    Ok(exit)
}

fn summary(sum: &Deleted) -> String {
    let Deleted { deleted, without_text, .. } = *sum;
    let told = match without_text {
        0 => tr!("deleted {n} dictation" | "deleted {n} dictations" % deleted),
        some => tr!(
            "deleted {n} dictation, of which {some} had no text yet"
                | "deleted {n} dictations, of which {some} had no text yet" % deleted,
            some
        ),
    };
    told + "\n"
}

/// Asks for confirmation on the terminal. `named` is empty for all dictations.
fn confirmed(named: &[Dictation]) -> Result<bool, SendError> {
    let question = match named {
        [] => tr!("Delete all dictations that v2m keeps, recordings and texts? [y/N]").to_owned(),
        named => {
            let lines: String = named.iter().map(|it| line(it, None) + "\n").collect();
            lines
                + &tr!("Delete this dictation, recording and text? [y/N]"
                    | "Delete these dictations, recording and text? [y/N]" % named.len())
        }
    };
    plain::complain(question);
    let mut answer = String::new();
    let failed = |error| SendError::Io(tr!("cannot read the answer: {error}", error));
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(is_yes(&answer))
}

/// Whether an answer to `[y/N]` is yes, in English or in the user's language.
fn is_yes(answer: &str) -> bool {
    let answer = answer.trim().to_lowercase();
    let own = tr!("answers to [y/N] that mean yes, between spaces" => "y yes");
    ["y", "yes"].into_iter().chain(own.split(' ')).any(|yes| yes == answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_ipc::data::{Delivery, Problem};

    fn dictation() -> Dictation {
        Dictation {
            number: 12,
            id: "20261121T101010.000Z-1".into(),
            started_at: "2026-11-21T11:10:10+01:00".into(),
            seconds: 83.4,
            language: Some("es".into()),
            state: "delivered".into(),
            first_words: "Querida Ana, te escribo desde".into(),
            deliveries: Vec::new(),
            problem: None,
            audio_path: None,
        }
    }

    #[test]
    fn a_line_has_all_that_tells_a_dictation_apart_and_fits_the_terminal() {
        let all = " 12  2026-11-21 11:10     1:23  es  kept       Querida Ana, te escribo desde";
        assert_eq!(line(&dictation(), None), all);
        assert_eq!(line(&dictation(), Some(200)), all);
        let cut = line(&dictation(), Some(60));
        assert_eq!(cut.chars().count(), 59, "{cut}");
        assert!(cut.ends_with("Queri…") || cut.ends_with('…'), "{cut}");
        assert!(line(&dictation(), Some(3)).contains("kept"));
    }

    #[test]
    fn nothing_but_a_yes_is_one() {
        assert!(["y", "Y\n", "yes\n", " YES "].into_iter().all(is_yes));
        assert!(!["", "\n", "n\n", "no", "yesterday", "y yes"].into_iter().any(is_yes));
    }

    #[test]
    fn the_question_shows_an_answer_that_is_understood() {
        let spanish = v2m_messages::Catalogue::of("es").unwrap();
        let id = "answers to [y/N] that mean yes, between spaces\u{4}y yes";
        let yes: Vec<_> = spanish.text(id).unwrap().split(' ').collect();
        assert_eq!(yes, ["s", "sí", "si"]);
        let one = "Delete this dictation, recording and text? [y/N]";
        for n in [1, 2] {
            assert!(spanish.plural(one, n).unwrap().ends_with("[s/N]"));
        }
    }

    #[test]
    fn the_place_is_where_the_text_went_or_why_there_is_none() {
        let delivered =
            |by: &str, ok| Delivery { by: by.into(), backend: None, ok, detail: String::new() };
        let mut it = dictation();
        it.deliveries = vec![delivered("paste", false), delivered("clipboard", true)];
        it.deliveries.push(delivered("notification", true));
        assert_eq!(place(&it), "clipboard");
        it.deliveries[0].ok = true;
        it.deliveries.remove(1);
        assert_eq!(place(&it), "pasted");
        it.state = "failed".into();
        assert_eq!(place(&it), "no text");
        it.problem = Some(Problem { code: "no_speech".into(), error: String::new() });
        assert_eq!(place(&it), "no speech");
        it.state = "recorded".into();
        assert_eq!(place(&it), "waiting");
    }
}
