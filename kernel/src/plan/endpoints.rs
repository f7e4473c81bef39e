//! Endpoints: the constants of a playbook that give URLs their scheme, host and prefix. Owns their checks and the rule
//! on where their values may be set; connects nowhere.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::{Catalogue, Name, Playbook, Value};

use super::mistakes::Mistakes;
use super::step::Checked;
use super::{Plan, PlannedKind, PlannedStep};
use crate::mistake::Mistake;
use crate::template::url::{Endpoint, Gives, Key, base, host};
use crate::template::{Structure, Template};

impl Plan {
    /// Whether a URL takes its endpoint from this variable. Only the backend may set such
    /// a variable, never an alert.
    pub fn connects_to(&self, variable: &str) -> bool {
        endpoints(&self.steps).any(|endpoint| endpoint.is_variable && endpoint.variable == variable)
    }

    /// The first variable that a URL connects to and that is `null`, given the final value of each variable: nothing
    /// may run before it is set.
    pub fn lacks_endpoint<'v>(&self, value: impl Fn(&str) -> Option<&'v Value>) -> Option<&str> {
        let is_null = |endpoint: &&Endpoint| {
            endpoint.is_variable
                && value(&endpoint.variable).and_then(|v| found(v, &endpoint.keys)) == Some(&Value::Null)
        };
        endpoints(&self.steps).find(is_null).map(|endpoint| endpoint.variable.as_str())
    }

    /// Checks a new value of a variable that URLs connect to.
    ///
    /// # Errors
    /// What is needed instead, without the value.
    pub fn check_endpoint(&self, variable: &str, value: &Value) -> Result<(), String> {
        let used =
            endpoints(&self.steps).filter(|endpoint| endpoint.is_variable && endpoint.variable == variable);
        let mut given = used.map(|endpoint| match found(value, &endpoint.keys) {
            None | Some(Value::Null) => Err(format!("{} connects to `{}`", endpoint.place, name(endpoint))),
            Some(value) => gives(endpoint, value),
        });
        given.try_for_each(|given| given)
    }

    /// Whether a step connects to an endpoint of a variable.
    pub fn connects(&self) -> bool {
        endpoints(&self.steps).next().is_some()
    }

    /// The grants that are missing before the steps may connect to the constant endpoints and to those of variables,
    /// given the final value of each.
    pub fn missing_places<'v>(
        &self,
        catalogue: &Catalogue,
        value: impl Fn(&str) -> Option<&'v Value>,
    ) -> Vec<Mistake> {
        let mut missing = Vec::new();
        for step in &self.steps {
            let PlannedKind::Action(action) = &step.kind else { continue };
            let mut ask = |tool: &Name, path: String, base: &str, of: &str| {
                let lacks = catalogue.missing_for(tool, base);
                missing.extend(lacks.map(|what| Mistake::new(path, format!("missing here{of}: {what}"))));
            };
            for (tool, arguments) in action.calls(&step.integration) {
                for written in arguments.written_places() {
                    ask(tool, written.place.clone(), &written.base, "");
                }
                for endpoint in arguments.endpoints().iter().filter(|one| one.gives == Gives::Base) {
                    let given = match endpoint.is_variable {
                        true => value(&endpoint.variable),
                        false => self.constants.get(&endpoint.variable),
                    };
                    let given = given.and_then(|value| found(value, &endpoint.keys));
                    if let Some(base) = given.and_then(Value::as_str) {
                        ask(tool, name(endpoint), base, &format!(", to which {} connects", endpoint.place));
                    }
                }
            }
        }
        missing.dedup();
        missing
    }

    /// The places where the author allows a value to be structure, in the order of the steps.
    pub fn structures(&self) -> impl Iterator<Item = &Structure> {
        arguments(&self.steps).flat_map(Template::structures)
    }

    /// The places of maps such as `{secret: NAME}`, which are sent as they are: the author may have meant `$secret`.
    pub fn lookalikes(&self) -> impl Iterator<Item = &str> {
        arguments(&self.steps).flat_map(Template::lookalikes).map(String::as_str)
    }
}

/// Adds the mistakes in the constants that URLs connect to. `null` is to be set by each submission.
pub(super) fn check(checked: &[Checked], playbook: &Playbook, mistakes: &mut Mistakes) {
    let mut told = BTreeSet::new();
    for (at, step) in checked.iter().enumerate() {
        for endpoint in endpoints(&step.planned) {
            let all = if endpoint.is_variable { &playbook.variables } else { &playbook.constants };
            let value = all.get(&endpoint.variable).and_then(|value| found(value, &endpoint.keys));
            let Some(value) = value else {
                let message = format!("the playbook has no `{}` to connect to", name(endpoint));
                mistakes.inside(at, "arguments", Mistake::new(&endpoint.place, message));
                continue;
            };
            let name = name(endpoint);
            if let (false, Err(message)) = (value.is_null() && endpoint.is_variable, gives(endpoint, value))
                && told.insert(name.clone())
            {
                mistakes.header(&name, message);
            }
        }
    }
}

impl Template {
    /// What is wrong with these constants for the URLs of a document that is no playbook, by the names of the constants.
    pub fn wrong_endpoints(&self, constants: &BTreeMap<String, Value>) -> Vec<Mistake> {
        let wrong = |endpoint: &Endpoint| {
            let name = name(endpoint);
            let value = constants.get(&endpoint.variable).filter(|_| !endpoint.is_variable);
            match value.and_then(|value| found(value, &endpoint.keys)) {
                Some(value) => gives(endpoint, value).err().map(|message| Mistake::new(name, message)),
                None => {
                    let message = format!("there is no `{name}` to connect to");
                    Some(Mistake::new(&endpoint.place, message))
                }
            }
        };
        self.endpoints().iter().filter_map(wrong).collect()
    }

    /// The places that its URLs connect to with these constants: those that are written out, and those that one constant gives.
    pub fn bases(&self, constants: &BTreeMap<String, Value>) -> Vec<String> {
        let written = self.written_places().iter().map(|written| written.base.clone());
        let given =
            self.endpoints().iter().filter(|endpoint| endpoint.gives == Gives::Base).filter_map(|endpoint| {
                let value = constants.get(&endpoint.variable)?;
                found(value, &endpoint.keys)?.as_str().map(str::to_owned)
            });
        written.chain(given).collect()
    }
}

/// The variables that URLs of these steps connect to.
pub(super) fn variables_of(checked: &[Checked]) -> BTreeSet<&str> {
    let planned = checked.iter().filter_map(|step| step.planned.as_ref());
    endpoints(planned).filter(|one| one.is_variable).map(|one| one.variable.as_str()).collect()
}

fn arguments<'a>(steps: impl IntoIterator<Item = &'a PlannedStep>) -> impl Iterator<Item = &'a Template> {
    let calls = |step: &'a PlannedStep| match &step.kind {
        PlannedKind::Action(action) => Some(action.calls(&step.integration)),
        _ => None,
    };
    steps.into_iter().filter_map(calls).flatten().map(|(_, arguments)| arguments)
}

fn endpoints<'a>(steps: impl IntoIterator<Item = &'a PlannedStep>) -> impl Iterator<Item = &'a Endpoint> {
    arguments(steps).flat_map(Template::endpoints)
}

/// Whether the value is what the URL needs of it.
fn gives(endpoint: &Endpoint, value: &Value) -> Result<(), String> {
    let mistake = match (endpoint.gives, value) {
        (Gives::Base, Value::String(text)) => base(text),
        (Gives::Base, _) => Err("a URL is needed"),
        (Gives::Host, Value::String(text)) => host(text),
        (Gives::Host, Value::Number(number)) => host(&number.to_string()),
        (Gives::Host, _) => Err("the name of a host, or a port, is needed"),
    };
    mistake.map_err(|mistake| format!("{} connects to it: {mistake}", endpoint.place))
}

/// The value at the keys.
fn found<'v>(value: &'v Value, keys: &[Key]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| match key {
        Key::Field(name) => value.get(name),
        Key::Item(at) => value.as_array()?.get(*at),
    })
}

/// The constant in the notation of authors: `variables.edr.url`.
fn name(endpoint: &Endpoint) -> String {
    let root = if endpoint.is_variable { "variables" } else { "constants" };
    endpoint.keys.iter().fold(format!("{root}.{}", endpoint.variable), |name, key| match key {
        Key::Field(field) => format!("{name}.{field}"),
        Key::Item(at) => format!("{name}[{at}]"),
    })
}
