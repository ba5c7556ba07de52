//! The address of an endpoint, with the properties that decide how it may be used.

use crate::keys::ApiKey;
use crate::program;
use ureq::http::Uri;
use v2m_ipc::remote::is_loopback;
use v2m_messages::tr;

/// Why a base URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown}: {why}")]
pub struct BadAddress {
    /// The base URL, or the setting's name if the URL may contain a password.
    pub shown: String,
    /// The error in it, for people.
    pub why: String,
}

/// A valid base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The URL without a slash at its end.
    pub url: String,
    /// The host in lower case, and the port if it is not the scheme's default. Only this part is
    /// logged, and keys belong to it.
    pub place: String,
    /// Whether it uses TLS.
    pub https: bool,
    /// Whether it is this machine.
    pub loopback: bool,
}

impl Address {
    /// Parses a base URL from the configuration.
    ///
    /// # Errors
    /// [`BadAddress`] with the error in it.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        // Do not repeat it if it may contain a password.
        let secret = text.contains('@');
        let (setting, manual) = (program().address, program().name);
        let shown = || if secret { setting.to_owned() } else { text.to_owned() };
        let wrong = |why| BadAddress { shown: shown(), why };
        if secret {
            return Err(wrong(tr!(
                "a name or password in {setting} is not used; keys have a place of their own, see man {manual}",
                setting,
                manual
            )));
        }
        if text.contains(['?', '#']) {
            return Err(wrong(tr!(
                "{setting} must end with its path, without a query or fragment",
                setting
            )));
        }
        let url: Uri = text.parse().map_err(|_| wrong(tr!("{setting} is no URL", setting)))?;
        let https = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(wrong(tr!(
                    "{setting} begins neither with http:// nor with https://",
                    setting
                )));
            }
        };
        let authority = url.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| wrong(tr!("{setting} names no host", setting)))?;
        Ok(Self {
            url: text.trim_end_matches('/').to_owned(),
            place: place(authority.host(), authority.port_u16(), https),
            https,
            loopback: is_loopback(authority.host()),
        })
    }

    /// Refuses to send a key where others could read it.
    ///
    /// # Errors
    /// [`BadAddress`].
    pub fn may_carry(&self, key: Option<&ApiKey>) -> Result<(), BadAddress> {
        if self.https || self.loopback || key.is_none() {
            return Ok(());
        }
        let why = tr!("the key would travel unencrypted; use https, or take the key away");
        Err(BadAddress { shown: self.url.clone(), why: why.to_owned() })
    }
}

fn place(host: &str, port: Option<u16>, https: bool) -> String {
    let host = host.to_ascii_lowercase();
    let own = if https { 443 } else { 80 };
    port.filter(|port| *port != own).map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        for (url, place, https, loopback) in [
            ("https://api.openai.com/v1/", "api.openai.com", true, false),
            ("http://localhost:11434", "localhost:11434", false, true),
            ("https://API.openai.com:443/v1", "api.openai.com", true, false),
            ("https://api.openai.com:80/v1", "api.openai.com:80", true, false),
            ("https://api.openai.com./v1", "api.openai.com.", true, false),
            ("http://127.0.0.2:80/v1", "127.0.0.2", false, true),
            ("http://[::1]:8080", "[::1]:8080", false, true),
            ("http://gpu.lan:8000/v1", "gpu.lan:8000", false, false),
            ("http://localhost.example.org", "localhost.example.org", false, false),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.url, url.trim_end_matches('/'));
            assert_eq!(
                (address.place.as_str(), address.https, address.loopback),
                (place, https, loopback)
            );
        }
    }

    #[test]
    fn what_is_none_is_told() {
        for (url, word) in [
            ("ftp://x", "neither"),
            ("not a url", "no URL"),
            ("localhost:11434", "neither"),
            ("", "no URL"),
            ("/v1", "neither"),
            ("https://me:hunter2@host/v1", "password"),
            ("https://host/v1?key=hunter2", "query"),
            ("https://host/v1#x", "fragment"),
        ] {
            let said = Address::parse(url).unwrap_err().to_string();
            assert!(said.contains(word), "{url}: {said}");
            assert!(!said.contains("hunter2@"), "{said}");
        }
    }

    #[test]
    fn a_key_travels_only_where_nobody_can_read_it() {
        let key = ApiKey::new("secret");
        let carries = |url: &str| Address::parse(url).unwrap().may_carry(key.as_ref()).is_ok();
        assert!(carries("https://llm.example/v1") && carries("http://127.0.0.1:1/v1"));
        assert!(!carries("http://llm.example/v1"));
        assert!(Address::parse("http://llm.example").unwrap().may_carry(None).is_ok());
    }
}
