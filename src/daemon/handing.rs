//! Hands texts to the desktop one at a time, because there is one clipboard and one cursor.
//! Dictations go before clients' texts.

use super::Reply;
use super::requests::answer;
use super::screen::Screen;
use super::texts::Finished;
use crate::deliver::{DeliveryOptions, Focus, Sinks, UndoError, UndoOptions, Undone};
use crate::session::{Code, Delivery, Failure, JobId};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use v2m_messages::tr;

/// The origin of a text.
#[derive(Debug)]
pub(super) enum Whose {
    Dictation(JobId),
    Client(Box<Finished>),
}

/// A text and its destination.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) whose: Whose,
    pub(super) text: String,
    pub(super) wanted: DeliveryOptions,
    /// The program with the keyboard, queried when the recording stopped.
    pub(super) focus: Option<Focus>,
    /// Where the text is shown; `None` if it is not.
    pub(super) screen: Option<Screen>,
    /// Problems to show with the text.
    pub(super) problems: Vec<Failure>,
    /// A hint to show with the text: a sentence or two.
    pub(super) hint: Option<String>,
}

/// A task at the cursor.
#[derive(Debug)]
enum Errand {
    Deliver(Box<Parcel>),
    Undo(UndoOptions, Reply),
}

/// A completed task.
#[derive(Debug)]
pub(super) enum Handed {
    Delivered(Handover),
    Undone(Result<Undone, UndoError>, Reply),
}

/// The result of a delivery.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) whose: Whose,
    pub(super) deliveries: Vec<Delivery>,
    /// Time the desktop took, without the notification.
    pub(super) took: Duration,
}

type OnItsWay = Pin<Box<dyn Future<Output = (Handed, Sinks)>>>;

pub(super) struct Handing {
    /// `None` while a text is being delivered.
    sinks: Option<Sinks>,
    on_its_way: Option<OnItsWay>,
    waiting: VecDeque<Errand>,
}

impl Handing {
    pub(super) fn new() -> Self {
        Self { sinks: Some(Sinks::new()), on_its_way: None, waiting: VecDeque::new() }
    }

    pub(super) fn add(&mut self, parcel: Parcel) {
        match parcel.whose {
            Whose::Dictation(_) => {
                // An undo applies to the text that was there when it was requested.
                let is_undo = |errand: &Errand| matches!(errand, Errand::Undo(..));
                let at = self.waiting.iter().rposition(is_undo).map_or(0, |undo| undo + 1);
                self.waiting.insert(at, Errand::Deliver(Box::new(parcel)));
            }
            Whose::Client(_) => self.waiting.push_back(Errand::Deliver(Box::new(parcel))),
        }
        self.start();
    }

    /// Undoes the last text, once earlier dictations are delivered. Queued clients' texts come
    /// after the undo, so that no later dictation waits for them.
    pub(super) fn undo(&mut self, wanted: UndoOptions, reply: Reply) {
        let is_clients = |errand: &Errand| match errand {
            Errand::Deliver(parcel) => matches!(parcel.whose, Whose::Client(_)),
            Errand::Undo(..) => false,
        };
        let at = self.waiting.iter().position(is_clients).unwrap_or(self.waiting.len());
        self.waiting.insert(at, Errand::Undo(wanted, reply));
        self.start();
    }

    /// Waits for the next delivery to end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Handed {
        let Some(on_its_way) = &mut self.on_its_way else { return std::future::pending().await };
        let (handed, sinks) = on_its_way.await;
        self.on_its_way = None;
        self.sinks = Some(sinks);
        self.start();
        handed
    }

    /// Returns the clients' texts that have not been handed over yet. Called at shutdown. The
    /// current delivery continues.
    pub(super) fn take_back(&mut self) -> Vec<Finished> {
        let taken = self.waiting.drain(..).filter_map(|errand| match errand {
            Errand::Deliver(parcel) => match parcel.whose {
                Whose::Client(finished) => Some(*finished),
                Whose::Dictation(_) => None,
            },
            Errand::Undo(_, reply) => {
                let text = tr!("v2m is stopping. Ask again in a moment.");
                answer(reply, Err(Failure::new(Code::ShuttingDown, text)));
                None
            }
        });
        taken.collect()
    }

    /// Whether a delivery is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// Waits until the clipboard is restored. Bounded.
    pub(super) async fn settle(&mut self) {
        if let Some(sinks) = &mut self.sinks {
            sinks.settle().await;
        }
    }

    fn start(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(sinks) = self.sinks.take() else { return };
        self.on_its_way =
            self.waiting.pop_front().map(|errand| Box::pin(carry_out(errand, sinks)) as _);
    }
}

async fn carry_out(errand: Errand, mut sinks: Sinks) -> (Handed, Sinks) {
    match errand {
        Errand::Deliver(parcel) => {
            let (handed, sinks) = carry(*parcel, sinks).await;
            (Handed::Delivered(handed), sinks)
        }
        Errand::Undo(wanted, reply) => {
            let done = sinks.undo(&wanted).await;
            (Handed::Undone(done, reply), sinks)
        }
    }
}

/// Delivers to the desktop first, so that the notification can say where the text is.
async fn carry(parcel: Parcel, mut sinks: Sinks) -> (Handover, Sinks) {
    let Parcel { whose, text, mut wanted, focus, screen, problems, hint } = parcel;
    if let Some(focus) = focus {
        wanted.window = focus.window().await;
    }
    let started = Instant::now();
    let mut deliveries = sinks.hand_over(&text, &wanted).await;
    let took = started.elapsed();
    if let Some(screen) = screen {
        // The screen must not show text for a password field, or text spoken before it was locked.
        let text = sinks.secret().await.map_or(text, |secret| secret.notice().to_owned());
        // With problems to show, there is no room for it.
        let place = sinks.hint().await.filter(|_| problems.is_empty());
        let hints = [place.clone(), hint].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let hints = Some(hints).filter(|hints| !hints.is_empty());
        let shown = screen.show_text(text, deliveries.clone(), problems, hints).await;
        let is_seen = shown.as_ref().map_or_else(|| screen.has_sign(), |shown| shown.ok);
        if let Some(place) = place.filter(|_| is_seen) {
            sinks.hint_was_shown(place).await;
        }
        deliveries.extend(shown);
    }
    (Handover { whose, deliveries, took }, sinks)
}
