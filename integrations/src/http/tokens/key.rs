//! `Key`: the owner and source of a token, as a hash of everything that distinguishes two tokens: no text of a secret,
//! and of a fixed size.

use sha2::{Digest, Sha256};
use updraft_protocol::{Call, TenantCode};

use crate::http::auth::{Grant, OAuth2};

/// The owner and source of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) tenant: TenantCode,
    hash: [u8; 32],
}

impl Key {
    /// The key of the access token for a call whose secrets are not filled in yet. Secrets count by their places, names
    /// and prefixes: a renewed secret has the same token, and a provider may return another text each time.
    pub(crate) fn of_access(call: &Call) -> Self {
        let asked = call.arguments["auth"]["oauth2"].to_string();
        let secrets = call.secrets.iter().map(|given| &given.reference);
        let secrets = secrets.filter(|secret| secret.place.starts_with("/auth/oauth2/"));
        let secrets = secrets.flat_map(|secret| [&*secret.place, secret.name.as_str(), &secret.prefix]);
        Self::of(&call.tenant, std::iter::once(&*asked).chain(secrets))
    }

    /// The key of the replacement of the configured refresh token, if there is one. It depends on the value only, not
    /// on the other arguments of a step or the secret's name, since the server accepts the value only once.
    pub(crate) fn of_refresh(tenant: &TenantCode, asked: &OAuth2) -> Option<Self> {
        let Grant::RefreshToken(configured) = &asked.grant else { return None };
        Some(Self::of(tenant, [asked.token_url.as_str(), &asked.client_id, configured]))
    }

    fn of<'a>(tenant: &TenantCode, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length: no two lists of parts give the same bytes.
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Self { tenant: tenant.clone(), hash: hash.finalize().into() }
    }

    #[cfg(test)]
    pub(super) fn test(tenant: &str, name: &str) -> Self {
        Self::of(&tenant.parse().unwrap(), [name])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use updraft_protocol::{CallFiles, CallPermit, GivenSecret, Masking, Secret, SecretReference, Sending};

    use super::*;
    use crate::http::arguments::Arguments;
    use crate::http::auth::Auth;

    fn call(more: Value, secrets: &[(&str, &str, &str)]) -> Call {
        let mut oauth2 = json!({
            "token_url": "https://login.example/token", "client_id": "soar", "grant": "refresh_token",
            "refresh_token": null,
        });
        oauth2.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let given = |(place, prefix, text): &(&str, &str, &str)| GivenSecret {
            reference: SecretReference {
                place: format!("/auth/oauth2/{place}"),
                name: "NAME".parse().unwrap(),
                prefix: (*prefix).to_owned(),
            },
            secret: Secret::short(*text).unwrap(),
        };
        let refresh_token = ("refresh_token", "", "configured");
        Call {
            tenant: "acme".parse().unwrap(),
            peid: "0190aaaa-bbbb-7111-8222-000000000000".parse().unwrap(),
            task_id: "0190aaaa-bbbb-7111-8222-333344445555".parse().unwrap(),
            step_id: "lookup".parse().unwrap(),
            action: "request".parse().unwrap(),
            attempt: 1,
            arguments: json!({"url": "https://tool.example/", "auth": {"oauth2": oauth2}}).into(),
            secrets: secrets.iter().chain([&refresh_token]).map(given).collect(),
            masking: Masking::default(),
            timeout: Duration::from_secs(1),
            sending: Sending::default(),
            permit: CallPermit::default(),
            files: CallFiles::default(),
        }
    }

    fn of_refresh(mut call: Call) -> Key {
        let Auth::OAuth2(asked) = Arguments::read(call.revealed()).unwrap().auth else { panic!("oauth2") };
        Key::of_refresh(&call.tenant, &asked).unwrap()
    }

    #[test]
    fn an_access_token_is_told_by_the_names_of_secrets_wherever_they_stand_and_never_by_their_texts() {
        let listed = || json!({"parameters": {"a/b~c": [null, "x"]}});
        let of = |prefix, text| {
            Key::of_access(&call(
                listed(),
                &[("parameters/a~1b~0c/0", prefix, text), ("client_id", "", text)],
            ))
        };
        assert_eq!(of("", "hunter2"), of("", "hunter3"), "a secret that was renewed");
        assert_ne!(of("", "hunter2"), of("p-", "hunter2"));
        for other in [
            call(json!({"scope": "a"}), &[]),
            call(json!({"client_id": "other"}), &[]),
            call(json!({"parameters": {"a": "x"}}), &[]),
            call(json!({"parameters": {"a": null}}), &[("parameters/a", "", "x")]),
            call(json!({"client_auth": "body"}), &[]),
        ] {
            assert_ne!(
                Key::of_access(&other),
                Key::of_access(&call(json!({}), &[])),
                "{:?}",
                other.arguments
            );
        }
    }

    #[test]
    fn a_refresh_token_is_told_by_its_value_its_server_and_its_client() {
        let one = of_refresh(call(json!({}), &[]));
        for same in [
            call(json!({"scope": "a"}), &[]),
            call(json!({"parameters": {"a": ["x", null]}}), &[("parameters/a/1", "", "hunter2")]),
            call(json!({"client_auth": "body", "client_id": null}), &[("client_id", "", "soar")]),
            call(json!({"token_url": "https://login.example:443/token"}), &[]),
        ] {
            assert_eq!(of_refresh(same), one);
        }
        for other in [
            call(json!({"client_id": "other"}), &[]),
            call(json!({"token_url": "https://login.example/other"}), &[]),
            call(json!({"client_id": null}), &[("client_id", "so", "soar")]),
            Call { tenant: "other".parse().unwrap(), ..call(json!({}), &[]) },
        ] {
            assert_ne!(of_refresh(other), one);
        }
        let mut other = call(json!({}), &[]);
        other.secrets[0].secret = Secret::short("another").unwrap();
        assert_ne!(of_refresh(other), one);
    }
}
