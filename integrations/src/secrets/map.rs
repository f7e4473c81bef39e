//! Secrets that were given at the start, by tenant and name.

use std::collections::BTreeMap;

use updraft_protocol::secret::{Error, Found, Secret, SecretProvider};
use updraft_protocol::{Name, TenantCode};

/// Secrets that were given at the start.
///
/// ```
/// use updraft_integrations::SecretMap;
/// use updraft_protocol::Secret;
///
/// let tenant = "acme".parse()?;
/// let secrets = SecretMap::default().with(tenant, "SIEM_TOKEN".parse()?, Secret::new("s3cret-token")?);
/// assert_eq!(format!("{secrets:?}"), r#"SecretMap({("acme", "SIEM_TOKEN"): Secret(***)})"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

impl SecretProvider for SecretMap {
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = self.0.get(&(tenant.clone(), name.clone())).cloned().ok_or(Error::Unknown);
        Box::pin(std::future::ready(found))
    }
}
