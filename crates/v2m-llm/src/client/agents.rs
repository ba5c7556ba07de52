//! The HTTP agents: what holds for every request, and the connections that are kept from one to the
//! next.

use super::address::Address;
use super::connection::Connections;
use crate::log;
use std::sync::OnceLock;
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Proxy};
use v2m_messages::verbatim;

/// Servers close idle connections after a while; most keep them for longer than this.
const KEEP: Duration = Duration::from_secs(30);

/// One for each kind of address: with and without TLS, this machine and others.
#[derive(Default)]
pub(super) struct Agents([OnceLock<Agent>; 4]);

impl Agents {
    pub(super) fn of(&self, address: &Address) -> &Agent {
        let kind = usize::from(address.https) + 2 * usize::from(address.loopback);
        self.0[kind].get_or_init(|| agent(address))
    }
}

fn agent(address: &Address) -> Agent {
    // Not asked for where nobody leaves this machine: there is none in between.
    let proxy = if address.loopback { None } else { Proxy::try_from_env() };
    let mut tls = TlsConfig::builder();
    if address.https || proxy.is_some() {
        tls = tls.root_certs(roots());
    }
    let config = Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls.build())
        .http_status_as_error(false)
        // A key and a text go to the address they are meant for.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_age(KEEP)
        .user_agent(concat!("v2m-llm/", env!("CARGO_PKG_VERSION")));
    Agent::with_parts(config.build(), Connections::default(), DefaultResolver::default())
}

/// The system's authorities, or Mozilla's where it has none.
fn roots() -> RootCerts {
    let found = rustls_native_certs::load_native_certs();
    if !found.errors.is_empty() {
        log::debug(&verbatim!(format!(
            "some certificates of the system cannot be read: {:?}",
            found.errors
        )));
    }
    if found.certs.is_empty() {
        log::warning(verbatim!(
            "this system has no certificates of authorities; Mozilla's are used"
        ));
        return RootCerts::WebPki;
    }
    found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).into()
}
