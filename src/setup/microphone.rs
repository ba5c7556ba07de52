//! Choosing the microphone: lists the devices, and measures the chosen one while the user speaks.

use super::configuration::{self, Configuration};
use super::dialogue::{Choice, Dialogue, Stop};
use super::outcome::{Lack, Outcome};
use crate::capture::{self, Capture, CaptureCommand, CaptureEvent, CaptureOutput, End, Source};
use crate::loudness::{FLOOR_DBFS, Loudness};
use crate::session::JobId;
use serde_json::json;
use std::time::{Duration, Instant};
use v2m_messages::tr;

/// How long to listen to the microphone, unless the user presses Enter before.
const LISTENING: Duration = Duration::from_secs(10);
/// Levels per printed line, each of a tenth of a second, on a terminal that cannot overwrite lines.
const LINE: usize = 10;
/// Below this level, in dBFS, no voice would be understood ([`crate::loudness`] calls it too
/// quiet), so the user is assumed not to have spoken.
const NOBODY_DBFS: f32 = -65.0;
/// Minimum distance of a voice above the noise, in dB, however noisy it is: the loudest half second
/// of noise alone does not reach it.
const NOBODY_DB: f32 = 6.0;
/// Width of the level's bar in characters, for 60 dB.
const BAR: usize = 30;

/// Lets the user choose a microphone by listening to it.
pub(super) fn choose(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
) -> Result<Outcome, Stop> {
    let sources = match capture::sources() {
        Ok(sources) => sources,
        Err(error) => return Ok(lacks(dialogue, error.to_string())),
    };
    if sources.is_empty() {
        let none = tr!("PipeWire has no microphone. Connect one, and check with `wpctl status`");
        return Ok(lacks(dialogue, none));
    }
    let wanted = configuration.settings().capture.source.clone();
    let usual = sources.iter().position(|source| source.is_default);
    let configured =
        wanted.as_deref().and_then(|name| sources.iter().position(|source| source.is_called(name)));
    if let (Some(name), None) = (&wanted, configured) {
        dialogue.say(tr!("The configured microphone {name} is not connected.", name));
    }
    let mut chosen = configured.or(usual).unwrap_or(0);
    if !dialogue.asks() {
        return Ok(match silenced(&sources[chosen]) {
            Some(why) => lacks(dialogue, why),
            // A name that is not present now is the user's own choice.
            None if wanted.is_some() && configured.is_none() => {
                lacks(dialogue, tr!("the configured microphone is not connected"))
            }
            None if usual.is_none() && wanted.is_none() => {
                lacks(dialogue, tr!("PipeWire has no default microphone"))
            }
            None => {
                dialogue.say(named(&sources[chosen]));
                Outcome::unchanged(sources[chosen].description.clone())
            }
        });
    }
    if sources.len() > 1 {
        chosen = one_of(dialogue, &sources, chosen)?;
    } else {
        dialogue.say(named(&sources[chosen]));
    }
    loop {
        let source = &sources[chosen];
        if let Some(why) = silenced(source) {
            dialogue.say(why);
        }
        let hears = if dialogue.yes(tr!("Listen to it now?"), true)? {
            listen(dialogue, source)
        } else {
            true
        };
        let answers = [
            tr!("Use it").to_owned(),
            tr!("Listen again").to_owned(),
            tr!("Another microphone").to_owned(),
        ];
        match dialogue.choose(tr!("What now?"), &answers, usize::from(!hears))? {
            Choice::Number(0) => {
                return Ok(keep(dialogue, configuration, source, wanted.as_deref()));
            }
            Choice::Number(2) => chosen = one_of(dialogue, &sources, chosen)?,
            Choice::Number(_) | Choice::Other(_) => {}
        }
    }
}

/// Asks the user to choose a source.
fn one_of(dialogue: &mut Dialogue, sources: &[Source], default: usize) -> Result<usize, Stop> {
    let names: Vec<String> = sources.iter().map(named).collect();
    loop {
        match dialogue.choose(tr!("Which microphone?"), &names, default)? {
            Choice::Number(number) => return Ok(number),
            Choice::Other(_) => {
                let count = sources.len();
                dialogue.say(tr!("Type a number from 1 to {count}.", count));
            }
        }
    }
}

/// Returns its display name, with remarks.
fn named(source: &Source) -> String {
    let name = &source.description;
    match (source.is_default, source.is_silenced) {
        (true, true) => tr!("{name} (the default one; MUTED)", name),
        (true, false) => tr!("{name} (the default one)", name),
        (false, true) => tr!("{name} (MUTED)", name),
        (false, false) => name.clone(),
    }
}

fn silenced(source: &Source) -> Option<String> {
    source.is_silenced.then(|| {
        tr!(
            "{microphone} ({name}) is muted, or its volume is 0. Turn it up in the sound settings",
            microphone = source.description,
            name = source.name
        )
    })
}

/// Stores the choice in the configuration. The default microphone is not stored by name: another
/// one may be the default tomorrow.
fn keep(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    source: &Source,
    wanted: Option<&str>,
) -> Outcome {
    let is_named = wanted.is_some_and(|name| source.is_called(name));
    let name = match wanted {
        // The configured name may select one of its channels.
        Some(name) if is_named => name,
        _ if source.is_default => "",
        _ => &source.name,
    };
    match configuration.set(&[("capture", "source", json!(name))]) {
        Ok(undo) => Outcome::Done { state: source.description.clone(), undo },
        Err(error) => {
            dialogue.say(error.to_string());
            configuration::failed(&error)
        }
    }
}

fn lacks(dialogue: &mut Dialogue, why: impl Into<String>) -> Outcome {
    let why = why.into();
    dialogue.say(&why);
    Outcome::missing(Lack::Microphone, why)
}

/// Shows the level while the user speaks, and evaluates it. Returns whether a voice was recorded
/// well.
fn listen(dialogue: &mut Dialogue, source: &Source) -> bool {
    dialogue
        .say(tr!("Say something. Enter ends the listening; it ends by itself after 10 seconds."));
    let heard = match record(dialogue, source) {
        Ok(heard) => heard,
        Err(problem) => {
            dialogue.say(problem);
            return false;
        }
    };
    let microphone = &source.description;
    let Some(sound) = heard.measured() else {
        dialogue.say(tr!("That was too short to judge."));
        return false;
    };
    let voice = format_args!("{:.0}", sound.voice_dbfs).to_string();
    if sound.voice_dbfs <= FLOOR_DBFS + 1.0 {
        dialogue.say(tr!(
            "{microphone} was silent throughout. Is it muted, or is the wrong one selected?",
            microphone
        ));
        return false;
    }
    if sound.voice_dbfs < NOBODY_DBFS || sound.voice_dbfs - sound.floor_dbfs < NOBODY_DB {
        dialogue.say(tr!(
            "No voice was heard: the loudest sound was {voice} dBFS. Speak while it listens, turn the microphone \
             up, or choose another one.",
            voice
        ));
        return false;
    }
    let noise = format_args!("{:.0}", sound.floor_dbfs).to_string();
    match sound.fault() {
        None => dialogue.say(tr!(
            "You are heard well: voice {voice} dBFS, noise {noise} dBFS.",
            voice,
            noise
        )),
        Some(fault) => dialogue.say(sound.told(fault, microphone)),
    }
    true
}

/// Records until Enter, the time limit, or a failure of the microphone.
fn record(dialogue: &mut Dialogue, source: &Source) -> Result<Loudness, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| tr!("starting a runtime: {error}", error))?;
    runtime.block_on(async {
        let mut capture = Capture::spawn(Duration::ZERO).map_err(|error| error.to_string())?;
        let job = JobId(1);
        capture.send(CaptureCommand::Start { job, source: Some(source.name.clone()) });
        let mut heard = Loudness::default();
        let mut meter = Meter::new();
        let (mut end, mut is_stopping) = (None, false);
        loop {
            match capture.next().await {
                CaptureOutput::Pcm { samples, .. } => {
                    let levels = heard.hear(&samples);
                    if !is_stopping {
                        levels.iter().for_each(|level| meter.show(dialogue, level.rms_dbfs));
                    }
                    let now = Instant::now();
                    let end = *end.get_or_insert_with(|| now + LISTENING);
                    let enter = !is_stopping && dialogue.has_line();
                    if enter {
                        // At the end of the input, the next question notices.
                        let _ = dialogue.line();
                    }
                    if !is_stopping && (enter || now >= end) {
                        capture.send(CaptureCommand::Stop { job });
                        is_stopping = true;
                    }
                }
                CaptureOutput::Gap { .. } | CaptureOutput::Event(CaptureEvent::Started { .. }) => {}
                CaptureOutput::Event(
                    CaptureEvent::Failed { error, .. }
                    | CaptureEvent::Ended { end: End::Lost(error), .. },
                ) => {
                    meter.finish(dialogue);
                    return Err(error.to_string());
                }
                CaptureOutput::Event(CaptureEvent::Ended { .. }) => {
                    meter.finish(dialogue);
                    return Ok(heard);
                }
            }
        }
    })
}

/// Shows the live level: a bar that is overwritten, or a line for each second of sound.
struct Meter {
    is_drawn: bool,
    loudest: f32,
    /// Levels since the last line.
    count: usize,
}

impl Meter {
    fn new() -> Self {
        Self { is_drawn: false, loudest: FLOOR_DBFS, count: 0 }
    }

    fn show(&mut self, dialogue: &mut Dialogue, dbfs: f32) {
        if dialogue.redraws() {
            dialogue.draw(&bar(dbfs));
            self.is_drawn = true;
            return;
        }
        (self.loudest, self.count) = (self.loudest.max(dbfs), self.count + 1);
        if self.count == LINE {
            let level = format_args!("{:.0}", self.loudest).to_string();
            dialogue.say(tr!("level {level} dBFS", level));
            (self.count, self.loudest) = (0, FLOOR_DBFS);
        }
    }

    fn finish(&self, dialogue: &mut Dialogue) {
        if self.is_drawn {
            dialogue.say("");
        }
    }
}

/// Formats a level from -60 to 0 dBFS as a bar of constant width.
fn bar(dbfs: f32) -> String {
    let filled = ((dbfs + 60.0) / 60.0 * BAR as f32).round().clamp(0.0, BAR as f32) as usize;
    format!("[{}{}] {dbfs:>4.0} dBFS ", "#".repeat(filled), "-".repeat(BAR - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_one_width_for_every_level() {
        assert_eq!(bar(-60.0), format!("[{}]  -60 dBFS ", "-".repeat(30)));
        assert_eq!(bar(0.0), format!("[{}]   -0 dBFS ", "#".repeat(30)).replace("-0", " 0"));
        assert_eq!(bar(-30.0).len(), bar(FLOOR_DBFS).len());
        assert!(bar(-30.0).starts_with("[###############---------------]"));
    }
}
