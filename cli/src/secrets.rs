//! Secrets: those of the environment, `UPDRAFT_SECRET_<NAME>`. Never prints one.
//!
//! Whoever starts the program is its one operator: every tenant that it runs has the same secrets. A backend
//! with customers embeds the library and brings a source of its own.

use std::collections::BTreeMap;
use std::future::ready;

use updraft::integrations::secret::{Error, Found, Secret, SecretSource};
use updraft::{Name, TenantCode};

use crate::environment;

const PREFIX: &str = "UPDRAFT_SECRET_";

/// The secrets of the environment, by the rest of their variables' names.
pub(crate) struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// Those that are set now. A value that is empty or not UTF-8 is none.
    pub(crate) fn of_environment() -> Self {
        Self::new(environment::with_prefix(PREFIX).filter_map(|(name, value)| {
            let value = value.into_string().ok().filter(|value| !value.is_empty())?;
            Some((name, Secret::new(value)))
        }))
    }

    fn new(secrets: impl Iterator<Item = (String, Secret)>) -> Self {
        Self(secrets.collect())
    }
}

impl SecretSource for Secrets {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        Box::pin(ready(self.0.get(&variable(name)).cloned().ok_or(Error::Unknown)))
    }
}

/// A name as variables are named: `siem.api-key` is `SIEM_API_KEY`.
fn variable(name: &Name) -> String {
    name.as_str().to_ascii_uppercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_found_under_its_name_as_variables_are_named() {
        let secrets = Secrets::new([("SIEM_API_KEY".to_owned(), Secret::new("s"))].into_iter());
        let tenant = TenantCode::new("acme").unwrap();
        for name in ["SIEM_API_KEY", "siem.api-key", "Siem_Api.Key"] {
            let found = secrets.secret(&tenant, &Name::new(name).unwrap()).await;
            assert_eq!(found.unwrap().expose(), "s");
        }
        let unknown = secrets.secret(&tenant, &Name::new("siem").unwrap()).await;
        assert_eq!(unknown, Err(Error::Unknown));
    }
}
