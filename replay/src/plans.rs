//! The playbooks of a dry run: the one that runs, and those that its steps may start. Reads no file.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_kernel::plan::Plan;
use updraft_protocol::{AuthoredNames, Json, Name, Playbook, PlaybookChoice, PlaybookId, StepId, Value};

/// A checked playbook with the values of its variables.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The variables as it is written.
    pub variables: BTreeMap<String, Value>,
    pub(crate) pid: PlaybookId,
}

impl Planned {
    /// Variables as one value.
    pub(crate) fn variables_json(&self) -> Json {
        Json::from(&Value::Object(self.variables.clone()))
    }
}

/// The playbooks that a dry run has.
#[derive(Debug, Clone)]
pub struct RunPlans {
    all: Vec<Planned>,
    /// How the authors of other documents know what was made of these.
    names: AuthoredNames,
}

impl RunPlans {
    /// The playbook that runs.
    pub fn of(playbook: &Playbook, plan: Arc<Plan>) -> Self {
        let mut plans = Self { all: Vec::new(), names: AuthoredNames::default() };
        plans.add(playbook, plan);
        plans
    }

    /// Adds a playbook that steps may start.
    pub fn add(&mut self, playbook: &Playbook, plan: Arc<Plan>) {
        let number = u8::try_from(self.all.len() + 1).unwrap_or(u8::MAX);
        let pid = PlaybookId::from_bytes([number; 16]);
        self.all.push(Planned { plan, variables: playbook.variables.clone(), pid });
    }

    /// Adds what the steps and variables are called in the document of which one of these playbooks was made.
    pub fn know(&mut self, names: &AuthoredNames) {
        self.names.extend(names);
    }

    /// What the authors call the steps and variables.
    pub fn names(&self) -> &AuthoredNames {
        &self.names
    }

    /// Another value for a variable of the playbook that runs.
    pub fn set_variable(&mut self, name: &str, value: Value) {
        if let Some(main) = self.all.first_mut() {
            main.variables.insert(name.to_owned(), value);
        }
    }

    /// The playbook that runs; none without any.
    pub fn main(&self) -> Option<&Planned> {
        self.all.first()
    }

    /// The playbook that a step means: of a name without a version, the newest.
    pub fn find(&self, choice: &PlaybookChoice) -> Option<&Planned> {
        let PlaybookChoice::Named(name, version) = choice else { return None };
        let named = self.all.iter().filter(|planned| planned.plan.name == *name);
        match version {
            Some(version) => named.into_iter().find(|planned| planned.plan.version == *version),
            None => named.max_by_key(|planned| planned.plan.version),
        }
    }

    /// The secrets that they name.
    pub fn secrets(&self) -> impl Iterator<Item = &Name> {
        self.all.iter().flat_map(|planned| planned.plan.secrets.keys())
    }

    /// Whether there are playbooks that steps may start.
    pub fn has_others(&self) -> bool {
        self.all.len() > 1
    }

    /// Whether the author of one of them has a step of this id.
    pub fn has_step(&self, id: &StepId) -> bool {
        self.is_authored(id) && self.all.iter().any(|planned| planned.plan.index_of(id).is_some())
    }

    /// The ids of their steps that are written out.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        let steps = self.all.iter().flat_map(|planned| &planned.plan.steps);
        let written = steps.filter(|step| step.is_named && self.is_authored(&step.id));
        written.map(|step| step.id.as_str())
    }

    /// Whether a native step has the id that its author gave it.
    fn is_authored(&self, id: &StepId) -> bool {
        self.names.is_native() || self.names.step(id).step == *id
    }
}
