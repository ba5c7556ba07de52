//! Converts the status (GET_STATUS) to a D-Bus dictionary: flat, in the units of
//! [`crate::call::Status`].

use crate::call::{DeliverStatus, Progress, RecordingTime, Status};
use crate::session::ChosenPreset;
use std::collections::HashMap;
use v2m_ipc::pcm::in_seconds;
use zbus::{OwnedVariant, Variant};

/// Returns the dictionary. Keys without a value are left out.
pub(super) fn told(status: Status) -> HashMap<&'static str, OwnedVariant> {
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
    let reason = reason.map(|failure| (failure.code.name(), failure.message));
    let mut told: HashMap<&'static str, Variant<'static>> = HashMap::from([
        ("state", Variant::from(state.name())),
        ("language", Variant::from(language)),
        ("pending", Variant::from(u32::try_from(pending).unwrap_or(u32::MAX))),
        ("cpu_percent", Variant::from(f64::from(cpu_percent))),
        ("ram_total_bytes", Variant::from(ram.total)),
        ("ram_used_bytes", Variant::from(ram.used)),
        ("engine_state", Variant::from(engine.state.name())),
        ("gaps", Variant::from(capture.gaps)),
        ("missing_s", Variant::from(in_seconds(capture.missing))),
        ("uptime_s", Variant::from(uptime_s)),
        ("version", Variant::from(env!("CARGO_PKG_VERSION"))),
    ]);
    let passed_over: Vec<String> =
        engine.passed_over.iter().map(|(backend, reason)| format!("{backend}: {reason}")).collect();
    told.extend(preset_variants(preset));
    let texts = [
        ("passed_over", Some(passed_over.join("\n")).filter(|text| !text.is_empty())),
        ("backend", engine.backend),
        ("device", engine.device),
        ("server", engine.server),
        ("model", engine.model),
        ("preview_state", engine.preview.as_ref().map(|preview| preview.state.name().to_owned())),
        ("preview_model", engine.preview.as_ref().map(|preview| preview.model.clone())),
        ("preview_problem", engine.preview.and_then(|preview| preview.problem)),
        ("problem", problem.map(|failure| failure.message)),
        ("reason", reason.as_ref().map(|(code, _)| (*code).to_owned())),
        ("reason_text", reason.map(|(_, text)| text)),
    ];
    told.extend(texts.into_iter().filter_map(|(key, text)| Some((key, Variant::from(text?)))));
    told.extend(capture.realtime.map(|realtime| ("realtime", Variant::from(realtime))));
    if let Some(RecordingTime { since, elapsed }) = recording {
        told.extend([
            ("recording_since", Variant::from(since)),
            ("elapsed_s", Variant::from(elapsed)),
        ]);
    }
    told.extend(engine.loaded_in_ms.map(|ms| ("loaded_in_ms", Variant::from(ms))));
    if let Some(DeliverStatus { mode, way, backend, reason }) = deliver {
        told.extend([
            ("deliver_mode", Variant::from(mode.name())),
            ("deliver_way", Variant::from(way.name())),
            ("deliver_reason", Variant::from(reason)),
        ]);
        told.extend(backend.map(|backend| ("deliver_backend", Variant::from(backend))));
    }
    if let Some(gpu) = gpu {
        told.extend([
            ("gpu", Variant::from(gpu.name)),
            ("gpu_percent", Variant::from(f64::from(gpu.percent))),
            ("vram_used_mb", Variant::from(gpu.vram_used_mb)),
            ("vram_total_mb", Variant::from(gpu.vram_total_mb)),
        ]);
        told.extend(gpu.temp_c.map(|celsius| ("gpu_temp_c", Variant::from(celsius))));
    }
    // Only a file descriptor cannot be converted to an owned value, and there is none here.
    told.into_iter().filter_map(|(key, value)| Some((key, value.try_into().ok()?))).collect()
}

/// Returns the entries for the preset that was chosen for a dictation, and who chose it.
pub(super) fn preset_variants(
    preset: Option<ChosenPreset>,
) -> impl Iterator<Item = (&'static str, Variant<'static>)> {
    let by = preset.as_ref().map(|preset| preset.by.name().to_owned());
    let application = preset.as_ref().and_then(|preset| preset.by.application());
    let texts = [
        ("preset_by", by),
        ("preset_application", application.map(str::to_owned)),
        ("preset", preset.map(|preset| preset.name)),
    ];
    texts.into_iter().filter_map(|(key, text)| Some((key, Variant::from(text?))))
}
