//! One notification at the desktop's notification service, replaced in place.
//!
//! Plain calls of the Desktop Notifications Specification over a connection that lives as long as
//! the service. notify-rust makes a new connection for each notification (its updates block, which
//! the event loop must not), and GNOME Shell drops an application's notifications when the connection that sent them closes.
//! Waiting with bounds is not done here but in `notifier`.

use super::notice::{Card, Notice, Urgency};
use std::collections::HashMap;
use std::time::Duration;
use zbus::fdo;
use zbus::{Connection, Message, Variant};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// GNOME Shell takes a banner away after 4 s, whatever time was asked for (`NOTIFICATION_TIMEOUT` of its
/// messageTray.js; seen in 43), and begins anew when it is sent again. Being critical would keep it
/// there too, but past "do not disturb", and for ever should this process die.
const GNOME_REPEAT: Duration = Duration::from_secs(3);

/// Why the user does not see a notification.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error(
        "there is no session bus to show it by ({0}). After logging in to the desktop: \
         systemctl --user restart v2m.service"
    )]
    NoBus(zbus::Error),
    #[error(
        "no notification service runs on this desktop ({0}). GNOME and KDE bring one; elsewhere \
         start one such as mako or dunst"
    )]
    Absent(String),
    #[error("the notification service refused it ({0})")]
    Refused(zbus::Error),
    #[error("the notification service has not answered in time; if that lasts, restart it")]
    Hanging,
    #[error("a newer notice took its place")]
    Superseded,
}

/// The notification service, and v2m's one notification there.
#[derive(Debug)]
pub(super) struct Service {
    bus: Connection,
    /// Unique name of the service that knows `id`: another one counts anew, and would replace a stranger's.
    owner: Option<String>,
    /// Whether that service reads markup in bodies.
    markup: bool,
    /// Whether that service is GNOME Shell.
    gnome: bool,
    /// 0: none shown yet.
    id: u32,
    /// Whether what `id` shows is critical.
    critical: bool,
    /// Whether what `id` shows is true only for now.
    standing: bool,
}

/// The session's notification service, its name and version; for `v2m doctor`. Bounded.
///
/// # Errors
/// Why nothing can be shown and what to do, in words.
pub async fn notification_service() -> Result<String, String> {
    const BOUND: Duration = Duration::from_secs(2);
    let asked = async {
        let service = Service::connect(None).await?;
        let [name, vendor, version, _] = service.information(NAME).await?;
        Ok(format!("{name} {version} ({vendor})"))
    };
    let answer = tokio::time::timeout(BOUND, asked).await.unwrap_or(Err(Problem::Hanging));
    answer.map_err(|problem: Problem| problem.to_string())
}

impl Service {
    /// Connects to the bus at `address`, or to the session's.
    pub(super) async fn connect(address: Option<&str>) -> Result<Self, Problem> {
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::session(),
        };
        let bus = builder.build().await.map_err(Problem::NoBus)?;
        Ok(Self {
            bus,
            owner: None,
            markup: false,
            gnome: false,
            id: 0,
            critical: false,
            standing: false,
        })
    }

    /// Shows `notice` in place of the one before.
    pub(super) async fn show(&mut self, notice: &Notice) -> Result<(), Problem> {
        let owner = self.owner_of_name().await?;
        if owner.is_none() || owner != self.owner {
            (self.owner, self.id, self.standing) = (owner, 0, false);
            if notice.card().is_some() {
                self.meet().await?;
            }
        }
        match notice.card() {
            Some(card) => self.notify(&card).await,
            // Only this process knows its number: nothing may be left that stays until it is closed.
            None if self.standing || self.critical => self.close().await,
            None => Ok(()),
        }
    }

    /// Starts the service if the bus knows how, and learns what it can show.
    async fn meet(&mut self) -> Result<(), Problem> {
        let reply = self.call(NAME, "GetCapabilities", &()).await?;
        let capabilities: Vec<String> = reply.body().deserialize().map_err(Problem::Refused)?;
        self.markup = capabilities.iter().any(|capability| capability == "body-markup");
        // A service too simple to tell its name is not GNOME Shell.
        self.gnome = self.information(NAME).await.is_ok_and(|[name, ..]| name == "gnome-shell");
        self.owner = self.owner_of_name().await?;
        Ok(())
    }

    /// Name, vendor, version, version of the specification.
    async fn information(&self, to: &str) -> Result<[String; 4], Problem> {
        let reply = self.call(to, "GetServerInformation", &()).await?;
        let (name, vendor, version, specification) =
            reply.body().deserialize().map_err(Problem::Refused)?;
        Ok([name, vendor, version, specification])
    }

    /// After how long `notice`, if nothing has come after it, must be shown again to stay in sight.
    pub(super) fn repeat(&self, notice: &Notice) -> Option<Duration> {
        let standing = notice.card().is_some_and(|card| card.standing);
        (self.gnome && standing).then_some(GNOME_REPEAT)
    }

    /// The number of the notification: another one than before a call means that the user, or the
    /// service, had taken it away.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    async fn notify(&mut self, card: &Card) -> Result<(), Problem> {
        let Some(owner) = self.owner.clone() else {
            return Err(Problem::Absent("it ended as soon as it was started".to_owned()));
        };
        // GNOME Shell 43 hides at once what takes the place of a critical notification without
        // being critical itself.
        if self.gnome && self.critical && card.urgency != Urgency::Critical {
            self.close().await?;
        }
        let body = if self.markup { escaped(&card.body) } else { card.body.clone() };
        let no_actions: [&str; 0] = [];
        // Milliseconds; 0 is "never" in the specification.
        let expires = card.expires.map_or(0, |t| i32::try_from(t.as_millis()).unwrap_or(i32::MAX));
        let arguments = (
            "v2m",
            self.id,
            card.icon,
            &*card.summary,
            &*body,
            &no_actions[..],
            hints(card),
            expires,
        );
        let reply = self.call(&owner, "Notify", &arguments).await?;
        self.id = reply.body().deserialize().map_err(Problem::Refused)?;
        self.critical = card.urgency == Urgency::Critical;
        self.standing = card.standing;
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Problem> {
        let id = std::mem::take(&mut self.id);
        (self.critical, self.standing) = (false, false);
        let Some(owner) = self.owner.clone().filter(|_| id != 0) else { return Ok(()) };
        match self.call(&owner, "CloseNotification", &id).await {
            // The user dismissed it, or it expired: it is away all the same.
            Ok(_) | Err(Problem::Refused(_)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    async fn owner_of_name(&self) -> Result<Option<String>, Problem> {
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
            Ok(reply) => Ok(Some(reply.body().deserialize().map_err(Problem::NoBus)?)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(Problem::NoBus(error)),
        }
    }

    async fn call<B>(&self, to: &str, method: &str, body: &B) -> Result<Message, Problem>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let reply = self.bus.call_method(Some(to), PATH, Some(NAME), method, body).await;
        reply.map_err(|error| match error {
            error if is_absence(&error) => Problem::Absent(error.to_string()),
            zbus::Error::InputOutput(_) => Problem::NoBus(error),
            error => Problem::Refused(error),
        })
    }
}

// No v2m.desktop is installed, and on purpose: for an application that it knows GNOME Shell (43) drops all
// notifications once their sender leaves the bus: the text of a service that ends, and the reason of one that
// does not start. Nor may a later file be called v2m.desktop: the application's name alone would match it.
fn hints(card: &Card) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([
        ("urgency", Variant::from(card.urgency as u8)),
        ("transient", Variant::from(card.transient)),
        ("category", Variant::from(card.category)),
        ("desktop-entry", Variant::from("v2m")),
    ])
}

/// Nobody has the name, nobody could be started for it, or who had it died over the call.
fn is_absence(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::FDO(error) => matches!(
            **error,
            fdo::Error::ServiceUnknown(_)
                | fdo::Error::NameHasNoOwner(_)
                | fdo::Error::NoReply(_)
                | fdo::Error::TimedOut(_)
        ),
        zbus::Error::MethodError(name, ..) => {
            name.as_str().starts_with("org.freedesktop.DBus.Error.Spawn.")
        }
        _ => false,
    }
}

/// The three characters that begin markup or an entity; dictated text is never markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn words_are_never_markup() {
        assert_eq!(escaped("a < b & <i>c</i>"), "a &lt; b &amp; &lt;i&gt;c&lt;/i&gt;");
        assert_eq!(escaped("“€5” ñ 日"), "“€5” ñ 日");
    }
}
