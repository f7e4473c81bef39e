//! `MailServer`: where an operator's SMTP server is, and how it is spoken to. Owns its text form; connects to nothing.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

/// How a connection to a server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte; port 465.
    Implicit,
    /// The server has to offer `STARTTLS`, and nothing is said before it; port 587.
    StartTls,
    /// None: everybody on the way reads mails, and may change them; port 25.
    Plain,
}

/// An SMTP server: `smtps://mail.example` for TLS from the beginning, `smtp://mail.example` for `STARTTLS`, which it has to offer,
/// `smtp-plain://127.0.0.1:25` for no TLS. A user stands before the host (`smtps://soc%40corp.example@mail.example`), a password never.
///
/// ```
/// use updraft_integrations::mail::{MailSecurity, MailServer};
///
/// let server: MailServer = "smtp://soc@mail.corp.example".parse()?;
/// assert_eq!((server.port(), server.security()), (587, MailSecurity::StartTls));
/// assert!("smtp://soc:hunter2@mail.corp.example".parse::<MailServer>().is_err());
/// # Ok::<(), updraft_integrations::mail::MailServerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    security: MailSecurity,
    user: Option<String>,
}

/// Why a text names no server. Messages have nothing of the text, in which a password may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MailServerError {
    /// It is no such URL.
    #[error("a server is `smtps://HOST`, `smtp://HOST` or `smtp-plain://HOST`, with a port or without")]
    Form,
    /// It has a password.
    #[error("a password is a secret, and does not stand in the address of the server")]
    Password,
    /// The user cannot be read.
    #[error("the user before `@` is a text on one line, with `%40` for `@`")]
    User,
}

impl MailServerError {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl MailServer {
    /// Its name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How it is spoken to.
    pub fn security(&self) -> MailSecurity {
        self.security
    }

    /// The user who logs in.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

impl FromStr for MailServer {
    type Err = MailServerError;

    fn from_str(text: &str) -> Result<Self, MailServerError> {
        let url = Url::parse(text).map_err(|_| MailServerError::Form)?;
        let (security, usual) = match url.scheme() {
            "smtps" => (MailSecurity::Implicit, 465),
            "smtp" => (MailSecurity::StartTls, 587),
            "smtp-plain" => (MailSecurity::Plain, 25),
            _ => return Err(MailServerError::Form),
        };
        if url.password().is_some() {
            return Err(MailServerError::Password);
        }
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if has_more || host.is_empty() || !host.chars().all(is_name) {
            return Err(MailServerError::Form);
        }
        let port = url.port().unwrap_or(usual);
        if port == 0 {
            return Err(MailServerError::Form);
        }
        let user = match url.username() {
            "" => None,
            user => {
                let user = percent_decode_str(user).decode_utf8().map_err(|_| MailServerError::User)?;
                if user.chars().any(char::is_control) {
                    return Err(MailServerError::User);
                }
                Some(user.into_owned())
            }
        };
        Ok(Self { host, port, security, user })
    }
}

/// As messages name it: its host and its port.
impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_url_with_a_scheme_that_says_how_it_is_secured() {
        for (text, told, security, user) in [
            ("smtps://mail.example", "mail.example:465", MailSecurity::Implicit, None),
            ("smtp://Mail.Example:2525", "mail.example:2525", MailSecurity::StartTls, None),
            ("smtp-plain://[::1]:25/", "[::1]:25", MailSecurity::Plain, None),
            ("smtp://a%40b.example@10.0.0.1", "10.0.0.1:587", MailSecurity::StartTls, Some("a@b.example")),
        ] {
            let server: MailServer = text.parse().unwrap();
            assert_eq!((server.to_string().as_str(), server.security()), (told, security));
            assert_eq!(server.user(), user);
        }
        for text in [
            "",
            "mail.example",
            "http://a",
            "smtp://",
            "smtp://a/b",
            "smtp://a?b",
            "smtp://a:0",
            "smtp://a%0ab",
        ] {
            assert_eq!(text.parse::<MailServer>(), Err(MailServerError::Form), "{text}");
        }
        assert_eq!("smtp://a%00@b".parse::<MailServer>(), Err(MailServerError::User));
        let error = "smtp://a:hunter2@b".parse::<MailServer>().unwrap_err();
        assert!(error == MailServerError::Password && !error.to_string().contains("hunter2"));
    }
}
