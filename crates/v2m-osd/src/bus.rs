//! The session bus: the name `org.v2m.Sign`, and the signals that v2m sends to its owner.
//!
//! Nothing here starts v2m. Only signals from the owner of v2m's name are accepted.

use crate::appearance::{self, Appearance};
use crate::news::Sign;
use futures_core::Stream;
use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use v2m_messages::{tr, verbatim};
use zbus::fdo::{DBusProxy, RequestNameFlags};
use zbus::message::Type;
use zbus::names::BusName;
use zbus::proxy::MethodFlags;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, Proxy};

/// The name of the program that shows the states. v2m does not show a state itself if it has an
/// owner.
pub const SIGN: &str = "org.v2m.Sign";
/// The name by which systemd recognises that the program has started.
pub const OSD: &str = "org.v2m.Osd";
const V2M: &str = "org.v2m.Dictation1";
const PATH: &str = "/org/v2m/Dictation1";

/// The number of answers that may wait to be read.
const ANSWERS: usize = 4;

/// Why there is nothing to show, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// There is no bus, or it refused.
    #[error("{}", tr!("there is no session bus ({reason})", reason = .0))]
    Absent(#[from] zbus::Error),
    /// Another program shows the states, for example an extension of the desktop.
    #[error("{}", tr!("another program already shows v2m's state"))]
    Taken,
}

/// A piece of news.
#[derive(Debug)]
pub enum News {
    /// A sign from v2m.
    Sign(Sign),
    /// The level of the last tenth of a second, in dB relative to full scale.
    Level(f64),
    /// The time since the current recording began.
    Began(Duration),
    /// The desktop's appearance settings.
    Appearance(Appearance),
    /// v2m has left the bus.
    LeftAlone,
    /// The bus has closed the connection.
    End,
}

/// A connection that owns the name.
#[derive(Debug)]
pub struct Bus {
    connection: Connection,
    messages: MessageStream,
    /// v2m's unique name.
    v2m: Option<String>,
    answers: mpsc::Receiver<News>,
    /// The sender for tasks that make requests.
    asked: mpsc::Sender<News>,
}

impl Bus {
    /// Connects to the session's bus and takes the names.
    ///
    /// # Errors
    /// Fails if there is no bus, or if another program shows the states.
    pub async fn join() -> Result<Self, BusError> {
        let connection = Connection::session().await?;
        let messages = MessageStream::from(&connection);
        let bus = DBusProxy::new(&connection).await?;
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, V2M)
            .build()?;
        bus.add_match_rule(rule).await.map_err(zbus::Error::from)?;
        let name = BusName::try_from(V2M)?;
        let v2m = bus.get_name_owner(name).await.ok().map(|owner| owner.to_string());
        let (asked, answers) = mpsc::channel(ANSWERS);
        let joined = Self { connection, messages, v2m, answers, asked };
        // In this order: when the service learns that the program has started, the program already
        // shows the states.
        for name in [SIGN, OSD] {
            let flags = RequestNameFlags::DO_NOT_QUEUE;
            match joined.connection.request_name_with_flags(name, flags).await {
                Err(zbus::Error::NameTaken) => return Err(BusError::Taken),
                named => named?,
            };
        }
        joined.greet();
        let (connection, asked) = (joined.connection.clone(), joined.asked.clone());
        tokio::spawn(async move {
            if let Some(appearance) = appearance::asked(&connection).await {
                let _ = asked.send(News::Appearance(appearance)).await;
            }
        });
        Ok(joined)
    }

    /// Asks v2m to send levels.
    fn greet(&self) {
        if self.v2m.is_none() {
            return;
        }
        let connection = self.connection.clone();
        tokio::spawn(async move {
            let v2m = Proxy::new(&connection, V2M, PATH, V2M).await?;
            let flags = MethodFlags::NO_AUTO_START;
            v2m.call_with_flags::<_, _, ()>("SubscribeLevel", flags, &()).await
        });
    }

    /// Asks v2m when the current recording began. [`Self::next`] returns the answer.
    pub fn ask_beginning(&self) {
        let (connection, asked) = (self.connection.clone(), self.asked.clone());
        tokio::spawn(async move {
            let properties = "org.freedesktop.DBus.Properties";
            let v2m = Proxy::new(&connection, V2M, PATH, properties).await?;
            let flags = MethodFlags::NO_AUTO_START;
            let told: Option<OwnedVariant> =
                v2m.call_with_flags("Get", flags, &(V2M, "RecordingSince")).await?;
            let since = told.and_then(|value| f64::try_from(&*value).ok()).filter(|it| *it > 0.0);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let ago = since.map(|since| (now.as_secs_f64() - since).clamp(0.0, 86_400.0));
            if let Some(ago) = ago {
                let _ = asked.send(News::Began(Duration::from_secs_f64(ago))).await;
            }
            Ok::<(), zbus::Error>(())
        });
    }

    /// Waits for the next news. Cancel-safe.
    pub async fn next(&mut self) -> News {
        loop {
            let message = tokio::select! {
                Some(answer) = self.answers.recv() => return answer,
                message = next(&mut self.messages) => message,
            };
            let Some(Ok(message)) = message else { return News::End };
            if let Some(news) = self.read(&message) {
                return news;
            }
        }
    }

    fn read(&mut self, message: &Message) -> Option<News> {
        let header = message.header();
        if header.message_type() == Type::MethodCall {
            self.refuse(message.clone());
        }
        if header.message_type() != Type::Signal {
            return None;
        }
        let sender = header.sender().map(|sender| sender.as_str());
        let member = header.member().map(|member| member.as_str().to_owned())?;
        let is_v2m = sender.is_some() && sender == self.v2m.as_deref();
        match &*member {
            "NameOwnerChanged" if sender == Some("org.freedesktop.DBus") => {
                let (name, _, owner): (String, String, String) =
                    message.body().deserialize().ok()?;
                if name != V2M {
                    return None;
                }
                self.v2m = Some(owner).filter(|owner| !owner.is_empty());
                self.greet();
                // A v2m that has ended does nothing any more.
                Some(News::LeftAlone)
            }
            "Sign" if is_v2m => {
                let (kind, details): (String, HashMap<String, OwnedVariant>) =
                    message.body().deserialize().ok()?;
                Sign::told(&kind, &details).map(News::Sign)
            }
            "Level" if is_v2m => {
                let (rms, _peak): (f64, f64) = message.body().deserialize().ok()?;
                Some(News::Level(rms))
            }
            _ => None,
        }
    }

    /// Answers that there are no methods, so that the caller does not wait: v2m asks the name's
    /// owner which program has the keyboard, which only GNOME's extension knows.
    fn refuse(&self, call: Message) {
        let connection = self.connection.clone();
        tokio::spawn(async move {
            let error = "org.freedesktop.DBus.Error.UnknownMethod";
            let text = verbatim!("v2m-osd has no methods");
            // An error means that the caller has left.
            let _ = connection.reply_error(&call.header(), error, &text).await;
        });
    }

    /// Releases the names, so that the service notices at once.
    pub async fn leave(self) {
        // An error means that the bus has ended.
        let _ = self.connection.release_name(SIGN).await;
        let _ = self.connection.close().await;
    }
}

async fn next(messages: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Pin::new(&mut *messages).poll_next(context)).await
}
