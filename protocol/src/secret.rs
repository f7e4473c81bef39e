//! Secrets: a credential that does not show itself, and the port that credentials come through. Never stores, logs or
//! serialises one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::ids::{Name, TenantCode};
use crate::limits::{SECRET_BYTES, SHORTEST_SECRET_BYTES};

/// A credential. Its `Debug` shows nothing of it, it can be neither displayed nor serialised, and its memory is zeroed
/// when the last clone of it is dropped.
#[derive(Clone)]
pub struct Secret {
    text: Arc<SecretString>,
    is_short: bool,
}

impl Secret {
    /// The secret with this text.
    ///
    /// # Errors
    /// [`InvalidSecret::Empty`]; [`InvalidSecret::Short`] below [`SHORTEST_SECRET_BYTES`], as such a text stands in many an answer by chance
    /// and cannot be masked everywhere: [`Secret::short`] takes one; [`InvalidSecret::Long`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        let secret = Self::short(text)?;
        if secret.expose().len() < SHORTEST_SECRET_BYTES {
            return Err(InvalidSecret::Short);
        }
        Ok(Self { is_short: false, ..secret })
    }

    /// A secret that may be short, as a PIN is: in answers it is masked where it stands alone, not within a longer word.
    ///
    /// # Errors
    /// [`InvalidSecret::Empty`], [`InvalidSecret::Long`].
    pub fn short(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        let text: SecretString = text.into().into();
        let bytes = text.expose_secret().len();
        match bytes {
            0 => Err(InvalidSecret::Empty),
            _ if bytes > SECRET_BYTES => Err(InvalidSecret::Long),
            _ => Ok(Self { text: Arc::new(text), is_short: bytes < SHORTEST_SECRET_BYTES }),
        }
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Whether it has fewer than [`SHORTEST_SECRET_BYTES`].
    pub fn is_short(&self) -> bool {
        self.is_short
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidSecret {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It would be found in answers that do not have it.
    #[error("it has fewer than {SHORTEST_SECRET_BYTES} bytes, and is not marked as short")]
    Short,
    /// It is a directory, or a pipe.
    #[error("it is no file")]
    NoFile,
    /// It may not be read.
    #[error("this user may not read it")]
    Unreadable,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NoText,
    /// No request carries it.
    #[error("it has more than {SECRET_BYTES} bytes")]
    Long,
}

impl InvalidSecret {
    /// Whether trying again can help: never, the text stays what it is.
    pub fn retryable(self) -> bool {
        false
    }
}

/// Why there is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// The tenant has no secret of this name.
    #[error("the tenant has no such secret")]
    Unknown,
    /// What is kept under this name is no secret.
    #[error("{0}")]
    InvalidSecret(#[from] InvalidSecret),
    /// The place that keeps secrets does not answer.
    #[error("the provider of secrets does not answer")]
    Unavailable,
}

impl Error {
    /// Whether trying again can help without anybody doing anything.
    pub fn retryable(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

/// A secret, when it comes.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + 'a>>;

/// Where credentials come from: a vault, files, the environment. It is asked in each attempt, so that a secret that is
/// renewed there is used at once, and when a playbook is put or submitted, whether it has what the author names.
///
/// Polled on the thread of a shard: it waits without blocking.
pub trait SecretProvider: Send + Sync + 'static {
    /// The secret that this tenant calls `name`. One tenant's names lead to its own secrets alone.
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a>;
}

/// No secrets at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl SecretProvider for NoSecrets {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(std::future::ready(Err(Error::Unknown)))
    }
}

/// A secret that an author refers to: `{$secret: edr-token, prefix: "Bearer "}`. Data never becomes one: it is read
/// from what the author wrote when the playbook is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// Where in the arguments it stands, as a JSON pointer (RFC 6901): `/headers/Authorization`.
    pub place: String,
    /// Its name.
    pub name: Name,
    /// What stands before it.
    pub prefix: String,
}

/// A secret that the author of a step refers to, as an attempt is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenSecret {
    /// What the author wrote, and where.
    pub reference: SecretReference,
    /// What the provider has.
    pub secret: Secret,
}

impl GivenSecret {
    /// What is sent: the prefix and the secret.
    pub fn text(&self) -> String {
        format!("{}{}", self.reference.prefix, self.secret.expose())
    }
}

/// What is called with a secret.
type Hide = dyn Fn(&Secret) + Send + Sync;

/// By which an integration says that a text is a secret, as a token that it fetched: what tools answer this tenant from
/// then on is searched for it.
#[derive(Clone, Default)]
pub struct Masking(Option<Arc<Hide>>);

impl Masking {
    /// One that calls `hide` with each.
    pub fn new(hide: impl Fn(&Secret) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hide)))
    }

    /// Masks this secret in what comes from now on.
    pub fn hide(&self, secret: &Secret) {
        if let Some(hide) = &self.0 {
            hide(secret);
        }
    }
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masking")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_and_a_short_one_has_to_be_marked() {
        let secret = Secret::new("hunter2").unwrap();
        assert_eq!((format!("{secret:?}").as_str(), secret.expose()), ("Secret(***)", "hunter2"));
        assert!(!secret.is_short());
        assert_eq!(Secret::new("12345"), Err(InvalidSecret::Short));
        assert!(Secret::short("12345").unwrap().is_short() && !Secret::short("123456").unwrap().is_short());
        assert_eq!(
            (Secret::new(""), Secret::short("")),
            (Err(InvalidSecret::Empty), Err(InvalidSecret::Empty))
        );
        assert_eq!(Secret::new("x".repeat(SECRET_BYTES + 1)), Err(InvalidSecret::Long));
    }

    #[test]
    fn only_a_provider_that_does_not_answer_is_worth_another_try() {
        assert!(Error::Unavailable.retryable());
        assert!(!Error::Unknown.retryable() && !Error::InvalidSecret(InvalidSecret::Short).retryable());
    }
}
