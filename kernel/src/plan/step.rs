//! One step of a playbook: its fields checked, its references resolved, its texts compiled.

use std::collections::BTreeMap;

use updraft_protocol::limits::{ATTEMPT_TIMEOUT, PARALLEL_BRANCHES, RETRY_ATTEMPTS};
use updraft_protocol::playbook::{Action, Delay, End, If, Parallel, Retry, Step, StepKind};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, Catalogue, Name, Span, StepId};

use super::arguments::{self, Schemas};
use super::graph::{Edge, Field};
use super::mistake::{Mistake, Mistakes};
use super::references::References;
use super::span::span;
use super::suggest::Suggestions;
use super::{
    PlannedAction, PlannedDelay, PlannedEnd, PlannedIf, PlannedKind, PlannedParallel, PlannedStep,
    RetryPolicy, Standing, StepIndex,
};
use crate::condition::Condition;
use crate::template::{Budget, Template};

/// The integration that steps name which Updraft decides itself.
pub(crate) const UPDRAFT: &str = "updraft";

/// A step after its fields were checked.
#[derive(Debug)]
pub(super) struct Checked {
    /// The planned step; none where it has a mistake.
    pub(super) planned: Option<PlannedStep>,
    /// The steps that it leads to.
    pub(super) edges: Vec<Edge>,
    /// The field that reads other steps.
    pub(super) reading: &'static str,
    references: References,
}

impl Checked {
    /// The steps that it reads, with the places that read them.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.references.steps.iter().map(|(id, path)| (id.as_str(), path.as_str()))
    }
}

/// Checks steps one by one.
pub(super) struct Steps<'a> {
    catalogue: &'a Catalogue,
    standing: Standing,
    schemas: Schemas,
    by_id: &'a BTreeMap<StepId, StepIndex>,
    suggestions: Suggestions,
    /// What the texts of all steps may cost together.
    budget: Budget,
    /// What was found.
    pub(super) mistakes: Mistakes,
    /// Whether every id is one step's, and every reference leads to a step.
    pub(super) resolved: bool,
}

/// A step under way.
struct Draft {
    at: usize,
    edges: Vec<Edge>,
    references: References,
    reading: &'static str,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        (catalogue, standing): (&'a Catalogue, Standing),
        by_id: &'a BTreeMap<StepId, StepIndex>,
        mistakes: Mistakes,
        resolved: bool,
    ) -> Self {
        Self {
            catalogue,
            standing,
            schemas: Schemas::default(),
            by_id,
            suggestions: Suggestions::default(),
            budget: Budget::new(),
            mistakes,
            resolved,
        }
    }

    /// The step that the playbook starts with.
    pub(super) fn start(&mut self, id: &StepId) -> Option<StepIndex> {
        let found = self.by_id.get(id).copied();
        if found.is_none() {
            let message = self.no_step(id.as_str());
            self.mistakes.header("start", message);
            self.resolved = false;
        }
        found
    }

    /// Checks one step.
    pub(super) fn check(&mut self, at: usize, step: &Step) -> Checked {
        let mut draft = Draft { at, edges: vec![], references: References::default(), reading: "" };
        let kind = match &step.kind {
            StepKind::Action(action) => self.action(&mut draft, action),
            StepKind::Parallel(parallel) => self.parallel(&mut draft, parallel),
            StepKind::If(choice) => self.choice(&mut draft, choice),
            StepKind::Delay(delay) => self.delay(&mut draft, delay),
            StepKind::End(end) => self.end(&mut draft, end),
        };
        self.reads(&draft);
        let names = match &step.kind {
            StepKind::Action(action) => Some((action.integration.clone(), action.action.clone())),
            // Words of our own: they are names.
            other => Name::new(UPDRAFT).ok().zip(Name::new(other.name()).ok()),
        };
        let planned = kind.zip(names).map(|(kind, (integration, action))| PlannedStep {
            id: step.id.clone(),
            integration,
            action,
            kind,
        });
        Checked { planned, edges: draft.edges, reading: draft.reading, references: draft.references }
    }

    fn action(&mut self, draft: &mut Draft, action: &Action) -> Option<PlannedKind> {
        let missing = self.missing(draft.at, action);
        let arguments = self.arguments(draft, action, missing.is_some());
        if let Some(timeout) = action.timeout {
            self.span(draft.at, "timeout", timeout, false);
        }
        let retry = self.retry(draft.at, action);
        let on_success = self.next(draft, "on_success", action.on_success.as_ref());
        let on_failure = self.next(draft, "on_failure", action.on_failure.as_ref());
        let on_unknown = self.next(draft, "on_unknown", action.on_unknown.as_ref());
        if action.on_unknown.is_some() && !action.at_most_once {
            let message = "only a step with `at_most_once` can be of unknown outcome";
            self.mistakes.step(draft.at, "on_unknown", message);
        }
        let arguments = arguments?;
        let written_out = arguments.written_out();
        Some(PlannedKind::Action(PlannedAction {
            secrets: arguments.secrets().into(),
            effect: self.catalogue.effect(&action.integration, action.action.as_str(), &written_out),
            missing,
            arguments,
            timeout: action.timeout.map_or(ATTEMPT_TIMEOUT, |span| span.0),
            retry,
            at_most_once: action.at_most_once,
            on_success,
            on_failure,
            on_unknown,
        }))
    }

    /// The arguments, compiled and held against what their tool declares. Of a tool that is not there nothing is known.
    fn arguments(&mut self, draft: &mut Draft, action: &Action, is_missing: bool) -> Option<Template> {
        if is_missing && self.standing == Standing::Accepted {
            return Some(Template::default());
        }
        let spec = match is_missing {
            false => self.catalogue.spec(&action.integration, action.action.as_str()),
            // That it is not there is mistake enough.
            true => ActionSpec { takes_secrets: true, ..ActionSpec::default() },
        };
        let place = format!("steps[{}].arguments", draft.at);
        let filled = arguments::with_defaults(&action.arguments, &spec);
        let given = filled.as_ref().unwrap_or(&action.arguments);
        let (compiled, wrong) = Template::arguments_within(&place, given, &spec, &mut self.budget);
        draft.reading = "arguments";
        draft.references = compiled.references().clone();
        let is_whole = wrong.is_empty();
        if self.standing == Standing::New && !is_missing && !self.mistakes.full() {
            let tool = (&action.integration, &action.action);
            let held = self.schemas.mistakes(tool, &place, &compiled, self.catalogue);
            // What was refused already is not told again.
            let held = held.into_iter().filter(|mistake| wrong.iter().all(|told| told.path != mistake.path));
            let held: Vec<Mistake> = held.collect();
            wrong
                .into_iter()
                .chain(held)
                .for_each(|mistake| self.mistakes.inside(draft.at, "arguments", mistake));
            for written in compiled.written_places() {
                if let Some(what) = self.catalogue.missing_for(&action.integration, &written.base) {
                    let mistake = Mistake::new(&written.place, format!("missing here: {what}"));
                    self.mistakes.inside(draft.at, "arguments", mistake);
                }
            }
        } else {
            wrong.into_iter().for_each(|mistake| self.mistakes.inside(draft.at, "arguments", mistake));
        }
        is_whole.then_some(compiled)
    }

    /// The tool of a step where it is not there: a mistake of who writes the playbook now.
    fn missing(&mut self, at: usize, action: &Action) -> Option<String> {
        let (field, message, missing) = match self.catalogue.actions(&action.integration) {
            None => {
                let known = self.catalogue.integrations().map(Name::as_str);
                let near = suggestion(action.integration.as_str(), known);
                let message = format!("no integration \"{}\"{near}", action.integration);
                ("integration", message, format!("integration \"{}\"", action.integration))
            }
            Some(actions) if !actions.contains(action.action.as_str()) => {
                let known = actions.iter().map(String::as_str);
                let near = suggestion(action.action.as_str(), known);
                let message = format!("\"{}\" has no action \"{}\"{near}", action.integration, action.action);
                let missing =
                    format!("action \"{}\" of integration \"{}\"", action.action, action.integration);
                ("action", message, missing)
            }
            Some(_) => return None,
        };
        if self.standing == Standing::New {
            self.mistakes.step(at, field, message);
        }
        Some(missing)
    }

    fn retry(&mut self, at: usize, action: &Action) -> RetryPolicy {
        let Some(retry) = &action.retry else {
            return policy(&Retry::default());
        };
        if !(1..=RETRY_ATTEMPTS).contains(&retry.attempts) {
            self.mistakes.step(at, "retry.attempts", format!("must be from 1 to {RETRY_ATTEMPTS}"));
        }
        self.span(at, "retry.initial", retry.initial, true);
        self.span(at, "retry.max", retry.max, true);
        self.span(at, "retry.give_up_after", retry.give_up_after, true);
        if retry.max < retry.initial {
            self.mistakes.step(at, "retry.max", "must not be shorter than `initial`");
        }
        if !(1.0..=10.0).contains(&retry.multiplier) {
            self.mistakes.step(at, "retry.multiplier", "must be from 1 to 10");
        }
        policy(retry)
    }

    fn parallel(&mut self, draft: &mut Draft, parallel: &Parallel) -> Option<PlannedKind> {
        let count = parallel.branches.len();
        if count == 0 {
            self.mistakes.step(draft.at, "branches", "at least one branch is needed");
        }
        if count > PARALLEL_BRANCHES {
            let message = format!("{count} branches; at most {PARALLEL_BRANCHES} are allowed");
            self.mistakes.step(draft.at, "branches", message);
            self.resolved = false;
            return None;
        }
        let mut seen = BTreeMap::new();
        let mut branches = vec![];
        for (at, id) in parallel.branches.iter().enumerate() {
            let Some(branch) = self.follow(draft, Field::Branch(at), id) else { continue };
            match seen.insert(branch, at) {
                None => branches.push(branch),
                Some(first) => {
                    seen.insert(branch, first);
                    draft.edges.pop();
                    let message = format!("\"{id}\" is also branches[{first}]");
                    self.mistakes.step(draft.at, &format!("branches[{at}]"), message);
                }
            }
        }
        let on_success = self.next(draft, "on_success", parallel.on_success.as_ref());
        let on_failure = self.next(draft, "on_failure", parallel.on_failure.as_ref());
        Some(PlannedKind::Parallel(PlannedParallel { branches, on_success, on_failure }))
    }

    fn choice(&mut self, draft: &mut Draft, choice: &If) -> Option<PlannedKind> {
        let place = format!("steps[{}].condition", draft.at);
        draft.reading = "condition";
        let condition = match Condition::compile_within(&place, &choice.condition, &mut self.budget) {
            Ok(condition) => {
                draft.references = condition.references().clone();
                Some(condition)
            }
            Err(mistake) => {
                if self.budget.tells() {
                    self.mistakes.inside(draft.at, "condition", mistake);
                }
                None
            }
        };
        let then = self.next(draft, "then", choice.then.as_ref());
        let otherwise = self.next(draft, "else", choice.otherwise.as_ref());
        let on_failure = self.next(draft, "on_failure", choice.on_failure.as_ref());
        Some(PlannedKind::If(PlannedIf { condition: condition?, then, otherwise, on_failure }))
    }

    fn delay(&mut self, draft: &mut Draft, delay: &Delay) -> Option<PlannedKind> {
        self.span(draft.at, "duration", delay.duration, false);
        let on_success = self.next(draft, "on_success", delay.on_success.as_ref());
        Some(PlannedKind::Delay(PlannedDelay { duration: delay.duration.0, on_success }))
    }

    fn end(&mut self, draft: &mut Draft, end: &End) -> Option<PlannedKind> {
        let output = match &end.output {
            Some(output) => {
                let place = format!("steps[{}].output", draft.at);
                let template = Template::compile_within(&place, output, &mut self.budget);
                Some(self.compiled(draft, "output", template)?)
            }
            None => None,
        };
        Some(PlannedKind::End(PlannedEnd { status: end.status, output }))
    }

    fn compiled(
        &mut self,
        draft: &mut Draft,
        field: &'static str,
        compiled: Result<Template, Vec<Mistake>>,
    ) -> Option<Template> {
        draft.reading = field;
        match compiled {
            Ok(template) => {
                draft.references = template.references().clone();
                Some(template)
            }
            Err(mistakes) => {
                for mistake in mistakes {
                    self.mistakes.inside(draft.at, field, mistake);
                }
                None
            }
        }
    }

    /// The steps that the texts read must be there.
    fn reads(&mut self, draft: &Draft) {
        for (id, path) in &draft.references.steps {
            if !StepId::new(id).is_ok_and(|id| self.by_id.contains_key(&id)) {
                let message = self.no_step(id);
                self.mistakes.inside(draft.at, draft.reading, Mistake::new(path, message));
            }
        }
    }

    fn span(&mut self, at: usize, field: &str, value: Span, zero: bool) {
        if let Err(message) = span(value, zero) {
            self.mistakes.step(at, field, message);
        }
    }

    fn next(&mut self, draft: &mut Draft, field: &'static str, id: Option<&StepId>) -> Option<StepIndex> {
        self.follow(draft, Field::Next(field), id?)
    }

    fn follow(&mut self, draft: &mut Draft, field: Field, id: &StepId) -> Option<StepIndex> {
        let found = self.by_id.get(id).copied();
        match found {
            Some(to) => draft.edges.push(Edge { field, to: to.get() }),
            None => {
                let message = self.no_step(id.as_str());
                self.mistakes.step(draft.at, &field.to_string(), message);
                self.resolved = false;
            }
        }
        found
    }

    fn no_step(&mut self, id: &str) -> String {
        if self.mistakes.full() {
            return String::new();
        }
        let near = self.suggestions.get(id, self.by_id.keys().map(StepId::as_str));
        format!("no step \"{id}\"{near}")
    }
}

fn policy(retry: &Retry) -> RetryPolicy {
    RetryPolicy {
        attempts: retry.attempts,
        initial: retry.initial.0,
        max: retry.max.0,
        multiplier: retry.multiplier,
        give_up_after: retry.give_up_after.0,
    }
}
