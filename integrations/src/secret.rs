//! Secrets: the port that credentials come through, and a value that does not show itself. Never stores,
//! logs or serialises one.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::{Name, TenantCode};

/// A credential. Its `Debug` shows nothing of it, and it can be neither displayed nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The secret with this text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Why there is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// The tenant has no secret of this name.
    #[error("the tenant has no such secret")]
    Unknown,
    /// The place that keeps secrets does not answer.
    #[error("the source of secrets does not answer")]
    Unavailable,
}

impl Error {
    /// Whether trying again can help.
    pub fn retryable(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

/// A secret, when it comes.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + 'a>>;

/// Where credentials come from: a vault, a file, the environment.
///
/// Polled on the thread of a shard: it waits without blocking.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret that this tenant calls `name`. One tenant's names lead to its own secrets alone.
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a>;
}

/// Secrets that were given at the start.
///
/// ```
/// use updraft_integrations::{Secret, SecretMap};
///
/// let tenant = "acme".parse()?;
/// let secrets = SecretMap::default().with(tenant, "SIEM_TOKEN".parse()?, Secret::new("s3cret"));
/// assert_eq!(format!("{secrets:?}"), r#"SecretMap({("acme", "SIEM_TOKEN"): Secret(***)})"#);
/// # Ok::<(), updraft_protocol::ids::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SecretMap(BTreeMap<(TenantCode, Name), Secret>);

impl SecretMap {
    /// The same secrets and one more.
    #[must_use]
    pub fn with(mut self, tenant: TenantCode, name: Name, secret: Secret) -> Self {
        self.0.insert((tenant, name), secret);
        self
    }
}

impl SecretSource for SecretMap {
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = self.0.get(&(tenant.clone(), name.clone())).cloned().ok_or(Error::Unknown);
        Box::pin(std::future::ready(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unavailable_source_is_worth_another_try() {
        assert!(Error::Unavailable.retryable() && !Error::Unknown.retryable());
    }
}
