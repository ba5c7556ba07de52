//! Measures how fast this machine transcribes the sample recording with the running service.

use crate::doctor;
use std::time::{Duration, Instant};
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::message::{Command, ResponseStatus};
use v2m_models::fit::Measured;
use v2m_models::{catalogue, paths};

/// Time limit for a text. On a machine that needs longer, a more exact figure helps nobody.
const PATIENCE: Duration = Duration::from_secs(8);
/// If the first run takes longer than this, there is no second one. The better of two runs counts,
/// because another program may have been busy.
const LONG: Duration = Duration::from_secs(3);

/// Length of the sample, in seconds.
const LENGTH: f64 = 11.0;

/// Result of a measurement.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    /// The model's name.
    pub(super) model: String,
    /// Time from the request to the text, in seconds.
    pub(super) seconds: f64,
    /// Whether the time limit was reached without a text.
    pub(super) is_over: bool,
    /// Length of the recording, in seconds.
    pub(super) sound: f64,
    /// The device that it ran on, for people.
    pub(super) device: String,
    /// Whether the device was a GPU.
    on_gpu: bool,
}

impl Speed {
    /// Returns the figures for the choice of a model; `None` if the model is not a published one.
    pub(super) fn of_published(&self) -> Option<Measured> {
        let model = catalogue::find(&self.model)?;
        Some(Measured { model, seconds: self.seconds, on_gpu: self.on_gpu })
    }
}

/// Whether other programs use so much processor time that a measurement says little.
pub(super) fn is_busy() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    waits(&told, cores)
}

/// Evaluates the kernel's load average: its first figure is the mean number of tasks in the last
/// minute that ran or waited for a processor.
fn waits(loadavg: &str, cores: usize) -> bool {
    let load = loadavg.split(' ').next().and_then(|figure| figure.parse::<f64>().ok());
    load.is_some_and(|load| load > 1.5 * cores as f64)
}

/// Lets the service transcribe the sample with `model`, once that is loaded. Blocking: some
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
