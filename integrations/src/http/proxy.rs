//! `Proxy`: a proxy for requests. Owns its text form and its credentials, which it never shows; connects to none.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::Url;

use updraft_protocol::Secret;

/// The limit of SOCKS 5 for a name or password (RFC 1929, 2).
const SOCKS_CREDENTIAL_BYTES: usize = 255;

/// A proxy: `http://proxy.internal:3128`, `https://…`, or `socks5://…` (`socks5h` means the same: the proxy looks names up),
/// with credentials as `http://USER:PASSWORD@…` or by [`Proxy::credentials`]. Neither `Debug` nor `Display` shows them.
///
/// Without a port it is 80, 443 or 1080.
///
/// ```
/// use updraft_integrations::http::Proxy;
///
/// let proxy: Proxy = "http://svc:s3cret@proxy.internal:3128".parse()?;
/// assert_eq!(proxy.to_string(), "http://proxy.internal:3128");
/// # Ok::<(), updraft_integrations::http::proxy::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) kind: Kind,
    /// As in a URL: an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Https,
    Socks5,
}

/// The credentials for a proxy.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    /// May be empty.
    pub(crate) password: SecretString,
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl Eq for Credentials {}

/// Why a text is no proxy. Messages do not contain the text, which may have credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Not of the form of a proxy.
    #[error("a proxy is written `http://HOST:PORT`, with nothing after the port")]
    Form,
    /// Another scheme.
    #[error("a proxy is reached by `http://`, `https://` or `socks5://`")]
    Scheme,
    /// The credentials cannot be sent.
    #[error("the user or password of the proxy is too long, or has characters that cannot be sent")]
    Credentials,
    /// A variable of the environment is not valid.
    #[error("{variable}: {problem}")]
    Variable {
        /// Its name.
        variable: String,
        /// The mistake in it.
        problem: String,
    },
}

impl Error {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Proxy {
    /// The same proxy with this user and password.
    ///
    /// # Errors
    /// They cannot be sent to a proxy of this kind.
    pub fn credentials(self, user: &str, password: &Secret) -> Result<Self, Error> {
        self.known_by(user, password.expose())
    }

    fn known_by(mut self, user: &str, password: &str) -> Result<Self, Error> {
        let sendable = |text: &str| match self.kind {
            Kind::Http | Kind::Https => !text.contains(char::is_control),
            Kind::Socks5 => !text.is_empty() && text.len() <= SOCKS_CREDENTIAL_BYTES,
        };
        // A colon ends the user of Basic (RFC 7617, 2).
        let split = self.kind == Kind::Socks5 || !user.contains(':');
        if !split || !sendable(user) || !sendable(password) {
            return Err(Error::Credentials);
        }
        self.credentials = Some(Credentials { user: user.to_owned(), password: password.into() });
        Ok(self)
    }

    /// `Proxy-Authorization`, if an HTTP proxy needs credentials.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let Credentials { user, password } = self.credentials.as_ref()?;
        let pair = format!("{user}:{}", password.expose_secret());
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether requests of plain HTTP are passed to it as such, instead of through a tunnel.
    pub(crate) fn forwards(&self) -> bool {
        matches!(self.kind, Kind::Http | Kind::Https)
    }
}

impl FromStr for Proxy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, default) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err(Error::Scheme),
        };
        // Parsed as `http`, whose hosts are parsed like those of tools; the default port is that of `http`.
        let url = Url::parse(&format!("http://{rest}")).map_err(|_| Error::Form)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| bare && !rest.contains('\\')).ok_or(Error::Form)?;
        let says_80 = rest.trim_end_matches('/').ends_with(":80");
        let port = url.port().or(says_80.then_some(80)).unwrap_or(default);
        let proxy = Self { kind, host: host.to_owned(), port, credentials: None };
        if url.username().is_empty() && url.password().is_none() {
            return Ok(proxy);
        }
        let user = decoded(url.username())?;
        let password = decoded(url.password().unwrap_or_default())?;
        proxy.known_by(&user, &password)
    }
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Error::Credentials)?;
    Ok(decoded.into_owned())
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_reads_what_it_writes_and_shows_no_credentials() {
        for (text, shown) in [
            ("proxy.internal:3128", "http://proxy.internal:3128"),
            ("http://Proxy.Internal", "http://proxy.internal:80"),
            ("https://u:p%40ss@proxy.internal/", "https://proxy.internal:443"),
            ("https://proxy.internal:80", "https://proxy.internal:80"),
            ("socks5://u:hunter2@10.0.0.1", "socks5://10.0.0.1:1080"),
            ("SOCKS5H://[::1]:1081", "socks5://[::1]:1081"),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(proxy.to_string(), shown, "{text}");
            assert_eq!(format!("{proxy:?}"), format!("Proxy({shown})"));
        }
        let proxy: Proxy = "http://us%20er:p%3A%C3%A4@h".parse().unwrap();
        let value = proxy.authorization().unwrap();
        assert!(value.is_sensitive());
        assert_eq!(value.to_str().unwrap(), format!("Basic {}", STANDARD.encode("us er:p:ä")));
        assert_eq!("http://h".parse::<Proxy>().unwrap().authorization(), None);
    }

    #[test]
    fn a_text_that_is_no_proxy_is_refused_without_being_shown() {
        for (text, expected) in [
            ("", Error::Form),
            ("http://", Error::Form),
            ("http://hunter2@h:3128/path", Error::Form),
            ("http://h?q", Error::Form),
            ("http://h:99999", Error::Form),
            ("socks4://h", Error::Scheme),
            ("ftp://h", Error::Scheme),
            ("http://u%0a:hunter2@h", Error::Credentials),
            ("http://u%ff:hunter2@h", Error::Credentials),
            ("http://u%3a:hunter2@h", Error::Credentials),
            ("socks5://hunter2@h", Error::Credentials),
        ] {
            let error = text.parse::<Proxy>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
            assert_eq!(error, expected, "{text}");
        }
        let long = Secret::new("x".repeat(256)).unwrap();
        let socks: Proxy = "socks5://h".parse().unwrap();
        assert_eq!(socks.credentials("u", &long).unwrap_err(), Error::Credentials);
    }
}
