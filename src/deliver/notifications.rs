//! The desktop's notification service, and v2m's one notification there.
//!
//! `popup` shows and closes it. A second connection learns what notify-rust does not report: who
//! owns the service's name, what it can show, and when the user closes the notification. Some
//! services report that only to the connection that has shown it; with those, the second connection
//! also shows it. Calls here may wait for ever; `notifier` bounds them.

mod error;
mod words;

pub(super) use error::NotificationError;
pub(super) use words::words;

use error::{is_absence, refused};

use super::card::{Action, Card, Stay, Urgency};
use super::leftover::{Leftover, LeftoverFile, What};
use super::notice::Notice;
use super::popup::{self, Popup};
use super::set_up;
use crate::session::Code;
use futures_core::Stream;
use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;
use tracing::debug;
use v2m_messages::tr;
use zbus::{Connection, MatchRule, Message, MessageStream, Variant};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// GNOME Shell hides a banner after 4 s, whatever time was requested (`NOTIFICATION_TIMEOUT` in its
/// messageTray.js; seen in 43). Sending it again restarts this time. A critical notification would
/// stay too, but it would ignore "do not disturb", and stay for ever if this process died.
const GNOME_REPEAT: Duration = Duration::from_secs(3);

/// How much later than requested a service may let a notification expire.
const SHORTLY: Duration = Duration::from_secs(1);

/// The action that is due when a notification was shown for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Show it again, because the desktop would hide it.
    Again,
    /// Hide it.
    Retire,
}

/// The reason why a notification has ended, or the user's action on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The user has pressed its button. It may still be there.
    Chosen(Action),
    /// The user has closed it.
    ByUser,
    /// The notification has expired.
    InTime,
    /// The bus has closed the connection. The notification may still be there, or be gone with the
    /// connection: GNOME Shell removes those of applications that it knows (`popup`).
    Lost,
}

/// The Desktop Notifications Specification's number for a notification that has expired.
const EXPIRED: u32 = 1;

/// The Desktop Notifications Specification's name of what a click on the notification itself does.
const DEFAULT: &str = "default";

/// The notification service, and v2m's one notification there.
#[derive(Debug)]
pub(super) struct NotificationService {
    bus: Connection,
    /// Unique name of the service that has shown `shown`. Another service counts from 1, so the
    /// number may be another program's there.
    owner: Option<String>,
    /// Whether that service reads markup in bodies.
    markup: bool,
    /// Whether that service is GNOME Shell.
    gnome: bool,
    /// Whether the service is a GNOME Shell that shows no buttons on a notification that replaces
    /// another.
    loses_buttons: bool,
    /// Whether that service is dunst.
    dunst: bool,
    /// Whether that service shows buttons.
    has_buttons: bool,
    shown: Option<ShownNotification>,
    popup: Popup,
    /// Reports closed notifications. Kept only while that matters, because it reports those of all
    /// programs.
    closings: Option<MessageStream>,
}

/// v2m's notification, as far as v2m knows it.
#[derive(Debug)]
struct ShownNotification {
    id: u32,
    /// `None`: an earlier run has shown it.
    urgency: Option<Urgency>,
    what: What,
    /// Its content. `None`: an earlier run has shown it.
    card: Option<Card>,
}

/// Returns the name and version of the session's notification service, for `v2m doctor`. Bounded in
/// time.
///
/// # Errors
/// The reason why nothing can be shown, and what to do.
pub async fn notification_service() -> Result<String, String> {
    const BOUND: Duration = Duration::from_secs(2);
    let asked = async {
        let service = NotificationService::connect().await?;
        let [name, vendor, version, _] = service.information(NAME).await?;
        Ok(format!("{name} {version} ({vendor})"))
    };
    let answer =
        tokio::time::timeout(BOUND, asked).await.unwrap_or(Err(NotificationError::Hanging));
    answer.map_err(|problem: NotificationError| problem.to_string())
}

impl NotificationService {
    /// Connects to the session's bus.
    pub(super) async fn connect() -> Result<Self, NotificationError> {
        let bus = Connection::session().await.map_err(NotificationError::NoBus)?;
        Ok(Self {
            bus,
            owner: None,
            markup: false,
            gnome: false,
            loses_buttons: false,
            dunst: false,
            has_buttons: false,
            shown: None,
            popup: Popup::default(),
            closings: None,
        })
    }

    /// Shows the notice in place of the last one, or closes the last one if the notice says so.
    pub(super) async fn show(
        &mut self,
        notice: &Notice,
        note: &mut LeftoverFile,
    ) -> Result<(), NotificationError> {
        let owner = self.owner_of_name().await?;
        if owner.is_none() || owner != self.owner {
            // `meet` sets the owner last: if the service does not answer it, the next notice asks
            // again.
            (self.owner, self.shown, self.closings) = (None, None, None);
            self.popup = Popup::default();
            if owner.is_some() || notice.card().is_some() {
                self.meet().await?;
            }
            self.take_up(note);
        }
        let result = match (notice.card(), notice) {
            (Some(card), _) => self.notify(&card).await,
            (None, Notice::Tidy) if self.is_left_over() => self.close().await,
            (None, Notice::Mended(code)) if self.tells_of(*code) => self.close().await,
            (None, Notice::StepBack) if self.is_repeated() => self.close().await,
            (None, Notice::Closed) => self.leave().await,
            (None, _) => Ok(()),
        };
        self.attend().await;
        note.keep(self.leftover());
        result
    }

    /// Adopts the notification that an earlier run has left with this same service.
    fn take_up(&mut self, note: &mut LeftoverFile) {
        let Some(left) = note.read() else { return };
        let same_bus = left.bus == self.bus.server_guid().to_string();
        if same_bus && self.owner.as_ref() == Some(&left.service) {
            self.shown =
                Some(ShownNotification { id: left.id, urgency: None, what: left.what, card: None });
        }
    }

    /// Returns the information that the next run needs if this process is killed now.
    fn leftover(&self) -> Option<Leftover> {
        let shown = self.shown.as_ref()?;
        Some(Leftover {
            bus: self.bus.server_guid().to_string(),
            service: self.owner.clone()?,
            id: shown.id,
            what: shown.what,
        })
    }

    /// Whether an earlier run has left the notification, and this run's start has made it untrue.
    fn is_left_over(&self) -> bool {
        let over = |shown: &ShownNotification| {
            shown.card.is_none() && matches!(shown.what, What::Over | What::BadConfig)
        };
        self.shown.as_ref().is_some_and(over)
    }

    fn tells_of(&self, code: Code) -> bool {
        let what = What::of(Stay::UntilMended(code));
        self.shown.as_ref().is_some_and(|shown| shown.what == what)
    }

    /// Closes the notification before this process ends, if it reports a current state or would
    /// stay until it is closed.
    async fn leave(&mut self) -> Result<(), NotificationError> {
        let Some(shown) = &self.shown else { return Ok(()) };
        match (shown.what, shown.card.as_ref().map(|card| card.stay)) {
            (What::Stays, _) => Ok(()),
            (_, Some(Stay::ThenListed(_))) => self.put_away().await,
            _ => self.close().await,
        }
    }

    /// Hides a notification after its time: closes it, or leaves it in the list of past
    /// notifications.
    pub(super) async fn retire(
        &mut self,
        note: &mut LeftoverFile,
    ) -> Result<(), NotificationError> {
        // A service that was restarted since then counts from 1.
        if self.owner_of_name().await? != self.owner {
            (self.owner, self.shown, self.closings) = (None, None, None);
            self.popup = Popup::default();
            note.keep(None);
            return Ok(());
        }
        let retired = self.put_away().await;
        self.attend().await;
        note.keep(self.leftover());
        retired
    }

    async fn put_away(&mut self) -> Result<(), NotificationError> {
        let card = self.shown.as_ref().and_then(|shown| shown.card.clone());
        // It may be closed already. Showing it again would bring it back. dunst lists closed
        // notifications by itself.
        let is_listed = |card: &Card| matches!(card.stay, Stay::ThenListed(_)) && !self.dunst;
        let Some(card) = card.filter(is_listed) else {
            return self.close().await;
        };
        // GNOME lists notifications of low urgency without a banner. Other desktops do so after a
        // short time.
        let urgency = if self.gnome { Urgency::Low } else { Urgency::Normal };
        let expires = Some(SHORTLY);
        self.notify(&Card { urgency, expires, stay: Stay::AsUsual, ..card }).await
    }

    /// Learns what the service can show. Starts it if the bus knows how.
    async fn meet(&mut self) -> Result<(), NotificationError> {
        // A service too simple to answer has no capabilities.
        let capabilities: Vec<String> = match self.call(NAME, "GetCapabilities", &()).await {
            Err(NotificationError::Refused(_)) => Vec::new(),
            reply => reply?.body().deserialize().map_err(refused)?,
        };
        let can = |wanted: &str| capabilities.iter().any(|capability| capability == wanted);
        (self.markup, self.has_buttons) = (can("body-markup"), can("actions"));
        // A service too simple to report its name is not GNOME Shell.
        let [name, _, version, _] = match self.information(NAME).await {
            Err(NotificationError::Refused(_)) => Default::default(),
            information => information?,
        };
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        self.loses_buttons = name == "gnome-shell" && major.is_none_or(|major| major < 46);
        (self.gnome, self.dunst) = (name == "gnome-shell", name == "dunst");
        self.owner = self.owner_of_name().await?;
        Ok(())
    }

    /// Asks for the service's name, vendor, version, and version of the specification.
    async fn information(&self, to: &str) -> Result<[String; 4], NotificationError> {
        let reply = self.call(to, "GetServerInformation", &()).await?;
        let (name, vendor, version, specification) = reply.body().deserialize().map_err(refused)?;
        Ok([name, vendor, version, specification])
    }

    /// Whether the notification stays visible only because v2m shows it again and again.
    fn is_repeated(&self) -> bool {
        matches!(self.due(), Some((_, Due::Again)))
    }

    /// Returns the next action for the notification, and its time, if no other notice comes.
    pub(super) fn due(&self) -> Option<(Duration, Due)> {
        match self.shown.as_ref()?.card.as_ref()?.stay {
            Stay::WhileTrue if self.gnome => Some((GNOME_REPEAT, Due::Again)),
            // The service should do so itself before this time.
            Stay::ThenListed(time) | Stay::ThenGone(time) => Some((time + SHORTLY, Due::Retire)),
            Stay::WhileTrue | Stay::UntilMended(_) | Stay::AsUsual => None,
        }
    }

    /// Listens for the user closing the notification or pressing its button, as long as that
    /// matters.
    async fn attend(&mut self) {
        let matters = self.shown.as_ref().is_some_and(|shown| shown.what != What::Stays);
        let Some(owner) = self.owner.as_deref().filter(|_| matters) else {
            self.closings = None;
            return;
        };
        if self.closings.is_some() {
            return;
        }
        let closings = async {
            let rule = MatchRule::builder()
                .msg_type(zbus::message::Type::Signal)
                .sender(owner)
                .interface(NAME)
                .build()?;
            MessageStream::for_match_rule(rule, &self.bus, None).await
        };
        self.closings = closings
            .await
            .inspect_err(|error: &zbus::Error| debug!(%error, "closed notifications go unnoticed"))
            .ok();
    }

    /// Waits until the notification is closed, or its button is pressed. Cancel-safe.
    async fn closed(&mut self) -> CloseReason {
        loop {
            let Some(signals) = &mut self.closings else { return std::future::pending().await };
            let next = std::future::poll_fn(|cx| Pin::new(&mut *signals).poll_next(cx)).await;
            let Some(signal) = next else {
                self.closings = None;
                continue;
            };
            let Ok(signal) = signal else { continue };
            let Some(shown) = &self.shown else { continue };
            // The notification's number and the button's key.
            if let Ok((id, key)) = signal.body().deserialize::<(u32, String)>() {
                let action = shown.card.as_ref().and_then(|card| card.action);
                let is_it = |it: &Action| id == shown.id && [it.key(), DEFAULT].contains(&&*key);
                if let Some(action) = action.filter(is_it) {
                    return CloseReason::Chosen(action);
                }
                continue;
            }
            // The notification's number and the reason.
            let Ok((id, reason)) = signal.body().deserialize::<(u32, u32)>() else { continue };
            if shown.id == id {
                (self.shown, self.closings) = (None, None);
                self.popup = Popup::default();
                return if reason == EXPIRED { CloseReason::InTime } else { CloseReason::ByUser };
            }
        }
    }

    /// Waits until the notification is closed, or the bus has closed the connection. Cancel-safe.
    pub(super) async fn ended(&mut self) -> CloseReason {
        let bus = self.bus.clone();
        tokio::select! {
            reason = self.closed() => reason,
            () = bus.closed() => CloseReason::Lost,
        }
    }

    /// Notes that the notification is closed.
    pub(super) fn forget(&self, note: &mut LeftoverFile) {
        note.keep(self.leftover());
    }

    async fn notify(&mut self, card: &Card) -> Result<(), NotificationError> {
        if self.owner.is_none() {
            return Err(NotificationError::Absent(tr!("it exited at once").to_owned()));
        }
        let action = card.action.filter(|_| self.has_buttons && set_up::is_possible());
        // GNOME Shell 43 hides a notification at once if it replaces a critical one and is not
        // critical itself. From 46 on it chooses by the urgency of the one that is replaced: in
        // place of one that is only listed it shows no banner, and in place of a normal one none
        // under Do Not Disturb.
        let is_hidden =
            |shown: &ShownNotification| self.gnome && shown.urgency != Some(card.urgency);
        let loses_button = self.loses_buttons && action.is_some();
        if self.shown.as_ref().is_some_and(|shown| is_hidden(shown) || loses_button) {
            self.close().await?;
        }
        let (summary, body) = words(card, self.markup);
        let left = self.shown.as_ref().map_or(0, |shown| shown.id);
        let id = if self.tells_sender() || action.is_some() {
            self.send(card, (&summary, &body), action, left).await?
        } else {
            let notification = popup::notification(card, &summary, &body);
            match self.popup.show(notification, left).await {
                Ok(id) => id,
                Err(reason) => return Err(self.why(reason).await),
            }
        };
        self.shown = Some(ShownNotification {
            id,
            urgency: Some(card.urgency),
            what: What::of(card.stay),
            card: Some(card.clone()),
        });
        Ok(())
    }

    /// Whether the service reports only to the connection that has shown a notification that it was
    /// closed, or that its button was pressed. dunst does (its `src/dbus.c` names the client as the
    /// signal's destination), and so does GNOME Shell (`notificationDaemon.js` in its
    /// `js/dbusServices`), which also refuses to let another connection replace it.
    fn tells_sender(&self) -> bool {
        self.gnome || self.dunst
    }

    /// Shows a notification over the connection that listens.
    async fn send(
        &mut self,
        card: &Card,
        (summary, body): (&str, &str),
        action: Option<Action>,
        replaces: u32,
    ) -> Result<u32, NotificationError> {
        let hints = HashMap::from([
            ("urgency", Variant::from(card.urgency as u8)),
            ("transient", Variant::from(card.transient)),
            ("category", Variant::from(card.category)),
            ("desktop-entry", Variant::from("v2m")),
        ]);
        let milliseconds = card.expires.and_then(|time| i32::try_from(time.as_millis()).ok());
        // GNOME since 45 lets keys reach a notification in its list, and no key reach a button.
        let actions = action.map_or(Vec::new(), |action| {
            vec![DEFAULT, action.label(), action.key(), action.label()]
        });
        // 0: until it is closed.
        let expires = milliseconds.unwrap_or(0);
        let content = ("v2m", replaces, card.icon, summary, body, actions, hints, expires);
        let reply = self.call(NAME, "Notify", &content).await?;
        self.popup = Popup::default();
        reply.body().deserialize().map_err(refused)
    }

    async fn close(&mut self) -> Result<(), NotificationError> {
        let Some(shown) = self.shown.take() else { return Ok(()) };
        if self.popup.close().await {
            return Ok(());
        }
        // This connection, or one of an earlier run, has shown it.
        let Some(owner) = self.owner.clone() else { return Ok(()) };
        match self.call(&owner, "CloseNotification", &shown.id).await {
            // The user has dismissed it, or it has expired. Either way it is gone.
            Ok(_) | Err(NotificationError::Refused(_)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Finds out the meaning of notify-rust's error, which is only a text.
    async fn why(&self, reason: String) -> NotificationError {
        match self.owner_of_name().await {
            Ok(Some(_)) => NotificationError::Refused(reason),
            Ok(None) => NotificationError::Absent(reason),
            Err(problem) => problem,
        }
    }

    async fn owner_of_name(&self) -> Result<Option<String>, NotificationError> {
        let reply = self
            .bus
            .call_method(
                Some("org.freedesktop.DBus"),
                "/org/freedesktop/DBus",
                Some("org.freedesktop.DBus"),
                "GetNameOwner",
                &NAME,
            )
            .await;
        match reply {
            Ok(reply) => Ok(Some(reply.body().deserialize().map_err(NotificationError::NoBus)?)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(NotificationError::NoBus(error)),
        }
    }

    async fn call<B>(&self, to: &str, method: &str, body: &B) -> Result<Message, NotificationError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let reply = self.bus.call_method(Some(to), PATH, Some(NAME), method, body).await;
        reply.map_err(|error| match error {
            error if is_absence(&error) => NotificationError::Absent(error.to_string()),
            zbus::Error::InputOutput(_) => NotificationError::NoBus(error),
            error => refused(error),
        })
    }
}
