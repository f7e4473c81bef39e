//! How a call authenticates: `authentication_info` as the native `auth` of a request, or as who logs in by SSH.

use updraft_protocol::{Name, Value};

use crate::model::{AuthenticationKind, CacaoId, SecretText};
use crate::rule::Rule;

use super::Translator;
use super::content::is_template;
use super::native::{Fields, map, set};
use super::scope::Scope;
use super::secrets::named;
use super::texts::Form;

impl Translator<'_> {
    /// The credential of an object: the one that stands in it, or the one that is kept elsewhere.
    fn credential(
        &mut self,
        (number, property): (usize, &str),
        id: &CacaoId,
        word: &'static str,
        text: Option<&SecretText>,
    ) -> Option<Value> {
        let info = self.playbook.authentications.get(id)?;
        if info.kms {
            let identifier = info.kms_key_identifier.as_deref().unwrap_or_default();
            if Name::new(identifier).is_err() {
                let message = format!(
                    "takes its credential from a key store by `{id}`, whose `kms_key_identifier` is no name of a secret"
                );
                self.found(Rule::Authentication, number, property, message);
                return None;
            }
            return Some(named(identifier));
        }
        match text.filter(|text| !text.expose().is_empty()) {
            Some(text) => Some(self.secrets.value(id, word, text)),
            None => {
                let message = format!("authenticates by `{id}`, which has no `{word}` and no key store");
                self.found(Rule::Authentication, number, property, message);
                None
            }
        }
    }

    /// Refuses what is no plain text where it is said how tokens are fetched, before any value is known.
    fn written_out(&mut self, (number, property): (usize, &str), id: &CacaoId, (word, text): (&str, &str)) {
        if text.contains("__:value") || is_template(text) {
            let message = format!(
                "fetches tokens by `{id}`, whose `{word}` has a variable or braces of a template, and is written out"
            );
            self.found(Rule::Authentication, number, property, message);
        }
    }

    /// The native `auth` of a request.
    pub(super) fn http_auth(
        &mut self,
        (number, property): (usize, &str),
        id: &CacaoId,
        scope: &Scope,
    ) -> Option<Value> {
        let Some(info) = self.playbook.authentications.get(id) else {
            let message = format!("authenticates by `{id}`, which is defined nowhere");
            self.found(Rule::Authentication, number, property, message);
            return None;
        };
        let place = (number, property);
        match &info.kind {
            AuthenticationKind::HttpBasic { user, password }
            | AuthenticationKind::UserAuth { user, password } => {
                let password = self.credential(place, id, "password", password.as_ref())?;
                let user = self.text(place, user.as_deref().unwrap_or_default(), scope, Form::Printed);
                let basic = Value::Object(map([("user", Value::from(user)), ("password", password)]));
                Some(Value::Object(map([("basic", basic)])))
            }
            AuthenticationKind::OAuth2 { client: Some(client), .. } => {
                let secret = self.credential(place, id, "client_secret", client.client_secret.as_ref())?;
                let mut fields = map([
                    ("token_url", Value::from(client.token_url.as_str())),
                    ("client_id", Value::from(client.client_id.as_str())),
                    ("client_secret", secret),
                ]);
                set(&mut fields, "scope", client.scope.clone());
                let texts = [("token_url", Some(&client.token_url)), ("client_id", Some(&client.client_id))];
                for (word, text) in texts.into_iter().chain([("scope", client.scope.as_ref())]) {
                    self.written_out(place, id, (word, text.map_or("", String::as_str)));
                }
                if !super::address::is_base(&client.token_url) {
                    let message = format!(
                        "fetches tokens by `{id}`, whose `token_url` is no URL that begins with https://"
                    );
                    self.found(Rule::Authentication, number, property, message);
                }
                Some(Value::Object(map([("oauth2", Value::Object(fields))])))
            }
            AuthenticationKind::OAuth2 { header, token, .. } => {
                if !is_bearer(header) {
                    let message = format!(
                        "authenticates by `{id}`, whose `oauth_header` is another than `Authorization: Bearer`, which tokens are sent with"
                    );
                    self.found(Rule::Authentication, number, property, message);
                }
                let token = self.credential(place, id, "token", Some(token))?;
                Some(Value::Object(map([("bearer", token)])))
            }
            AuthenticationKind::Other { word } => {
                let message = format!("authenticates by `{id}` of the type `{word}`, which no request does");
                self.found(Rule::Authentication, number, property, message);
                None
            }
        }
    }

    /// Who logs in by SSH, as arguments of the native action.
    pub(super) fn ssh_login(
        &mut self,
        (number, property): (usize, &str),
        id: &CacaoId,
        scope: &Scope,
    ) -> Fields {
        let place = (number, property);
        let kind = self.playbook.authentications.get(id).map(|info| &info.kind);
        let mut fields = Fields::new();
        match kind {
            Some(AuthenticationKind::UserAuth { user, password }) => {
                set(
                    &mut fields,
                    "user",
                    user.as_ref().map(|user| self.text(place, user, scope, Form::Printed)),
                );
                let kms = self.playbook.authentications.get(id).is_some_and(|info| info.kms);
                if kms {
                    set(&mut fields, "key", self.credential(place, id, "password", None));
                } else if password.is_some() {
                    let message = format!(
                        "logs in by `{id}` with a password; SSH takes keys alone: keep a key in the key store"
                    );
                    self.found(Rule::Authentication, number, property, message);
                }
            }
            Some(kind) => {
                let message = format!("logs in by `{id}` of the type `{}`, which SSH does not", kind.word());
                self.found(Rule::Authentication, number, property, message);
            }
            None => {
                let message = format!("logs in by `{id}`, which is defined nowhere");
                self.found(Rule::Authentication, number, property, message);
            }
        }
        fields
    }
}

/// Whether this is how tokens are sent: `Authorization: Bearer` (RFC 6750), or either half of it.
fn is_bearer(header: &str) -> bool {
    let words: Vec<String> = header
        .split(|c: char| c == ':' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words[..], [] | ["authorization"] | ["bearer"] | ["authorization", "bearer"])
}
