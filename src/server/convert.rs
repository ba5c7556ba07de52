//! Converts between wire types and the daemon's own types, both ways. Matches are exhaustive, so a
//! new variant does not compile until it is handled here.

use crate::call::{
    Answer, CaptureStatus, DeliverStatus, EngineStatus, Event, Gpu, Level, PreviewStatus, Progress,
    Request, Retry, Status, TextSource, TextTask, TextWork, Unfollowed,
};
use crate::session::{
    self, ChosenPreset, Command, DeliverMode, Failure, State, Transcript, Wishes,
};
use crate::text;
use history::{deleted_data, deletion, kept_data, page_data, query, redelivery, which};
use std::path::Path;
use v2m_ipc::data;
use v2m_ipc::message::{self, Response};
use v2m_ipc::pcm::in_seconds as seconds;
use v2m_ipc::plain;
use v2m_messages::tr;

mod history;

/// A client's command, sorted by the part that answers it.
pub(super) enum Asked {
    /// The server answers PONG.
    Pong,
    /// The connection becomes a stream of these events.
    Events(Vec<message::EventName>),
    /// The daemon answers.
    Call {
        /// The request for the daemon.
        request: Request,
        /// The text that came with the request. It is returned if the call fails.
        original: Option<String>,
    },
}

/// Sorts a client's command by the part that answers it.
pub(super) fn request(command: message::Command) -> Asked {
    use message::Command as Wire;
    let (request, original) = match command {
        Wire::Ping => return Asked::Pong,
        Wire::Subscribe { events } => return Asked::Events(events),
        Wire::GetStatus => (Request::Status, None),
        Wire::StartRecording(wishes) => (dictation(Command::Start, wishes), None),
        Wire::StopRecording(wishes) => (dictation(Command::Stop, wishes), None),
        Wire::ToggleRecording(wishes) => (dictation(Command::Toggle, wishes), None),
        Wire::CancelRecording => (Request::Session(Command::Cancel), None),
        Wire::PauseDaemon => (Request::Session(Command::Pause), None),
        Wire::ResumeDaemon => (Request::Session(Command::Resume), None),
        Wire::Shutdown => (Request::Session(Command::Shutdown), None),
        Wire::LastText => (Request::LastText, None),
        Wire::ProcessText { text, instruction, preset, deliver } => {
            let instruction = instruction.map(plain::owned);
            text_work(text, TextTask::Rewrite { instruction, preset }, deliver)
        }
        Wire::TranslateText { text, target_lang, deliver } => {
            text_work(text, TextTask::Translate { into: target_lang }, deliver)
        }
        Wire::TestRules { text, language } => {
            (Request::TestRules { text: plain::owned(text), language }, None)
        }
        Wire::TranscribeFile { file_path, track } => {
            (Request::TranscribeFile { path: file_path.into(), track }, None)
        }
        Wire::RetryRecording { number, model, language } => {
            (Request::Retry(Retry { number, model, language }), None)
        }
        Wire::UndoDelivery => (Request::Undo, None),
        Wire::ListDictations { search, since, before, limit } => {
            (Request::List(query(search, since, before, limit)), None)
        }
        Wire::GetDictation(wanted) => (Request::Show(which(wanted)), None),
        Wire::DeliverDictation { which, deliver } => {
            (Request::Redeliver(redelivery(which, deliver)), None)
        }
        Wire::DeleteDictations { which } => (Request::Delete(deletion(which)), None),
        Wire::GetConfig => (Request::GetConfig, None),
        Wire::UpdateConfig { updates } => (Request::UpdateConfig(updates), None),
    };
    Asked::Call { request, original }
}

fn dictation(command: Command, wishes: message::Wishes) -> Request {
    let message::Wishes { deliver, preset, language, continuous } = wishes;
    let deliver = deliver.map(deliver_mode);
    let wishes = Wishes { deliver, preset, language, continuous };
    if wishes == Wishes::default() {
        Request::Session(command)
    } else {
        Request::Dictation(command, wishes)
    }
}

fn text_work(
    text: message::TextSource,
    task: TextTask,
    deliver: Option<message::Deliver>,
) -> (Request, Option<String>) {
    use message::TextSource as Wire;
    let (source, original) = match text {
        Wire::Given(text) => {
            let text = plain::owned(text);
            (TextSource::Given(text.clone()), Some(text))
        }
        Wire::Clipboard => (TextSource::Clipboard, None),
        Wire::Last => (TextSource::Last, None),
    };
    (Request::Text(TextWork { source, task, deliver: deliver.map(deliver_mode) }), original)
}

fn deliver_mode(deliver: message::Deliver) -> DeliverMode {
    use message::Deliver as Wire;
    match deliver {
        Wire::Auto => DeliverMode::Auto,
        Wire::Clipboard => DeliverMode::Clipboard,
        Wire::Paste => DeliverMode::Paste,
        Wire::Type => DeliverMode::Type,
        Wire::None => DeliverMode::None,
    }
}

/// Converts the daemon's answer for the client.
pub(super) fn answer(answer: Answer) -> Response {
    match answer {
        Answer::State { state, message } => {
            Response::success(&data::State { state: state.name().into(), message })
        }
        Answer::Transcript { state, transcript } => {
            Response::success(&transcript_data(state, transcript))
        }
        Answer::LastText { state, text } => {
            Response::success(&data::LastText { state: state.name().into(), text })
        }
        Answer::Text { state, text, original, deliveries } => Response::success(&data::Text {
            refined_text: text.clone(),
            text,
            original,
            state: state.name().into(),
            deliveries: deliveries.into_iter().map(delivery_data).collect(),
        }),
        Answer::Rules { text, language, applied, steps } => {
            let steps = steps.into_iter().map(rule_step).collect();
            Response::success(&data::Rules { text, language, applied, steps })
        }
        Answer::Status(status) => Response::success(&status_data(*status)),
        Answer::Config(config) => Response::success(&data::Config { config }),
        Answer::ConfigUpdated { applied, restart, ignored } => {
            Response::success(&config_updated(applied, restart, ignored))
        }
        // The socket has no request for them.
        Answer::Microphones(_) => Response::success(&()),
        Answer::History(page) => Response::success(&page_data(page)),
        Answer::Dictation(kept) => Response::success(&kept_data(*kept)),
        Answer::Deleted(deleted) => Response::success(&deleted_data(deleted)),
        Answer::ShuttingDown => {
            Response::success(&data::ShuttingDown { message: "SHUTTING_DOWN".into() })
        }
    }
}

/// Converts a failure for the client, with the rest of the user's words. `original` is the text
/// that came with the request.
pub(super) fn failure(failure: Failure, original: Option<String>) -> Response {
    let Failure { code, message, text, audio_path, brief: _, lasts: _, again } = failure;
    let leftover = match original {
        Some(original) => {
            let text = Some(text.unwrap_or(original));
            data::Leftover { refined_text: text.clone(), text, audio_path: path(audio_path), again }
        }
        None => data::Leftover { text, refined_text: None, audio_path: path(audio_path), again },
    };
    let nothing = leftover == data::Leftover::default();
    let data = if nothing { ().into() } else { Response::success(&leftover).data };
    Response::error(code.name(), message, data)
}

/// Converts an event for subscribers. `None`: they do not receive this event.
pub(super) fn event(event: Event) -> Option<data::Event> {
    Some(match event {
        Event::State { state, job, progress } => {
            let Progress { recording, reason } = progress;
            data::Event::State {
                state: state.name().into(),
                job: job.map(|job| job.0),
                recording_since: recording.map(|it| hundredths(it.since)),
                elapsed_s: recording.map(|it| hundredths(it.elapsed)),
                reason: reason.map(problem_data),
            }
        }
        Event::TranscriptionUpdate { job, text, is_final } => {
            data::Event::TranscriptionUpdate { text, is_final, job: job.0 }
        }
        Event::Heartbeat { timestamp, state } => {
            data::Event::Heartbeat { timestamp, state: state.name().into() }
        }
        Event::Level(Level { rms_dbfs, peak_dbfs }) => data::Event::Level {
            dbfs: tenths(rms_dbfs.into()),
            peak_dbfs: Some(tenths(peak_dbfs.into())),
        },
        Event::Engine { state, backend } => {
            data::Event::Engine { state: state.name().into(), backend }
        }
        Event::Delivery { job, delivery } => {
            data::Event::Delivery { job: job.map(|job| job.0), delivery: delivery_data(delivery) }
        }
        Event::Progress { path, samples, of } => data::Event::Progress {
            file_path: path.display().to_string(),
            seconds: seconds(samples),
            of: seconds(of),
        },
        // Only for the sign on the screen. Subscribers get its states and texts as separate events.
        Event::Sign(_) => return None,
    })
}

fn transcript_data(state: State, transcript: Transcript) -> data::Transcript {
    let Transcript {
        text,
        unrefined,
        language,
        samples,
        segments,
        gaps,
        audio_path,
        preset,
        deliveries,
        problems,
    } = transcript;
    let segment = |segment| segment_data(segment, &gaps);
    data::Transcript {
        state: state.name().into(),
        transcription: text.clone(),
        text,
        unrefined,
        audio_path: path(audio_path),
        language,
        seconds: seconds(samples),
        segments: segments.into_iter().map(segment).collect(),
        gaps: gaps.iter().map(gap_data).collect(),
        preset: preset.map(preset_data),
        deliveries: deliveries.into_iter().map(delivery_data).collect(),
        problems: problems.into_iter().map(problem_data).collect(),
    }
}

fn preset_data(chosen: ChosenPreset) -> data::Preset {
    let ChosenPreset { name, by } = chosen;
    let application = by.application().map(str::to_owned);
    data::Preset { name, by: by.name().into(), application }
}

fn problem_data(problem: Failure) -> data::Problem {
    data::Problem { code: problem.code.name().into(), error: problem.message }
}

fn rule_step(step: text::Step) -> data::RuleStep {
    let text::Step { rule, before, after } = step;
    data::RuleStep { rule: rule.into(), before, after }
}

fn segment_data(segment: session::Segment, gaps: &[session::Gap]) -> data::Segment {
    let session::Segment { start, end, text } = segment;
    let gap = gaps.iter().any(|gap| gap.touches(start, end));
    data::Segment { start: seconds(start), end: seconds(end), text, gap }
}

fn gap_data(gap: &session::Gap) -> data::Gap {
    data::Gap { start: seconds(gap.start), end: seconds(gap.end) }
}

fn capture_data(capture: CaptureStatus) -> data::Capture {
    let CaptureStatus { realtime, gaps, missing } = capture;
    data::Capture { realtime, gaps, missing_s: seconds(missing) }
}

fn delivery_data(delivery: session::Delivery) -> data::Delivery {
    let session::Delivery { by, backend, ok, detail } = delivery;
    data::Delivery { by: by.into(), backend: backend.map(str::to_owned), ok, detail }
}

fn config_updated(
    applied: Vec<String>,
    restart: Vec<String>,
    ignored: Vec<Unfollowed>,
) -> data::ConfigUpdated {
    let message = match (applied.is_empty(), restart.is_empty()) {
        (true, true) => tr!("nothing changed").to_owned(),
        (false, true) => tr!("in force now: {now}", now = applied.join(", ")),
        (true, false) => {
            tr!("after `systemctl --user restart v2m`: {later}", later = restart.join(", "))
        }
        (false, false) => tr!(
            "{now} in force now; after `systemctl --user restart v2m`: {later}",
            now = applied.join(", "),
            later = restart.join(", ")
        ),
    };
    let setting = |Unfollowed { key, reason, prevents_recording }| data::IgnoredSetting {
        key,
        reason,
        prevents_recording,
    };
    let ignored = ignored.into_iter().map(setting).collect();
    data::ConfigUpdated { status: "ok".into(), message, applied, restart, ignored }
}

fn status_data(status: Status) -> data::Status {
    let Status {
        state,
        language,
        pending,
        preset,
        cpu_percent,
        ram,
        gpu,
        engine,
        capture,
        deliver,
        uptime_s,
        progress,
        problem,
    } = status;
    let Progress { recording, reason } = progress;
    let cpu = tenths(cpu_percent.into());
    let gpu = gpu.map(gpu_data);
    data::Status {
        state: state.name().into(),
        is_recording: state == State::Recording,
        language,
        pending: u32::try_from(pending).unwrap_or(u32::MAX),
        preset: preset.map(preset_data),
        gpu_usage: gpu.as_ref().map(|gpu| gpu.percent),
        vram_usage: gpu.as_ref().map(|gpu| gpu.vram_used_mb),
        cpu_usage: cpu,
        telemetry: data::Telemetry { ram: ram_data(ram), cpu: data::Cpu { percent: cpu }, gpu },
        engine: engine_data(engine),
        capture: capture_data(capture),
        deliver: deliver.map(deliver_data),
        uptime_s,
        recording_since: recording.map(|it| hundredths(it.since)),
        elapsed_s: recording.map(|it| hundredths(it.elapsed)),
        reason: reason.map(problem_data),
        version: env!("CARGO_PKG_VERSION").into(),
        problem: problem.map(problem_data),
    }
}

fn deliver_data(deliver: DeliverStatus) -> data::Deliver {
    let DeliverStatus { mode, way, backend, reason } = deliver;
    let (mode, way) = (mode.name().into(), way.name().into());
    data::Deliver { mode, way, backend: backend.map(str::to_owned), reason }
}

fn engine_data(engine: EngineStatus) -> data::Engine {
    let EngineStatus {
        state,
        backend,
        device,
        model,
        loaded_in_ms,
        memory_bytes,
        passed_over,
        server,
        unfollowed,
        preview,
    } = engine;
    let passed =
        |(backend, reason): (&str, String)| data::PassedOver { backend: backend.into(), reason };
    data::Engine {
        state: state.name().into(),
        backend,
        device,
        model,
        loaded_in_ms,
        memory_mb: memory_bytes.map(|bytes| bytes / 1_000_000),
        passed_over: passed_over.into_iter().map(passed).collect(),
        server,
        unfollowed: unfollowed
            .into_iter()
            .map(|Unfollowed { key, reason, prevents_recording }| data::Unfollowed {
                key,
                reason,
                prevents_recording,
            })
            .collect(),
        preview: preview.map(preview_data),
    }
}

fn preview_data(preview: PreviewStatus) -> data::Preview {
    let PreviewStatus { model, state, memory_bytes, problem } = preview;
    let memory_mb = memory_bytes.map(|bytes| bytes / 1_000_000);
    data::Preview { model, state: state.name().into(), memory_mb, problem }
}

fn gpu_data(gpu: Gpu) -> data::Gpu {
    let Gpu { name, vram_used_mb, vram_total_mb, temp_c, percent } = gpu;
    data::Gpu { name, vram_used_mb, vram_total_mb, temp_c, percent: tenths(percent.into()) }
}

fn ram_data(ram: crate::call::Ram) -> data::Ram {
    let gib = |bytes: u64| (bytes as f64 / f64::from(1 << 30) * 100.0).round() / 100.0;
    let percent = tenths(ram.used as f64 * 100.0 / ram.total.max(1) as f64);
    data::Ram { total_gb: gib(ram.total), used_gb: gib(ram.used), percent }
}

/// Rounds to tenths. Widening an f32 unrounded would show digits that it does not have.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// Rounds to hundredths, which is precise enough for seconds.
fn hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

fn path(path: Option<impl AsRef<Path>>) -> Option<String> {
    path.map(|path| path.as_ref().display().to_string())
}
