//! `MailBuilder`: the operator's configuration of mail, and why it may be refused. Connects to nothing.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::sync::Semaphore;
use updraft_protocol::Name;
use updraft_protocol::limits::{
    MAIL_ALLOWED, MAIL_ANSWER, MAIL_AT_ONCE, MAIL_AT_ONCE_MOST, MAIL_BYTES, MAIL_BYTES_MOST, MAIL_IDLE,
    MAIL_UNSENT,
};

use super::MailIntegration;
use super::address::{self, MailDomain};
use super::connections::Connections;
use super::policy::Policy;
use super::server::{MailSecurity, MailServer};
use super::session::Options;
use crate::http::contexts::client_config;
use crate::http::{Allow, Tls};

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A sender is no address.
    #[error("`{0}` is no sender such as `soc@corp.example` or `SOC <soc@corp.example>`")]
    Sender(String),
    /// No domain is named: no mail could be sent.
    #[error("the domains are needed to which mail may be sent; `*` is any")]
    NoDomain,
    /// There are too many domains or senders.
    #[error("there are {0} domains and senders; at most {MAIL_ALLOWED} are allowed")]
    Allowed(usize),
    /// A server without TLS that is not allowed.
    #[error("{0}: a server without TLS has to be allowed by its name or address")]
    Plain(String),
    /// A password would go over the network as it is.
    #[error("{0}: a password is sent over TLS alone")]
    PlainLogin(String),
    /// A user has no password, or a password has no user.
    #[error("{0}: a login has both a user, in the address of the server, and the secret of a password")]
    Login(String),
    /// TLS cannot be used as it is configured.
    #[error("{0}: {1}")]
    Tls(String, String),
    /// The engine's name is none.
    #[error("`{0}` is no name of a machine")]
    Hello(String),
    /// A number that is too small or too large.
    #[error("{0} is from 1 to {1}")]
    Range(&'static str, usize),
    /// A time that is too short or too long.
    #[error("an answer is waited for from 1ms to {} s", MAIL_UNSENT.as_secs())]
    Answer,
}

impl Error {
    /// Whether the same configuration can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The configuration of mail. All of it belongs to the engine, for the playbooks of all its tenants; the password alone is each
/// tenant's own secret.
#[must_use]
pub struct MailBuilder {
    server: MailServer,
    from: String,
    senders: Vec<String>,
    domains: Vec<MailDomain>,
    allowed: Vec<Allow>,
    password: Option<Name>,
    tls: Tls,
    hello: Option<String>,
    answer: Duration,
    kept_for: Duration,
    at_once: usize,
    bytes: usize,
}

impl MailBuilder {
    pub(super) fn new(server: MailServer, from: &str) -> Self {
        Self {
            server,
            from: from.to_owned(),
            senders: Vec::new(),
            domains: Vec::new(),
            allowed: Vec::new(),
            password: None,
            tls: Tls::new(),
            hello: None,
            answer: MAIL_ANSWER,
            kept_for: MAIL_IDLE,
            at_once: MAIL_AT_ONCE,
            bytes: MAIL_BYTES,
        }
    }

    /// Lets mail go to the addresses of a domain; no other domain is written to.
    pub fn to(mut self, domain: MailDomain) -> Self {
        self.domains.push(domain);
        self
    }

    /// Lets a step name another sender.
    pub fn sender(mut self, address: impl Into<String>) -> Self {
        self.senders.push(address.into());
        self
    }

    /// Allows the server to be one without TLS. With TLS a server needs no entry, wherever it is: the operator has named it.
    pub fn allow(mut self, entry: Allow) -> Self {
        self.allowed.push(entry);
        self
    }

    /// The name of the secret that is the password of the server's user. It is asked for each tenant.
    pub fn password(mut self, secret: Name) -> Self {
        self.password = Some(secret);
        self
    }

    /// The settings of TLS: authorities, a certificate of the client, the oldest version, the name that the server must have.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How the engine names itself to the server; unless configured by its address.
    pub fn hello(mut self, name: impl Into<String>) -> Self {
        self.hello = Some(name.into());
        self
    }

    /// How long each answer of the server is waited for.
    pub fn answer_within(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// How long a connection is kept for the next mail; not at all where it is zero.
    pub fn keep_for(mut self, idle: Duration) -> Self {
        self.kept_for = idle;
        self
    }

    /// How many mails are sent at once; others wait.
    pub fn at_once(mut self, mails: usize) -> Self {
        self.at_once = mails;
        self
    }

    /// The largest mail, with all that it carries.
    pub fn message_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// The integration.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn build(self) -> Result<MailIntegration, Error> {
        let policy = self.policy()?;
        let login = self.login()?;
        let range = |what, value: usize, most| {
            if (1..=most).contains(&value) { Ok(()) } else { Err(Error::Range(what, most)) }
        };
        range("the number of mails at once", self.at_once, MAIL_AT_ONCE_MOST)?;
        range("the size of a mail in bytes", self.bytes, MAIL_BYTES_MOST)?;
        if self.answer < Duration::from_millis(1) || self.answer > MAIL_UNSENT {
            return Err(Error::Answer);
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '[' | ']' | ':');
        if let Some(hello) =
            self.hello.as_ref().filter(|hello| hello.is_empty() || !hello.chars().all(is_name))
        {
            return Err(Error::Hello(hello.escape_debug().to_string()));
        }
        let unsafe_tls = |why: String| Error::Tls(self.server.to_string(), why);
        let name = match self.tls.server_name.clone() {
            Some(name) => name,
            None => ServerName::try_from(self.server.host().to_owned())
                .map_err(|error| unsafe_tls(error.to_string()))?,
        };
        let config = client_config(self.tls.roots.clone(), &self.tls)
            .map_err(|error| unsafe_tls(error.to_string()))?;
        let options = Options {
            server: self.server,
            config: Arc::new(config),
            name,
            hello: self.hello,
            answer: self.answer,
        };
        Ok(MailIntegration {
            options,
            policy,
            login,
            bytes: self.bytes,
            places: Semaphore::new(self.at_once),
            connections: Connections::new(self.kept_for),
        })
    }

    fn policy(&self) -> Result<Policy, Error> {
        let allowed = self.domains.len() + self.senders.len();
        if allowed > MAIL_ALLOWED {
            return Err(Error::Allowed(allowed));
        }
        if self.domains.is_empty() {
            return Err(Error::NoDomain);
        }
        let read = |text: &String| -> Result<Mailbox, Error> {
            address::written_mailbox(text).ok_or_else(|| Error::Sender(text.escape_debug().to_string()))
        };
        let from = read(&self.from)?;
        let senders: Result<Vec<Address>, Error> =
            self.senders.iter().map(|text| Ok(read(text)?.email)).collect();
        Ok(Policy { from, senders: senders?, domains: self.domains.clone() })
    }

    /// The user, and the name of the password.
    fn login(&self) -> Result<Option<(String, Name)>, Error> {
        let server = &self.server;
        let login = match (server.user(), &self.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user.to_owned(), password.clone())),
            _ => return Err(Error::Login(server.to_string())),
        };
        if server.security() == MailSecurity::Plain {
            let is_allowed = |entry: &Allow| match server.host().parse::<IpAddr>() {
                Ok(ip) => entry.contains(ip, server.port()),
                Err(_) => entry.names(server.host(), server.port()),
            };
            if !self.allowed.iter().any(is_allowed) {
                return Err(Error::Plain(server.to_string()));
            }
            if login.is_some() {
                return Err(Error::PlainLogin(server.to_string()));
            }
        }
        Ok(login)
    }
}

impl fmt::Debug for MailBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailBuilder")
            .field("server", &self.server)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
