//! Handles the messages of an engine.

use super::engine::EngineProcess;
use super::recogniser::{Blame, RETRY_AFTER, Recogniser};
use super::{RecogniseEvent, Recognition};
use crate::session::EngineState;
use v2m_ipc::engine::{self, FromEngine};
use v2m_ipc::plain;
use v2m_messages::tr;

impl Recogniser {
    pub(super) fn take_frames(&mut self) {
        let frames = self.engine.as_mut().map(EngineProcess::take_frames);
        for frame in frames.into_iter().flatten() {
            self.take_frame(frame);
        }
    }

    fn take_frame(&mut self, frame: FromEngine) {
        let Some(engine) = &mut self.engine else { return };
        if let FromEngine::Pong { .. } = frame {
            // This is not progress: an engine that only answers pings hangs.
            return engine.pong();
        }
        engine.progressed();
        let frame = made_plain(frame);
        match frame {
            FromEngine::Loading { bytes } => {
                engine.is_loading = true;
                self.report.bytes = Some(bytes);
                self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
            }
            FromEngine::Loaded { .. } => self.loaded(frame),
            FromEngine::LoadFailed { failure, reason } => self.load_failed(failure, &reason),
            FromEngine::DeviceFailed { reason } if engine.backend.is_remote() => {
                self.server_failed(&reason);
            }
            FromEngine::DeviceFailed { reason } => {
                self.condemn(Blame::Engine, tr!("lost its device ({reason}), ", reason));
            }
            FromEngine::Segment { job, segment, is_final } => {
                if let Some(index) = self.by_wire(job) {
                    let job = &mut self.jobs[index];
                    if let Some(segment) = job.own(segment) {
                        self.events.push_back(job.update(segment, is_final));
                    }
                }
            }
            FromEngine::Sentence { job, until, language } => {
                if let Some(index) = self.by_wire(job) {
                    let event = self.jobs[index].sentence(until, language);
                    self.events.extend(event);
                }
            }
            FromEngine::Final { job, text, language, segments, stats } => {
                // A text that comes before `Finish` is not the whole text.
                if let Some(index) = self.by_wire(job).filter(|&i| self.jobs[i].finish_sent) {
                    if let Some(lineup) = &mut self.lineup {
                        lineup.delivered();
                        if lineup.current().backend.is_remote() {
                            self.outage.delivered();
                        }
                    }
                    let job = self.jobs.remove(index);
                    let (text, segments) = job.rest(text, segments);
                    let (stats, author) = (job.stats(stats), self.author());
                    let recognition =
                        Recognition { text, language, segments, stats, attempts: 0, author };
                    let event = job.done(recognition);
                    self.events.push_back(event);
                }
            }
            FromEngine::Language { job, language, voice } => {
                if let Some(index) = self.by_wire(job).filter(|&i| self.jobs[i].is_probe()) {
                    let job = self.jobs.remove(index).id;
                    self.events.push_back(RecogniseEvent::Language { job, language, voice });
                }
            }
            FromEngine::Failed { job, reason } => {
                if let Some(index) = self.by_wire(job) {
                    self.refused(index, &reason);
                }
            }
            FromEngine::Progress { job, settled } => {
                if let Some(index) = self.by_wire(job) {
                    self.jobs[index].settled(settled);
                }
            }
            FromEngine::Quiet { job, at } => {
                if let Some(index) = self.by_wire(job) {
                    let job = &self.jobs[index];
                    self.events.push_back(RecogniseEvent::Quiet { job: job.id, at: job.at(at) });
                }
            }
            FromEngine::Pong { .. } => {}
        }
    }

    fn loaded(&mut self, frame: FromEngine) {
        let FromEngine::Loaded {
            backend,
            device,
            loaded_in_ms,
            warm_up_ms,
            memory_bytes,
            multilingual: _,
            pauses,
        } = frame
        else {
            return;
        };
        if let Some(lineup) = &mut self.lineup {
            lineup.loaded();
        }
        if let Some(engine) = &mut self.engine {
            engine.pauses = pauses;
        }
        self.retry_after = RETRY_AFTER;
        self.report.state = EngineState::Warm;
        self.report.backend = Some(backend);
        self.report.device = Some(device);
        self.report.loaded_in_ms = Some(loaded_in_ms);
        self.report.warm_up_ms = Some(warm_up_ms).filter(|ms| *ms > 0);
        self.report.memory_bytes = Some(memory_bytes).filter(|bytes| *bytes > 0);
        self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
    }

    fn by_wire(&self, wire: u32) -> Option<usize> {
        self.jobs.iter().position(|job| job.wire == Some(wire))
    }
}

/// Makes all text from a model, a driver or an engine's library plain. All of it passes here.
fn made_plain(frame: FromEngine) -> FromEngine {
    let line = |text: String| plain::line(&text).into_owned();
    let heard =
        |segment: engine::Segment| engine::Segment { text: plain::owned(segment.text), ..segment };
    match frame {
        FromEngine::Segment { job, segment, is_final } => {
            FromEngine::Segment { job, segment: heard(segment), is_final }
        }
        FromEngine::Final { job, text, language, segments, stats } => FromEngine::Final {
            job,
            text: plain::owned(text),
            language: line(language),
            segments: segments.into_iter().map(heard).collect(),
            stats,
        },
        FromEngine::Sentence { job, until, language } => {
            FromEngine::Sentence { job, until, language: line(language) }
        }
        FromEngine::Language { job, language, voice } => {
            FromEngine::Language { job, language: language.map(line), voice }
        }
        FromEngine::Loaded {
            backend,
            device,
            loaded_in_ms,
            warm_up_ms,
            memory_bytes,
            multilingual,
            pauses,
        } => FromEngine::Loaded {
            backend: line(backend),
            device: line(device),
            loaded_in_ms,
            warm_up_ms,
            memory_bytes,
            multilingual,
            pauses,
        },
        FromEngine::LoadFailed { failure, reason } => {
            FromEngine::LoadFailed { failure, reason: line(reason) }
        }
        FromEngine::DeviceFailed { reason } => FromEngine::DeviceFailed { reason: line(reason) },
        FromEngine::Failed { job, reason } => FromEngine::Failed { job, reason: line(reason) },
        frame @ (FromEngine::Loading { .. }
        | FromEngine::Progress { .. }
        | FromEngine::Quiet { .. }
        | FromEngine::Pong { .. }) => frame,
    }
}
