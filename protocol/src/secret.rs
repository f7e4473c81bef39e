//! Secrets: a credential that cannot be displayed, and the port that provides credentials. Never stores, logs or
//! serialises one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{Name, TenantCode};
use crate::limits::{SECRET_BYTES, SHORTEST_SECRET_BYTES};

/// A credential. Its `Debug` shows nothing of it, it can be neither displayed nor serialised, and its memory is zeroed
/// when its last clone is dropped.
#[derive(Clone)]
pub struct Secret {
    text: Arc<SecretString>,
    is_short: bool,
}

impl Secret {
    /// The secret with this text.
    ///
    /// # Errors
    /// [`InvalidSecret::Empty`]; [`InvalidSecret::Short`] below [`SHORTEST_SECRET_BYTES`], since such a text appears in
    /// many answers by chance and cannot be masked everywhere: see [`Secret::short`]; [`InvalidSecret::Long`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        let secret = Self::short(text)?;
        if secret.expose().len() < SHORTEST_SECRET_BYTES {
            return Err(InvalidSecret::Short);
        }
        Ok(Self { is_short: false, ..secret })
    }

    /// A secret that may be short, such as a PIN: in answers it is masked as a word of its own, not within a longer
    /// word.
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
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It would be found in answers that do not contain it.
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
    /// It is too long for a request.
    #[error("it has more than {SECRET_BYTES} bytes")]
    Long,
}

impl InvalidSecret {
    /// Whether the same text can be valid another time: never.
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
    /// The text under this name is no valid secret.
    #[error("{0}")]
    InvalidSecret(#[from] InvalidSecret),
    /// The provider does not answer.
    #[error("the provider of secrets does not answer")]
    Unavailable,
}

impl Error {
    /// Whether the same request can succeed later.
    pub fn retryable(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

/// The future result of a provider.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + 'a>>;

/// A provider of credentials: a vault, files, the environment. It is called in each attempt, so that a renewed secret
/// is used at once, and when a playbook is stored or submitted, to check that the secrets in it exist.
///
/// Polled on the thread of a shard: it waits without blocking.
pub trait SecretProvider: Send + Sync + 'static {
    /// The tenant's secret `name`. A tenant's names must lead to its own secrets only.
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a>;
}

/// A provider without secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl SecretProvider for NoSecrets {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(std::future::ready(Err(Error::Unknown)))
    }
}

/// A reference to a secret in a playbook: `{$secret: edr-token, prefix: "Bearer "}`. Data never becomes one: it is read
/// from the author's text when the playbook is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretReference {
    /// Its place in the arguments, as a JSON pointer (RFC 6901): `/headers/Authorization`.
    pub place: String,
    /// Its name.
    pub name: Name,
    /// The text before it.
    pub prefix: String,
}

/// The place of the secrets that a tool itself needs: no argument has it.
const OF_TOOL: &str = "/$tool/";

impl SecretReference {
    /// A secret that the tool itself needs, as [`ActionSpec::secrets`](crate::ActionSpec::secrets) declares it. It stands in
    /// no argument.
    pub fn of_tool(name: Name) -> Self {
        Self { place: format!("{OF_TOOL}{name}"), name, prefix: String::new() }
    }

    /// Whether the tool itself needs it.
    pub fn is_of_tool(&self) -> bool {
        self.place.starts_with(OF_TOOL)
    }
}

/// A secret of a step, as an attempt gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenSecret {
    /// The reference.
    pub reference: SecretReference,
    /// The secret of the provider.
    pub secret: Secret,
}

impl GivenSecret {
    /// The text that is sent: the prefix and the secret.
    pub fn text(&self) -> String {
        format!("{}{}", self.reference.prefix, self.secret.expose())
    }
}

/// Called with a secret.
type Hide = dyn Fn(&Secret) + Send + Sync;

/// By this an integration marks a text as a secret, such as a token that it fetched: it is masked in later answers of
/// this tenant's tools.
#[derive(Clone, Default)]
pub struct Masking(Option<Arc<Hide>>);

impl Masking {
    /// A handle that calls `hide` with each secret.
    pub fn new(hide: impl Fn(&Secret) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hide)))
    }

    /// Masks this secret from now on.
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
