//! The reasons why the user does not see a notification.

use v2m_messages::tr;
use zbus::fdo;

/// The reason why the user does not see a notification.
#[derive(Debug, thiserror::Error)]
pub(in crate::deliver) enum NotificationError {
    #[error(
        "{}",
        tr!(
            "there is no session bus ({reason}). After you log in to the desktop: systemctl \
             --user restart v2m.service",
            reason = .0
        )
    )]
    NoBus(zbus::Error),
    #[error(
        "{}",
        tr!(
            "no notification service runs on this desktop ({reason}). GNOME and KDE bring one; \
             elsewhere start one such as mako or dunst",
            reason = .0
        )
    )]
    Absent(String),
    #[error("{}", tr!("the notification service refused it ({reason})", reason = .0))]
    Refused(String),
    #[error(
        "{}",
        tr!(
            "the notification service has not answered in time; if that lasts, restart it"
        )
    )]
    Hanging,
    #[error("{}", tr!("a newer notification replaced it"))]
    Superseded,
}

/// Turns an error of a call into the service's refusal.
pub(super) fn refused(error: zbus::Error) -> NotificationError {
    NotificationError::Refused(error.to_string())
}

/// Whether no program owns the name, none could be started for it, or its owner died during the
/// call.
pub(super) fn is_absence(error: &zbus::Error) -> bool {
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
