//! The step `approval`: its planned form, the checks of its fields, and where its outcome leads.

use std::collections::BTreeSet;
use std::time::Duration;

use updraft_protocol::limits::{APPROVAL_CHOICES, APPROVAL_PEOPLE, APPROVAL_QUORUM, KEY_BYTES};
use updraft_protocol::playbook::Approval;
use updraft_protocol::{Json, StepId, Value};

use super::end::{is_literal, template};
use super::{Draft, Steps};
use crate::plan::exits::Follows;
use crate::plan::{PlannedBeside, PlannedForm};
use crate::template::Template;

/// The choice that is always there. Unless it has a body of its own, it fails the step.
pub(crate) const REFUSE: &str = "refuse";
/// The choice of an approval that names none.
const APPROVE: &str = "approve";

/// A question to people.
#[derive(Debug)]
pub struct PlannedApproval {
    /// The question.
    pub question: Template,
    /// What people fill in.
    pub form: Option<PlannedForm>,
    /// The people who may answer.
    pub assignees: Option<Template>,
    /// The groups whose members may answer.
    pub group: Option<Template>,
    /// How many people have to choose the same, but for `refuse`.
    pub quorum: u32,
    /// How long it waits, if the step says.
    pub timeout: Option<Duration>,
    /// What runs beside its wait.
    pub beside: PlannedBeside,
    /// The choices that go on, each with where it leads.
    choices: Vec<(StepId, Follows)>,
}

impl PlannedApproval {
    /// Where the output of its task leads. Only a choice of its author goes on.
    pub(in crate::plan) fn follows(&self, response: Option<&Json>) -> Follows {
        let choice = response.and_then(|response| response.value()["choice"].as_str().map(str::to_owned));
        let fits = |(name, _): &&(StepId, Follows)| choice.as_deref() == Some(name.as_str());
        self.choices.iter().find(fits).map_or(Follows::Unhandled, |(_, follows)| *follows)
    }

    /// The choices that people have.
    pub(crate) fn choices(&self) -> Vec<StepId> {
        let mut names: Vec<StepId> = self.choices.iter().map(|(name, _)| name.clone()).collect();
        if !self.goes_on(REFUSE) {
            names.extend(StepId::new(REFUSE).ok());
        }
        names
    }

    /// Whether the path goes on after this choice.
    pub(crate) fn goes_on(&self, choice: &str) -> bool {
        self.choices.iter().any(|(name, _)| name.as_str() == choice)
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        let form = self.form.as_ref().map_or(0, PlannedForm::bytes);
        form + self.texts().map(Template::bytes).sum::<usize>()
    }

    fn texts(&self) -> impl Iterator<Item = &Template> {
        [&self.question].into_iter().chain(&self.assignees).chain(&self.group)
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, approval: &Approval) -> Option<Self> {
        if let Some(timeout) = approval.timeout {
            steps.span(draft.at, "timeout", timeout, false);
        }
        let quorum = approval.quorum.unwrap_or(1);
        if !(1..=APPROVAL_QUORUM).contains(&quorum) {
            steps.mistakes.step(draft.at, "quorum", format!("must be from 1 to {APPROVAL_QUORUM}"));
        }
        for (field, people) in [("assignees", &approval.assignees), ("group", &approval.group)] {
            if let Some(message) = people.as_ref().and_then(no_people) {
                steps.mistakes.step(draft.at, field, message);
            }
        }
        if let (Some(people), None) = (approval.assignees.as_ref().and_then(literal), &approval.group)
            && (1..quorum as usize).contains(&people.len())
        {
            let message = format!("{} people cannot be a quorum of {quorum}", people.len());
            steps.mistakes.step(draft.at, "quorum", message);
        }
        if approval.question.trim().is_empty() {
            steps.mistakes.step(draft.at, "approval", "a question is needed");
        }
        let names: Vec<&StepId> =
            approval.choices.iter().flat_map(|choices| &choices.0).map(|(name, _)| name).collect();
        if approval.choices.is_some() && !names.iter().any(|name| name.as_str() != REFUSE) {
            steps.mistakes.step(draft.at, "choices", "at least one choice beside `refuse` is needed");
        }
        if names.len() > APPROVAL_CHOICES {
            let message = format!("{} choices; at most {APPROVAL_CHOICES} are allowed", names.len());
            steps.mistakes.step(draft.at, "choices", message);
        }
        let choices = match approval.choices {
            None => StepId::new(APPROVE)
                .ok()
                .map(|name| (name, draft.body(steps, None, "choices")))
                .into_iter()
                .collect(),
            Some(_) => (0..)
                .zip(names)
                .map(|(number, name)| (name.clone(), draft.body(steps, Some(number), "choices")))
                .collect(),
        };
        let form = approval.form.as_ref().map(|written| {
            let form = PlannedForm::check(&format!("{}.form", draft.place), written);
            let mistakes = form.as_ref().err().into_iter().flatten().cloned();
            mistakes.for_each(|mistake| steps.mistakes.inside(draft.at, "form", mistake));
            form.ok()
        });
        let beside = PlannedBeside::check(steps, draft, approval);
        let question = template(steps, draft, "approval", &Value::String(approval.question.clone()));
        let mut optional = |field, value: &Option<Value>| match value {
            Some(value) => template(steps, draft, field, value).map(Some),
            None => Some(None),
        };
        let (assignees, group) =
            (optional("assignees", &approval.assignees), optional("group", &approval.group));
        Some(Self {
            question: question?,
            form: form.flatten(),
            assignees: assignees?,
            group: group?,
            quorum,
            timeout: approval.timeout.map(|timeout| timeout.0),
            beside: beside?,
            choices,
        })
    }
}

/// Why a value names no people, whatever its templates give.
fn no_people(named: &Value) -> Option<String> {
    let names = named.as_array().unwrap_or(std::slice::from_ref(named));
    let is_name = |name: &Value| {
        let text = name.as_str();
        text.is_some_and(|text| !is_literal(text) || (1..=KEY_BYTES).contains(&text.trim().len()))
    };
    if names.is_empty() {
        return Some("names nobody".to_owned());
    }
    if names.len() > APPROVAL_PEOPLE || !names.iter().all(is_name) {
        return Some(format!("a name, or a list of 1 to {APPROVAL_PEOPLE} names, is needed"));
    }
    None
}

/// The people of a list in which nothing is computed.
fn literal(assignees: &Value) -> Option<BTreeSet<&str>> {
    let Value::Array(people) = assignees else { return None };
    people.iter().map(|person| person.as_str().filter(|uid| is_literal(uid)).map(str::trim)).collect()
}
