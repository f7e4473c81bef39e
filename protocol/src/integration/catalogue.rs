//! The catalogue: the integrations that a playbook may name, and their declarations. Calls none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{ActionSpec, Effect, Flaw, Integration};
use crate::ids::Name;
use crate::value::Value;

/// The integrations and actions that a playbook may name.
#[derive(Clone, Default)]
pub struct Catalogue {
    entries: BTreeMap<Name, Entry>,
    /// Whether there is no directory for files of executions.
    lacks_files: bool,
}

#[derive(Clone, Default)]
struct Entry {
    actions: BTreeSet<String>,
    /// `None` if only the names of its actions are known.
    integration: Option<Arc<dyn Integration>>,
    /// Whether its calls may have to wait for limits that are declared beside it.
    is_limited: bool,
    /// The version that is needed, where that is not there.
    lacking: Option<u32>,
}

impl Catalogue {
    /// Adds the names of actions without a declaration.
    pub fn add_names(&mut self, integration: Name, actions: &[&str]) {
        let entry = self.entries.entry(integration).or_default();
        entry.actions.extend(actions.iter().map(|action| (*action).to_owned()));
    }

    /// Adds an integration with its actions and their declarations. Names that are already there stay; the latest
    /// integration of a name gives its declarations.
    pub fn add_integration(&mut self, name: Name, integration: Arc<dyn Integration>) {
        self.add_names(name.clone(), integration.actions());
        self.entries.entry(name).or_default().integration = Some(integration);
    }

    /// Declares that there is no directory for files of executions.
    pub fn lack_files(&mut self) {
        self.lacks_files = true;
    }

    /// Whether there is no directory for files of executions.
    pub fn lacks_files(&self) -> bool {
        self.lacks_files
    }

    /// Declares that calls of an integration may have to wait for a permit, whatever it declares itself.
    pub fn limit(&mut self, name: &Name) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.is_limited = true;
        }
    }

    /// Takes another version of an integration in place of the one that is there; `None` if this version is not there.
    pub fn take_version(&mut self, name: &Name, version: u32, integration: Option<Arc<dyn Integration>>) {
        let entry = self.entries.entry(name.clone()).or_default();
        let actions = integration.iter().flat_map(|integration| integration.actions());
        entry.actions = actions.map(|action| (*action).to_owned()).collect();
        entry.lacking = integration.is_none().then_some(version);
        entry.integration = integration;
    }

    /// The version of an integration, if it has one.
    pub fn version(&self, name: &Name) -> Option<u32> {
        self.integration(name)?.version()
    }

    /// The version of an integration that is needed, and is not there.
    pub fn lacking(&self, name: &Name) -> Option<u32> {
        self.entries.get(name)?.lacking
    }

    /// The actions of an integration; `None` if there is no such integration, or not the version that is needed.
    pub fn actions(&self, integration: &Name) -> Option<&BTreeSet<String>> {
        self.entries.get(integration).filter(|entry| entry.lacking.is_none()).map(|entry| &entry.actions)
    }

    /// The declaration of an action.
    pub fn spec(&self, integration: &Name, action: &str) -> ActionSpec {
        let Some(entry) = self.entries.get(integration) else { return ActionSpec::default() };
        let spec = entry.integration.as_ref().map(|integration| integration.spec(action)).unwrap_or_default();
        ActionSpec { takes_permit: spec.takes_permit || entry.is_limited, ..spec }
    }

    /// The effect of an action for these arguments, with `null` in place of each template and secret.
    pub fn effect(&self, integration: &Name, action: &str, arguments: &Value) -> Effect {
        let integration = self.integration(integration);
        integration.map_or(Effect::Write, |integration| integration.effect(action, arguments))
    }

    /// The effect of an action as guardrails take it: whether it may change something, whatever its author says.
    pub fn guarded_effect(&self, integration: &Name, action: &str, arguments: &Value) -> Effect {
        let integration = self.integration(integration);
        let reads = integration.is_some_and(|integration| !integration.may_change(action, arguments));
        if reads { Effect::Read } else { Effect::Write }
    }

    /// The integration's own findings in the author's arguments, with `null` in place of each template and secret.
    pub fn flaws(&self, integration: &Name, action: &str, arguments: &Value) -> Vec<Flaw> {
        let integration = self.integration(integration);
        let Some(integration) = integration else { return Vec::new() };
        let mut flaws = integration.check(action, arguments);
        if self.lacks_files && integration.uses_files(action, arguments) {
            let message = "needs files of executions, for which this engine has no data directory";
            flaws.push(Flaw { place: String::new(), message: message.to_owned() });
        }
        flaws
    }

    /// Whether a call with these arguments of the author writes or reads files of its execution.
    pub fn uses_files(&self, integration: &Name, action: &str, arguments: &Value) -> bool {
        let integration = self.integration(integration);
        integration.is_some_and(|integration| integration.uses_files(action, arguments))
    }

    /// Whether answers of an integration may be shared by tenants.
    pub fn is_shared(&self, integration: &Name) -> bool {
        self.integration(integration).is_some_and(|integration| integration.is_shared())
    }

    /// The grant that the integration lacks for a connection to the endpoint of this URL.
    pub fn missing_for(&self, integration: &Name, base: &str) -> Option<String> {
        self.integration(integration)?.missing_for(base)
    }

    fn integration(&self, name: &Name) -> Option<&Arc<dyn Integration>> {
        self.entries.get(name)?.integration.as_ref()
    }

    /// The names of all integrations.
    pub fn integrations(&self) -> impl Iterator<Item = &Name> {
        self.entries.keys()
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}
