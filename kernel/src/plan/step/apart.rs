//! A call that no step makes, such as that of a poll: checked against the registered tools as that of a step is. Only what reads is
//! allowed, since nobody would undo it. Calls nothing.

use std::collections::BTreeMap;

use updraft_protocol::playbook::{Record, Retry};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Catalogue, Effect, Name, Span, Value};

use super::action::{PlannedAction, RetryPolicy, url_of};
use super::call::{secrets_of, timeout_of};
use crate::mistake::Mistake;
use crate::plan::arguments::{check_arguments, with_defaults};
use crate::template::{Template, TextCompiler};

/// A call that no step makes, as its author wrote it.
#[derive(Debug, Clone, Copy)]
pub struct CallApart<'a> {
    /// Its place in the document: `on.poll`.
    pub place: &'a str,
    /// The tool.
    pub integration: &'a Name,
    /// What it is to do.
    pub action: &'a Name,
    /// What it is told.
    pub arguments: &'a BTreeMap<String, Value>,
    /// The names that its texts may read.
    pub names: &'a [&'a str],
    /// How long it may take.
    pub timeout: Option<Span>,
}

impl CallApart<'_> {
    /// Checks and compiles it.
    ///
    /// # Errors
    /// Its mistakes, each with its place.
    pub fn checked(&self, catalogue: &Catalogue) -> Result<PlannedAction, Vec<Mistake>> {
        if let Some(mistake) = self.missing(catalogue) {
            return Err(vec![mistake]);
        }
        let (integration, action) = (self.integration, self.action.as_str());
        let spec = catalogue.spec(integration, action);
        let place = format!("{}.arguments", self.place);
        let filled = with_defaults(self.arguments, &spec);
        let given = filled.as_ref().unwrap_or(self.arguments);
        let compiled = TextCompiler::default().arguments(&place, given, &spec, self.names);
        let (arguments, mut mistakes) = compiled;
        self.check(&arguments, catalogue, &mut mistakes);
        let held = check_arguments(&place, &arguments, &spec);
        // A place that has a mistake already gets no second one.
        let is_told = |found: &Mistake, told: &[Mistake]| told.iter().any(|one| one.path == found.path);
        let held: Vec<Mistake> = held.into_iter().filter(|found| !is_told(found, &mistakes)).collect();
        mistakes.extend(held);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(PlannedAction {
            secrets: secrets_of(&arguments, &spec),
            version: catalogue.version(integration),
            effect: Effect::Read,
            missing: None,
            cache: None,
            timeout: timeout_of(self.timeout, &spec),
            retry: RetryPolicy::of(&Retry::default()),
            pauses: false,
            within: None,
            at_most_once: false,
            record: Record::None,
            takes_permit: spec.takes_permit,
            // Nobody waits for it: it is made again later.
            fails_when_open: true,
            guarded_effect: catalogue.guarded_effect(integration, action, &arguments.written_out()),
            kinds: spec.arguments,
            leads_on: spec.leads_on,
            url: url_of(&spec),
            target: spec.target,
            also_targets: spec.also_targets,
            already: None,
            undo: None,
            containment: None,
            lock: None,
            undoes: None,
            arguments,
        })
    }

    /// The tool or action that is not there.
    fn missing(&self, catalogue: &Catalogue) -> Option<Mistake> {
        let place = format!("{}.action", self.place);
        let Some(actions) = catalogue.actions(self.integration) else {
            let near = suggestion(self.integration.as_str(), catalogue.integrations().map(Name::as_str));
            return Some(Mistake::new(place, format!("no integration \"{}\"{near}", self.integration)));
        };
        if actions.contains(self.action.as_str()) {
            return None;
        }
        let near = suggestion(self.action.as_str(), actions.iter().map(String::as_str));
        Some(Mistake::new(place, format!("\"{}\" has no action \"{}\"{near}", self.integration, self.action)))
    }

    /// What is not allowed beside what the schema of the action says.
    fn check(&self, arguments: &Template, catalogue: &Catalogue, mistakes: &mut Vec<Mistake>) {
        let (tool, action, written) = (self.integration, self.action.as_str(), arguments.written_out());
        let within = |rest: &str| format!("{}.{rest}", self.place);
        if catalogue.effect(tool, action, &written) != Effect::Read {
            mistakes
                .push(Mistake::new(within("action"), "it changes something, and only what reads is called"));
        }
        if catalogue.uses_files(tool, action, &written) {
            let message = "it needs files of an execution, and here is none";
            mistakes.push(Mistake::new(within("arguments"), message));
        }
        for flaw in catalogue.flaws(tool, action, &written) {
            let inner = if flaw.place.is_empty() || flaw.place.starts_with('[') { "" } else { "." };
            let place = within(&format!("arguments{inner}{}", flaw.place));
            mistakes.push(Mistake::new(place, flaw.message));
        }
        for place in arguments.written_places() {
            if let Some(what) = catalogue.missing_for(tool, &place.base) {
                mistakes.push(Mistake::new(&place.place, format!("missing here: {what}")));
            }
        }
        if !arguments.endpoints().is_empty() {
            let message = "scheme, host and port are written out";
            mistakes.push(Mistake::new(within("arguments"), message));
        }
        for structure in arguments.structures() {
            let message = format!("`{}` would make a value structure", structure.filter);
            mistakes.push(Mistake::new(&structure.place, message));
        }
        if self.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            mistakes.push(Mistake::new(within("timeout"), "must be longer than nothing"));
        }
    }
}
