//! Credentials of a file: they are taken out, and the native playbook names them. Owns that none of them is in the native playbook, in
//! a finding, or in what is printed for developers.

use std::collections::BTreeMap;

use updraft_protocol::{Name, Value};

use crate::finding::CacaoFinding;
use crate::model::{
    AuthenticationInfo, AuthenticationKind, CacaoId, CacaoPlaybook, SecretText, VariableName,
};
use crate::rule::Rule;

use super::native::map;

/// A credential that stood in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenSecret {
    /// The name by which the native playbook refers to it.
    pub name: Name,
    /// The credential.
    pub secret: SecretText,
}

/// The credentials of a playbook.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    taken: BTreeMap<String, SecretText>,
    variables: BTreeMap<VariableName, String>,
    wrong: Vec<CacaoFinding>,
}

impl Secrets {
    /// Those that the definitions of a playbook have.
    pub(super) fn of(playbook: &CacaoPlaybook) -> Self {
        let mut secrets = Self::default();
        for (id, info) in &playbook.authentications {
            for (word, text) in credentials(info) {
                secrets.take(playbook, id, word, text);
            }
        }
        secrets
    }

    fn take(&mut self, playbook: &CacaoPlaybook, id: &CacaoId, word: &str, text: &SecretText) {
        let name = name_of(id, word);
        let place = format!("authentication_info_definitions[\"{id}\"].{word}");
        let variable = text.expose().strip_suffix(":value").and_then(VariableName::read);
        match variable.and_then(|name| Some((playbook.variables.get(&name)?, name))) {
            Some((variable, by)) => {
                if self.variables.contains_key(&by) {
                    return;
                }
                self.variables.insert(by, name.clone());
                if let Some(text) = variable.value.as_str() {
                    self.literal((id, &place), name, SecretText::new(text));
                }
            }
            None => self.literal((id, &place), name, text.clone()),
        }
    }

    fn literal(&mut self, (id, place): (&CacaoId, &str), name: String, text: SecretText) {
        let message =
            format!("is a credential that stands in the file; the playbook has it as the secret `{name}`");
        self.wrong.push(CacaoFinding::new(Rule::LiteralSecret, id, place, message));
        self.taken.insert(name, text);
    }

    /// The secret that a variable is.
    pub(super) fn of_variable(&self, name: &VariableName) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The native value that stands for a credential.
    pub(super) fn value(&self, id: &CacaoId, word: &str, text: &SecretText) -> Value {
        let variable = text.expose().strip_suffix(":value").and_then(VariableName::read);
        let name = variable.and_then(|name| self.variables.get(&name).cloned());
        named(&name.unwrap_or_else(|| name_of(id, word)))
    }

    /// Adds what is found of the credentials themselves.
    pub(super) fn check(&mut self, findings: &mut Vec<CacaoFinding>) {
        findings.append(&mut self.wrong);
    }

    /// The credentials that stood in the file.
    pub(super) fn taken(self) -> Vec<TakenSecret> {
        let taken = self.taken.into_iter();
        taken
            .filter_map(|(name, secret)| Some(TakenSecret { name: Name::new(&name).ok()?, secret }))
            .collect()
    }
}

/// `{$secret: NAME}`.
pub(super) fn named(name: &str) -> Value {
    Value::Object(map([("$secret", Value::from(name))]))
}

fn name_of(id: &CacaoId, word: &str) -> String {
    let name = format!("cacao.{id}.{word}");
    let most = updraft_protocol::limits::NAME_BYTES;
    // An id has characters of one byte each; the end of a long one tells it from others as well.
    name.get(name.len().saturating_sub(most)..).unwrap_or_default().to_owned()
}

/// The credentials of an object, each with its property; none where they are kept elsewhere.
fn credentials(info: &AuthenticationInfo) -> Vec<(&'static str, &SecretText)> {
    if info.kms {
        return Vec::new();
    }
    match &info.kind {
        AuthenticationKind::HttpBasic { password, .. } | AuthenticationKind::UserAuth { password, .. } => {
            password.iter().map(|password| ("password", password)).collect()
        }
        AuthenticationKind::OAuth2 { client: Some(client), .. } => {
            client.client_secret.iter().map(|secret| ("client_secret", secret)).collect()
        }
        AuthenticationKind::OAuth2 { token, .. } if token.expose().is_empty() => Vec::new(),
        AuthenticationKind::OAuth2 { token, .. } => vec![("token", token)],
        AuthenticationKind::Other { .. } => Vec::new(),
    }
}
