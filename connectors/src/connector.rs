//! A connector: one file, checked, with all that its calls need. Owns its constants and whose they are; makes no call.

use std::collections::BTreeMap;

use updraft_protocol::limits::{CONNECTOR_BYTES, CONNECTOR_MISTAKES};
use updraft_protocol::{CallLimits, Json, Name, TenantCode, Value, parse};

use crate::action::Action;
use crate::error::Error;
use crate::file::WrittenTls;
use crate::read;

/// An integration that is declared in a file.
#[derive(Debug)]
pub struct Connector {
    pub(crate) name: Name,
    pub(crate) version: u32,
    pub(crate) description: Option<String>,
    pub(crate) constants: BTreeMap<String, Value>,
    pub(crate) tenants: BTreeMap<TenantCode, BTreeMap<String, Value>>,
    pub(crate) actions: BTreeMap<String, Action>,
    pub(crate) limits: Option<CallLimits>,
    pub(crate) tls: Option<WrittenTls>,
    pub(crate) proxy: Option<String>,
    pub(crate) allow: Vec<String>,
    pub(crate) health: Option<HealthCall>,
}

/// A call that shows whether the vendor answers.
#[derive(Debug, Clone)]
pub struct HealthCall {
    /// The action.
    pub action: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A call whose output was recorded.
#[derive(Debug, Clone)]
pub struct Contract {
    /// Its arguments.
    pub arguments: Value,
    /// The output then.
    pub output: Value,
}

impl Connector {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Mistakes`]: its mistakes, each with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refused = |mistakes| Error::Mistakes { path: None, mistakes };
        let written = parse::document(bytes, CONNECTOR_BYTES).map_err(|error| refused(error.mistakes()))?;
        read::read(written).map_err(|mistakes| refused(placed(bytes, mistakes)))
    }

    /// Its name, which playbooks use.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What it is, as its author says.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Its limits, if it declares some.
    pub fn limits(&self) -> Option<&CallLimits> {
        self.limits.as_ref()
    }

    /// The call that shows whether the vendor answers.
    pub fn health(&self) -> Option<&HealthCall> {
        self.health.as_ref()
    }

    /// Its actions, each with what its author says of it.
    pub fn actions(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        self.actions.values().map(|action| (action.name, action.description.as_deref()))
    }

    /// The recorded calls, by their actions.
    pub fn contracts(&self) -> impl Iterator<Item = (&'static str, &Contract)> {
        self.actions.values().filter_map(|action| Some((action.name, action.contract.as_ref()?)))
    }

    /// The same connector with another value of a constant: the address of a customer's own server.
    ///
    /// # Errors
    /// [`Error::Constant`]: it has no such constant, or a URL cannot connect to the value.
    pub fn with_constant(mut self, name: &str, value: Value) -> Result<Self, Error> {
        let refused = |connector: &Self, message| {
            Err(Error::Constant { connector: connector.name.to_string(), message })
        };
        if !self.constants.contains_key(name) {
            let near = updraft_protocol::suggest::suggestion(name, self.constants.keys().map(String::as_str));
            return refused(&self, format!("it has no constant `{name}`{near}"));
        }
        self.constants.insert(name.to_owned(), value);
        for (_, template) in self.actions.values().flat_map(Action::endpoints) {
            if let Some(mistake) = template.wrong_endpoints(&self.constants).into_iter().next() {
                return refused(&self, mistake.to_string());
            }
        }
        Ok(self)
    }

    /// The constants as the texts of a tenant's calls read them.
    pub(crate) fn constants_of(&self, tenant: &TenantCode) -> Json {
        let mut constants = self.constants.clone();
        if let Some(own) = self.tenants.get(tenant) {
            constants.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Json::from(Value::Object(constants))
    }
}

/// Mistakes by their paths, with their lines and columns, in the order of the file: as many as a person reads.
fn placed(bytes: &[u8], mistakes: Vec<(String, String)>) -> Vec<String> {
    let places = parse::places_in(bytes, mistakes.iter().map(|(path, _)| path.as_str()));
    let mut told: Vec<_> = mistakes.iter().zip(places).collect();
    told.sort_by_key(|(_, place)| place.as_ref().map(|place| (place.line, place.column)));
    let more = told.len().saturating_sub(CONNECTOR_MISTAKES);
    let told = told.into_iter().take(CONNECTOR_MISTAKES).map(|((path, message), place)| match place {
        Some(place) => format!("{place}: {message}"),
        None => format!("{path}: {message}"),
    });
    told.chain((more > 0).then(|| format!("and {more} more mistakes"))).collect()
}
