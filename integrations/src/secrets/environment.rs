//! Secrets of the environment: `UPDRAFT_SECRET_<NAME>`, and `UPDRAFT_SHORT_SECRET_<NAME>` for short ones.

use std::future::ready;

use updraft_protocol::secret::{Error, Found, InvalidSecret, Secret, SecretProvider};
use updraft_protocol::{Name, TenantCode};

/// The prefix of variables.
const PREFIX: &str = "UPDRAFT_SECRET_";
/// The prefix for secrets that may be short.
const SHORT_PREFIX: &str = "UPDRAFT_SHORT_SECRET_";

/// The secrets of the environment, the same for every tenant: for a process with a single operator. `edr.api-key` is
/// read from `UPDRAFT_SECRET_EDR_API_KEY`; one of fewer than six bytes from `UPDRAFT_SHORT_SECRET_EDR_API_KEY`. An
/// empty variable counts as missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecretEnvironment;

impl SecretProvider for SecretEnvironment {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        Box::pin(ready(find(name, variable)))
    }
}

fn find(name: &Name, variable: impl Fn(&str) -> Option<Result<String, Error>>) -> Result<Secret, Error> {
    let own = name.as_str().to_ascii_uppercase().replace(['-', '.'], "_");
    if let Some(text) = variable(&format!("{PREFIX}{own}")) {
        return Ok(Secret::new(text?)?);
    }
    match variable(&format!("{SHORT_PREFIX}{own}")) {
        Some(text) => Ok(Secret::short(text?)?),
        None => Err(Error::Unknown),
    }
}

#[allow(clippy::disallowed_methods, reason = "this provider is asked for the environment")]
fn variable(name: &str) -> Option<Result<String, Error>> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(Ok(text)),
        Err(std::env::VarError::NotPresent) => None,
        Err(std::env::VarError::NotUnicode(_)) => Some(Err(InvalidSecret::NoText.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_under_its_name_as_variables_are_named() {
        let variable = |name: &str| match name {
            "UPDRAFT_SECRET_SIEM_API_KEY" => Some(Ok("long enough".to_owned())),
            "UPDRAFT_SECRET_TINY" => Some(Ok("pin".to_owned())),
            "UPDRAFT_SHORT_SECRET_PIN" => Some(Ok("1234".to_owned())),
            _ => None,
        };
        let find = |name: &str| find(&Name::new(name).unwrap(), variable);
        for name in ["SIEM_API_KEY", "siem.api-key", "Siem_Api.Key"] {
            assert_eq!(find(name).unwrap().expose(), "long enough");
        }
        assert!(find("pin").unwrap().is_short());
        assert_eq!(find("tiny"), Err(Error::InvalidSecret(InvalidSecret::Short)));
        assert_eq!(find("siem"), Err(Error::Unknown));
    }
}
