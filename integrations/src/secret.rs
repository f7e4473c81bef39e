//! Secrets: the port that credentials come through, and a value that does not show itself. Never stores,
//! logs or serialises one.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
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

/// What stands where a tool sent a secret back.
const REDACTED: &str = "***";

/// The secrets that one request carried: a tool that echoes them does not bring them into the playbook's
/// data.
#[derive(Debug, Default)]
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    pub(crate) fn add(&mut self, secret: Secret) {
        if !secret.expose().is_empty() {
            self.0.push(secret);
        }
    }

    /// `text` without the secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.expose()) { text.replace(secret.expose(), REDACTED) } else { text }
        })
    }

    /// `value` without the secrets, in texts, names of fields and numbers.
    pub(crate) fn value(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, value)| (self.text(name), self.value(value))).collect(),
            ),
            Value::Number(number) if self.0.iter().any(|secret| secret.expose() == number.to_string()) => {
                Value::String(REDACTED.to_owned())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_echoed_secret_is_redacted_wherever_it_stands() {
        let mut redactor = Redactor::default();
        redactor.add(Secret::new("hunter2"));
        redactor.add(Secret::new("4711"));
        redactor.add(Secret::new(""));
        let echo = json!({"a": ["Bearer hunter2"], "hunter2": {"b": 4711, "c": 47110}});
        assert_eq!(redactor.value(echo), json!({"a": ["Bearer ***"], "***": {"b": "***", "c": 47110}}));
    }

    #[test]
    fn only_an_unavailable_source_is_worth_another_try() {
        assert!(Error::Unavailable.retryable() && !Error::Unknown.retryable());
    }
}
