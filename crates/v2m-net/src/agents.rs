//! The HTTP agents: the settings for all requests, and the connections that are kept from one
//! request to the next.

use crate::address::Address;
use crate::connection::Connections;
use crate::{log, program};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Error, Proxy};
use v2m_messages::{tr, verbatim};

/// The time that idle connections are kept. Most servers close them later than this.
const KEEP: Duration = Duration::from_secs(30);

/// One agent for each kind of address: with and without TLS, on this machine and elsewhere.
#[derive(Default)]
pub struct Agents {
    plain_at_home: bool,
    agents: [OnceLock<Agent>; 4],
}

impl Agents {
    /// Makes agents for a program that sends more than text: without TLS, they only connect to this
    /// machine and to private networks.
    pub fn plain_at_home() -> Self {
        Self { plain_at_home: true, agents: Default::default() }
    }

    /// Returns the agent for this address.
    pub fn of(&self, address: &Address) -> &Agent {
        let kind = usize::from(address.https) + 2 * usize::from(address.loopback);
        self.agents[kind].get_or_init(|| agent(address, self.reach(address)))
    }

    fn reach(&self, address: &Address) -> Reach {
        match (address.loopback, address.https) {
            (true, _) => Reach::Loopback,
            (false, false) if self.plain_at_home => Reach::Private,
            (false, _) => Reach::Anywhere,
        }
    }
}

/// The addresses that a name may resolve to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// This machine's addresses. A hosts file may give `localhost` another address.
    Loopback,
    /// This machine and private networks.
    Private,
    Anywhere,
}

impl Reach {
    fn allows(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        match self {
            Self::Loopback => ip.is_loopback(),
            Self::Private => is_private(ip),
            Self::Anywhere => true,
        }
    }
}

/// Whether the address is not routed on the internet: RFC 1918 and 3927; RFC 6598, which Tailscale
/// uses; and RFC 4193 and 4291 (link-local) for IPv6.
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Resolves names as the library does, and keeps the allowed addresses.
#[derive(Debug)]
struct Within {
    reach: Reach,
    inner: DefaultResolver,
}

impl Resolver for Within {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found.iter().filter(|address| self.reach.allows(address.ip())) {
            kept.push(*address);
        }
        if kept.is_empty() { Err(Error::Other(Box::new(OutOfReach))) } else { Ok(kept) }
    }
}

/// A name resolves only to addresses that are not allowed for this connection.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "{}",
    tr!(
        "its name does not lead to an allowed address: over http://, v2m contacts only this machine and \
         private networks, and localhost must be this machine"
    )
)]
pub struct OutOfReach;

fn agent(address: &Address, reach: Reach) -> Agent {
    // Within this machine or a private network, there is no proxy in between.
    let proxy = if reach == Reach::Anywhere { Proxy::try_from_env() } else { None };
    let mut tls = TlsConfig::builder();
    if address.https || proxy.is_some() {
        tls = tls.root_certs(roots());
    }
    let config = Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls.build())
        .http_status_as_error(false)
        // A key and a text are only sent to the configured address.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_age(KEEP)
        .user_agent(format!("{}/{}", program().name, program().version));
    let resolver = Within { reach, inner: DefaultResolver::default() };
    Agent::with_parts(config.build(), Connections::default(), resolver)
}

/// Returns the system's certificate authorities, or Mozilla's if the system has none.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_told_from_the_internet() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.9",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:192.168.1.9",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860::1", "::ffff:8.8.8.8"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
        let home = "192.168.1.9".parse().unwrap();
        assert!(!Reach::Loopback.allows(home) && Reach::Private.allows(home));
    }

    #[test]
    fn a_name_that_leads_elsewhere_than_it_may_is_not_asked() {
        let resolve = |reach, url: &str| {
            let within = Within { reach, inner: DefaultResolver::default() };
            let config = Agent::config_builder().build();
            let never = NextTimeout::default();
            within.resolve(&url.parse().unwrap(), &config, never).is_ok()
        };
        assert!(resolve(Reach::Private, "http://192.168.7.7:80"));
        assert!(!resolve(Reach::Private, "http://8.8.8.8:80"));
        assert!(!resolve(Reach::Loopback, "http://192.168.7.7:80"));
        assert!(resolve(Reach::Anywhere, "http://8.8.8.8:80"));
    }
}
