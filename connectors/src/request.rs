//! A request of an action: from what its file says to the arguments of the HTTP integration, in which every value keeps to its
//! place. Sends nothing.

use std::collections::BTreeMap;

use updraft_protocol::{Call, Effect, Failure, GivenSecret, Name, SecretReference, TaskId, Value};

use updraft_kernel::template::Template;

use crate::data::CallData;
use crate::file::{WrittenConnector, WrittenRequest};
use crate::read::Reading;

/// A request, compiled.
#[derive(Debug)]
pub(crate) struct Request {
    /// The arguments of the HTTP integration.
    template: Template,
}

/// The action of the HTTP integration.
pub(crate) const REQUEST: &str = "request";

impl Request {
    /// Compiles a request at `place`, whose texts may read these names.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &WrittenRequest,
        effect: Effect,
        names: &[&str],
    ) -> Option<Self> {
        let connector = reading.written;
        let arguments = arguments(reading, place, written, effect)?;
        let own = |path: String| own_place(place, path, written, connector);
        let (template, mut mistakes) = reading.compiler.arguments(place, &arguments, reading.http, names);
        let is_whole = mistakes.is_empty();
        let told = |path: &str, mistakes: &[updraft_kernel::plan::Mistake]| {
            mistakes.iter().any(|told| told.path == path)
        };
        for found in updraft_kernel::plan::check_arguments(place, &template, reading.http) {
            if !told(&found.path, &mistakes) {
                mistakes.push(found);
            }
        }
        for flaw in reading.flaws(&template.written_out()) {
            let path =
                if flaw.place.is_empty() { place.to_owned() } else { format!("{place}.{}", flaw.place) };
            if !told(&path, &mistakes) {
                mistakes.push(updraft_kernel::plan::Mistake::new(path, flaw.message));
            }
        }
        for mistake in mistakes {
            reading.mistake(own(mistake.path), mistake.message);
        }
        reading.endpoints(&template, &own);
        is_whole.then_some(Self { template })
    }

    /// The texts of it.
    pub(crate) fn template(&self) -> &Template {
        &self.template
    }

    /// The secrets that it needs.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Name> {
        self.template.secrets().iter().map(|secret| &secret.name)
    }

    /// The places of its secrets.
    pub(crate) fn references(&self) -> &[SecretReference] {
        self.template.secrets()
    }

    /// The places that it connects to with these constants, as URLs up to their paths.
    pub(crate) fn bases(&self, constants: &BTreeMap<String, Value>) -> Vec<String> {
        self.template.bases(constants)
    }

    /// The arguments of the HTTP integration, with `null` in place of each secret.
    ///
    /// # Errors
    /// A text that cannot be rendered, or a value that may not stand in its place. Nothing was sent.
    pub(crate) fn rendered(&self, data: &CallData) -> Result<Value, Failure> {
        self.template.render(data).map_err(|failure| failure.with_may_have_acted(false))
    }

    /// The call of the HTTP integration with these arguments.
    pub(crate) fn call(&self, of: &Call, arguments: Value, number: u32) -> Result<Call, Failure> {
        let given = |reference: &SecretReference| {
            let secret = of.secrets.iter().find(|given| given.reference.name == reference.name);
            let secret = secret.map(|given| given.secret.clone());
            secret.map(|secret| GivenSecret { reference: reference.clone(), secret })
        };
        let secrets: Option<Vec<GivenSecret>> = self.template.secrets().iter().map(given).collect();
        let Some(secrets) = secrets else {
            return Err(not_given());
        };
        let action = Name::new(REQUEST).map_err(|_| not_given())?;
        Ok(Call { action, arguments, secrets, task_id: key(of.task_id, number), ..of.clone() })
    }
}

/// The plan of its execution was made for another version of the connector, which needs other secrets.
fn not_given() -> Failure {
    let message = "missing here: a secret that the connector needs was not given to this call";
    Failure::new(updraft_protocol::FailureKind::NotConfigured, message)
}

/// The idempotency key of a call's request of this number: a server that knows keys would take the second page for the first.
fn key(task: TaskId, number: u32) -> TaskId {
    /// Odd, so that no two numbers give the same.
    const STEP: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
    let bits = u128::from_be_bytes(*task.as_bytes()) ^ u128::from(number).wrapping_mul(STEP);
    TaskId::from_bytes(bits.to_be_bytes())
}

/// The arguments of the HTTP integration, as an author of a playbook would write them.
fn arguments(
    reading: &mut Reading<'_>,
    place: &str,
    written: &WrittenRequest,
    effect: Effect,
) -> Option<BTreeMap<String, Value>> {
    let connector = reading.written;
    let url = url(reading, place, written)?;
    let mut headers = connector.headers.clone();
    for (name, value) in &written.headers {
        headers.retain(|known, _| !known.eq_ignore_ascii_case(name));
        headers.insert(name.clone(), value.clone());
    }
    let effect = if effect == Effect::Read { "read" } else { "write" };
    let fields = [
        ("method", written.method.as_deref().map(Value::from)),
        ("url", Some(Value::String(url))),
        ("effect", Some(Value::from(effect))),
        ("auth", connector.auth.clone()),
        ("headers", (!headers.is_empty()).then_some(Value::Object(headers))),
        ("path", written.path_secrets.clone()),
        ("query", written.query.clone()),
        ("json", written.json.clone()),
        ("form", written.form.clone()),
        ("text", written.text.clone()),
        ("bytes", written.bytes.clone()),
        ("body_file", written.body_file.clone()),
        ("multipart", written.multipart.clone()),
        ("expect", written.expect.clone()),
        ("retry_on", written.retry_on.clone()),
        ("acted", written.acted.clone()),
        ("not_acted", written.not_acted.clone()),
        ("response", written.response.clone()),
        ("keep", written.keep.clone()),
        ("keep_headers", written.keep_headers.clone()),
        ("max_bytes", written.max_bytes.clone()),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Some(given.collect())
}

/// The URL: the base with the path, or a whole one of an origin that the connector may reach.
fn url(reading: &mut Reading<'_>, place: &str, written: &WrittenRequest) -> Option<String> {
    let base = reading.written.base_url.trim_end_matches('/');
    match (&written.path, &written.url) {
        (Some(_), Some(_)) => {
            reading.mistake(format!("{place}.url"), "either `path` or `url` is needed, not both");
            None
        }
        (None, None) => {
            reading.mistake(place, "`path` is needed: what follows the base URL");
            None
        }
        (Some(path), None) if path.is_empty() || path.starts_with(['/', '?']) => {
            Some(format!("{base}{path}"))
        }
        (Some(_), None) => {
            reading.mistake(format!("{place}.path"), "begins with `/` or `?`: it follows the base URL");
            None
        }
        (None, Some(url)) if reading.allows(url) => Some(url.clone()),
        (None, Some(_)) => {
            let message = "is at another origin than the base URL: `allow` names the others that the connector may reach, \
                 and scheme, host and port are written out";
            reading.mistake(format!("{place}.url"), message);
            None
        }
    }
}

/// The place in the file of a mistake in the arguments of the HTTP integration.
fn own_place(place: &str, path: String, written: &WrittenRequest, connector: &WrittenConnector) -> String {
    let Some(rest) = path.strip_prefix(place) else { return path };
    let is_field = |name: &str| {
        rest.strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(name))
            .filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if let Some(inner) = is_field("url") {
        let field = if written.url.is_some() { "url" } else { "path" };
        return format!("{place}.{field}{inner}");
    }
    if let Some(inner) = is_field("path") {
        return format!("{place}.path_secrets{inner}");
    }
    if let Some(inner) = is_field("auth") {
        return format!("auth{inner}");
    }
    if let Some(inner) = is_field("headers") {
        let name = inner.trim_start_matches(['.', '[', '"']).trim_end_matches(['"', ']']);
        if !written.headers.contains_key(name) && connector.headers.contains_key(name) {
            return format!("headers{inner}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_of_a_call_has_a_key_of_its_own_that_is_the_same_in_each_attempt() {
        let task = TaskId::from_bytes([7; 16]);
        let keys: std::collections::BTreeSet<TaskId> = (0..1_000).map(|number| key(task, number)).collect();
        assert_eq!((keys.len(), key(task, 0), key(task, 3)), (1_000, task, key(task, 3)));
    }
}
