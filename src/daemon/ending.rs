//! Orderly shutdown.

use super::requests::answer;
use super::{Daemon, Inputs};
use crate::call::Call;
use crate::session::{Code, Failure};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};
use v2m_messages::tr;

/// How long shutdown waits for answers to be written and for the disk.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long shutdown waits for clients' look-ups in the store.
const LOOKING_UP: Duration = Duration::from_secs(1);

impl Daemon {
    /// Answers all clients, then waits until the answers are written, and then for the disk.
    pub(super) async fn end(
        mut self,
        stop: watch::Sender<bool>,
        server: JoinHandle<()>,
        inputs: Inputs,
    ) {
        self.service.stopping();
        let failure =
            Failure::new(Code::ShuttingDown, tr!("v2m is stopping. Ask again in a moment."));
        let Inputs { mut calls, store: mut stored, .. } = inputs;
        // The loop has not taken these requests, so nothing was done for them.
        calls.close();
        while let Ok(Call { reply, .. }) = calls.try_recv() {
            answer(reply, Err(failure.clone().may_ask_again()));
        }
        self.doors.refuse_all(&failure);
        self.background.refuse_all(&failure);
        self.chores.trials.refuse_all(&failure);
        // These texts are finished. Clients get them in their answers, but undelivered.
        for finished in self.desktop.take_back() {
            self.answer_text(finished, Vec::new());
        }
        self.config.refuse_all(&failure);
        self.texts.refuse_all(&failure).await;
        // Before anything that takes time: new clients must reach the next instance. Sending fails
        // only if the server has already ended.
        let _ = stop.send(true);
        self.chores.refuse_all(&failure, LOOKING_UP).await;
        if let Some(handed) = self.desktop.last_handed(LAST_WORDS).await {
            self.handed(handed);
        }
        self.desktop.settle(LAST_WORDS).await;
        if timeout(LAST_WORDS, server).await.is_err() {
            warn!("some clients did not take their answers");
        }
        self.under_way.end();
        if timeout(LAST_WORDS, async { while stored.recv().await.is_some() {} }).await.is_err() {
            warn!("the disk did not answer in time");
        }
        self.desktop.end().await;
        info!("v2m has ended");
    }
}
