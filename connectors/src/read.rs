//! Reading a connector: from what its file says to a connector, or to all that is wrong with it. Owns what the texts of one file may
//! cost together; each part is checked in the file that owns it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::LazyLock;

use updraft_integrations::HttpIntegration;
use updraft_integrations::http::{Proxy, Statuses};
use updraft_kernel::condition::Condition;
use updraft_kernel::template::{Template, TextCompiler};
use updraft_protocol::limits::{
    CONNECTOR_ACTIONS, CONNECTOR_ALLOWED, CONNECTOR_CONSTANTS, CONNECTOR_DESCRIPTION_BYTES, CONNECTOR_TENANTS,
};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, CallLimits, Flaw, Integration, Rate, Value};
use url::Origin;

use crate::action::Action;
use crate::connector::{Connector, HealthCall};
use crate::file::{WrittenConnector, WrittenHealth, WrittenLimits, WrittenRate};
use crate::origin;
use crate::request::REQUEST;

/// The integration whose declaration requests are checked against. It makes none.
static HTTP: LazyLock<Option<HttpIntegration>> = LazyLock::new(|| HttpIntegration::builder().build().ok());

/// The declaration of its action.
static SPEC: LazyLock<ActionSpec> =
    LazyLock::new(|| HTTP.as_ref().map(|http| http.spec(REQUEST)).unwrap_or_default());

/// A file that is being read.
pub(crate) struct Reading<'w> {
    pub(crate) written: &'w WrittenConnector,
    pub(crate) compiler: TextCompiler,
    pub(crate) http: &'static ActionSpec,
    mistakes: Vec<(String, String)>,
    told: BTreeSet<(String, String)>,
    origins: Vec<Origin>,
}

/// Checks a file.
///
/// # Errors
/// Its mistakes, each with the path of its field.
pub(crate) fn read(written: WrittenConnector) -> Result<Connector, Vec<(String, String)>> {
    let mut reading = Reading {
        written: &written,
        compiler: TextCompiler::default(),
        http: &SPEC,
        mistakes: Vec::new(),
        told: BTreeSet::new(),
        origins: Vec::new(),
    };
    reading.header();
    let limits = written.limits.as_ref().and_then(|limits| reading.limits(limits));
    let mut actions = BTreeMap::new();
    for (name, action) in &written.actions {
        if let Some(read) = Action::read(&mut reading, name, action) {
            actions.insert(name.clone(), read);
        }
    }
    let health = written.health.as_ref().and_then(|health| reading.health(health, &actions));
    let mistakes = reading.mistakes;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Connector {
        name: written.connector,
        version: written.version,
        description: written.description,
        constants: written.constants,
        tenants: written.tenants,
        actions,
        limits,
        tls: written.tls,
        proxy: written.proxy,
        allow: written.allow,
        health,
    })
}

impl Reading<'_> {
    /// Keeps a mistake. That of a part which several requests share is told once.
    pub(crate) fn mistake(&mut self, path: impl Into<String>, message: impl Into<String>) {
        let mistake = (path.into(), message.into());
        if self.told.insert(mistake.clone()) {
            self.mistakes.push(mistake);
        }
    }

    /// Something that is named and not there.
    pub(crate) fn unknown<'a>(
        &mut self,
        path: impl Into<String>,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.collect();
        let near = suggestion(name, known.iter().copied());
        let there = match (near.is_empty(), known.is_empty()) {
            (true, false) => format!("; there are {}", known.join(", ")),
            _ => near,
        };
        self.mistake(path, format!("there is no {what}{there}"));
    }

    /// Compiles a value.
    pub(crate) fn value(&mut self, path: &str, value: &Value, names: &[&str]) -> Option<Template> {
        match self.compiler.value(path, value, names) {
            Ok(template) => Some(template),
            Err(mistakes) => {
                mistakes.into_iter().for_each(|mistake| self.mistake(mistake.path, mistake.message));
                None
            }
        }
    }

    /// Compiles a condition.
    pub(crate) fn condition(&mut self, path: &str, source: &str, names: &[&str]) -> Option<Condition> {
        match self.compiler.condition(path, source, names) {
            Ok(condition) => Some(condition),
            Err(mistake) => {
                self.mistake(mistake.path, mistake.message);
                None
            }
        }
    }

    /// Statuses in the notation of playbooks; one alone is a list of it.
    pub(crate) fn statuses(&mut self, path: &str, value: &Value) -> Option<Statuses> {
        let list = match value {
            Value::Array(_) => value.clone(),
            one => Value::Array(vec![one.clone()]),
        };
        match Statuses::read(&list) {
            Ok(statuses) => Some(statuses),
            Err((index, message)) => {
                let index = index.filter(|_| matches!(value, Value::Array(_)));
                let index = index.map(|index| format!("[{index}]")).unwrap_or_default();
                self.mistake(format!("{path}{index}"), message);
                None
            }
        }
    }

    /// The length of a description.
    pub(crate) fn description(&mut self, path: &str, text: Option<&str>) {
        if text.is_some_and(|text| text.len() > CONNECTOR_DESCRIPTION_BYTES) {
            self.mistake(path, format!("at most {CONNECTOR_DESCRIPTION_BYTES} bytes are allowed"));
        }
    }

    /// What the HTTP integration finds in its arguments.
    pub(crate) fn flaws(&self, arguments: &Value) -> Vec<Flaw> {
        HTTP.as_ref().map(|http| http.check(REQUEST, arguments)).unwrap_or_default()
    }

    /// The constants have to be what the URLs of a request need, for each tenant; `own` gives the place of a mistake.
    pub(crate) fn endpoints(&mut self, template: &Template, own: &impl Fn(String) -> String) {
        let written = self.written;
        for mistake in template.wrong_endpoints(&written.constants) {
            self.mistake(own(mistake.path), mistake.message);
        }
        for (tenant, constants) in &written.tenants {
            let mut all = written.constants.clone();
            all.extend(constants.iter().map(|(name, value)| (name.clone(), value.clone())));
            for mistake in template.wrong_endpoints(&all) {
                let name = mistake.path.strip_prefix("constants.").unwrap_or(&mistake.path);
                if constants.contains_key(name) {
                    self.mistake(format!("tenants.{tenant}.{name}"), mistake.message);
                }
            }
        }
    }

    /// Whether a request may name this URL, whose origin is written out.
    pub(crate) fn allows(&self, url: &str) -> bool {
        let end = url.find("{{").unwrap_or(url.len());
        let head = url.get(..end).unwrap_or_default();
        // A template before the path could give a part of the host.
        let has_path = head.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']));
        let is_whole = has_path || end == url.len();
        let base = origin::of(&self.written.base_url);
        let known = origin::of(head).filter(|_| is_whole);
        known.is_some_and(|known| self.origins.contains(&known) || base == Some(known))
    }

    fn header(&mut self) {
        let written = self.written;
        if written.version == 0 {
            self.mistake("version", format!("must be from 1 to {}", u32::MAX));
        }
        if ["updraft", "http", "mail", "bash", "ssh"].contains(&written.connector.as_str()) {
            self.mistake("connector", "is the name of an integration that is built in");
        }
        self.description("description", written.description.as_deref());
        if written.base_url.is_empty() {
            self.mistake("base_url", "a URL that starts with http:// or https:// is needed");
        }
        if written.actions.is_empty() {
            self.mistake("actions", "at least one action is needed");
        }
        let bounds = [
            ("actions", written.actions.len(), CONNECTOR_ACTIONS),
            ("allow", written.allow.len(), CONNECTOR_ALLOWED),
            ("constants", written.constants.len(), CONNECTOR_CONSTANTS),
            ("tenants", written.tenants.len(), CONNECTOR_TENANTS),
        ];
        for (field, count, most) in bounds {
            if count > most {
                self.mistake(field, format!("has {count} entries; at most {most} are allowed"));
            }
        }
        self.constants();
        for (at, text) in written.allow.iter().enumerate() {
            match origin::of(text) {
                Some(origin) => self.origins.push(origin),
                None => self.mistake(
                    format!("allow[{at}]"),
                    "an origin is needed, such as `https://files.example`, without credentials",
                ),
            }
        }
        let is_proxy =
            |text: &String| text == "direct" || text.parse::<Proxy>().is_ok_and(|_| !text.contains('@'));
        if written.proxy.as_ref().is_some_and(|text| !is_proxy(text)) {
            let message = "`direct` is needed, or the URL of a proxy without credentials, such as http://proxy.example:3128";
            self.mistake("proxy", message);
        }
    }

    fn constants(&mut self) {
        let written = self.written;
        let is_name = |name: &str| {
            let mut chars = name.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        for name in written.constants.keys().filter(|name| !is_name(name)) {
            let rule = "is no name of a constant: letters, digits and `_`, not starting with a digit";
            self.mistake(format!("constants.{name}"), rule);
        }
        for (tenant, constants) in &written.tenants {
            for name in constants.keys().filter(|name| !written.constants.contains_key(*name)) {
                let known = written.constants.keys().map(String::as_str);
                self.unknown(format!("tenants.{tenant}.{name}"), "such constant", name, known);
            }
        }
    }

    fn limits(&mut self, written: &WrittenLimits) -> Option<CallLimits> {
        let mut limits = CallLimits::new();
        for (name, calls) in [("at_once", written.at_once), ("at_once_of_tenant", written.at_once_of_tenant)]
        {
            let Some(calls) = calls else { continue };
            match NonZeroU32::new(calls) {
                Some(calls) if name == "at_once" => limits = limits.at_once(calls),
                Some(calls) => limits = limits.at_once_of_tenant(calls),
                None => self.mistake(format!("limits.{name}"), "must be 1 or more"),
            }
        }
        for (at, rate) in written.rates.iter().enumerate() {
            match read_rate(rate) {
                Ok(rate) => limits = limits.rate(rate),
                Err(message) => self.mistake(format!("limits.rates[{at}]"), message),
            }
        }
        if written.shared {
            limits = limits.shared();
        }
        match limits.checked() {
            Ok(()) => Some(limits),
            Err(error) => {
                self.mistake("limits", error.to_string());
                None
            }
        }
    }

    fn health(&mut self, written: &WrittenHealth, actions: &BTreeMap<String, Action>) -> Option<HealthCall> {
        let Some(action) = actions.get(&written.action) else {
            // An action that has a mistake is told already.
            if !self.written.actions.contains_key(&written.action) {
                let known: Vec<&str> = self.written.actions.keys().map(String::as_str).collect();
                self.unknown("health.action", "such action", &written.action, known.into_iter());
            }
            return None;
        };
        if action.effect == updraft_protocol::Effect::Write {
            self.mistake("health.action", "changes something: health is asked by an action that reads");
        }
        let arguments = Value::Object(written.arguments.clone());
        if let Err(message) = action.arguments(arguments.clone()) {
            self.mistake("health", message);
        }
        Some(HealthCall { action: written.action.clone(), arguments })
    }
}

fn read_rate(written: &WrittenRate) -> Result<Rate, String> {
    let number = |number: u32| NonZeroU32::new(number).ok_or_else(|| "must be 1 or more".to_owned());
    let rate = Rate::new(number(written.calls)?, written.per.0).map_err(|error| error.to_string())?;
    match written.burst {
        None => Ok(rate),
        Some(burst) => rate.with_burst(number(burst)?).map_err(|error| error.to_string()),
    }
}
