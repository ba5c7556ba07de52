//! How fast this machine transcribes: the sample recording, by the service as it runs.

use crate::doctor;
use std::time::{Duration, Instant};
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::message::{Command, ResponseStatus};
use v2m_models::fit::Measured;
use v2m_models::{catalogue, paths};

/// How long a text is waited for. On a machine that needs longer, more exactness helps nobody.
const PATIENCE: Duration = Duration::from_secs(8);
/// If the first run takes longer, there is no second one. The best of two is what counts: another
/// program may have been busy.
const LONG: Duration = Duration::from_secs(3);

/// The length of the sample, seconds.
const LENGTH: f64 = 11.0;

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    /// The model's name.
    pub(super) model: String,
    /// From the request to the text, seconds.
    pub(super) seconds: f64,
    /// Whether the text was not there then, and nobody waited any longer.
    pub(super) is_over: bool,
    /// The length of the recording, seconds.
    pub(super) sound: f64,
    /// What it ran on, for people.
    pub(super) device: String,
    /// Whether that was a GPU.
    on_gpu: bool,
}

impl Speed {
    /// For the choice of a model. `None`: the model is not a published one.
    pub(super) fn of_published(&self) -> Option<Measured> {
        let model = catalogue::find(&self.model)?;
        Some(Measured { model, seconds: self.seconds, on_gpu: self.on_gpu })
    }
}

/// Whether other programs keep the processors so busy that a measurement says little.
pub(super) fn is_busy() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    waits(&told, cores)
}

/// By what the kernel tells: its first figure is the mean number of tasks in the last minute that ran
/// or waited for a processor.
fn waits(loadavg: &str, cores: usize) -> bool {
    let load = loadavg.split(' ').next().and_then(|figure| figure.parse::<f64>().ok());
    load.is_some_and(|load| load > 1.5 * cores as f64)
}

/// Has the service transcribe the sample with `model`, once it has loaded it. Blocking: some
/// seconds, or as long as the model loads.
///
/// # Errors
/// Why there is no figure, in words.
pub(super) fn measure(model: &str) -> Result<Speed, String> {
    let mut client = Client::connect().map_err(|error| error.to_string())?;
    let engine = doctor::warm(&mut client, Some(model))?;
    let sample = paths::resolve_asset(paths::SAMPLE.0).map_err(|error| error.to_string())?;
    let command = Command::TranscribeFile { file_path: sample.display().to_string(), track: None };
    let mut best: Option<(Duration, f64)> = None;
    let mut is_over = false;
    client.answer_within(PATIENCE).map_err(|error| error.to_string())?;
    for _ in 0..2 {
        let start = Instant::now();
        let answered = client.request(&command);
        let took = start.elapsed();
        let answer = match answered {
            Ok(answer) => answer,
            // The service drops the work when the connection closes.
            Err(ClientError::Lost(_)) if took >= PATIENCE => {
                (best, is_over) = (Some((PATIENCE, LENGTH)), true);
                break;
            }
            Err(error) => return Err(error.to_string()),
        };
        if answer.status != ResponseStatus::Success {
            return Err(answer.error.unwrap_or_default());
        }
        let sound = answer.data["seconds"].as_f64().unwrap_or_default();
        if best.is_none_or(|(before, _)| took < before) {
            best = Some((took, sound));
        }
        if took > LONG {
            break;
        }
    }
    let (took, sound) = best.unwrap_or_default();
    let field = |name: &str| engine[name].as_str().unwrap_or("?").to_owned();
    Ok(Speed {
        model: model.to_owned(),
        seconds: took.as_secs_f64(),
        is_over,
        sound,
        device: field("device"),
        on_gpu: matches!(engine["backend"].as_str(), Some("cuda" | "vulkan")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_busy_if_more_tasks_wait_than_it_has_processors() {
        assert!(waits("3.10 1.00 0.50 1/200 4242\n", 2));
        assert!(!waits("2.90 9.00 9.00 1/200 4242\n", 2));
        assert!(!waits("", 2));
    }
}
