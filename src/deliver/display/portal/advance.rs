//! Reads a permission that the user gave in advance: Plasma does not ask about a program that its
//! permission store allows to press keys.

use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;
use tracing::debug;
use zbus::{Connection, OwnedVariant};

/// The service, its object and its interface (xdg-desktop-portal's permission store).
const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";
const PATH: &str = "/org/freedesktop/impl/portal/PermissionStore";
/// The table and the entry in which Plasma looks (xdg-desktop-portal-kde from 6.3 on).
const ENTRY: (&str, &str) = ("kde-authorized", "remote-desktop");
/// The application's id for a program of the host, such as v2m.
const HOST: &str = "";
/// How long the store may take. It may have to be started.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the store allows v2m to press keys.
pub(crate) async fn is_given(bus: &Connection) -> bool {
    let asked = timeout(PATIENCE, look_up(bus)).await;
    match asked {
        Ok(Ok(answers)) => {
            answers.get(HOST).is_some_and(|given| given.iter().any(|it| it == "yes"))
        }
        Ok(Err(error)) => {
            debug!(%error, "the permission store has no answer for v2m");
            false
        }
        Err(_late) => false,
    }
}

async fn look_up(bus: &Connection) -> zbus::Result<HashMap<String, Vec<String>>> {
    let reply = bus.call_method(Some(STORE), PATH, Some(STORE), "Lookup", &ENTRY).await?;
    let (answers, _data): (HashMap<String, Vec<String>>, OwnedVariant) =
        reply.body().deserialize()?;
    Ok(answers)
}
