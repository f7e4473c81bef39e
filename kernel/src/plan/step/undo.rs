//! `undo`, `expires` and `target` of an action: their planned form, and their checks. Makes no call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{RECORDED_ARGUMENTS_BYTES, RECORDED_TARGET_BYTES, UNDO_WITHIN};
use updraft_protocol::playbook::{Action, Record, Retry, UndoOn};
use updraft_protocol::{
    Argument, Effect, Failure, FailureKind, Hold, Json, Name, SecretReference, Span, StepId, Timestamp,
    UndoCall, UndoRecord, UndoStatus, Value,
};

use super::action::url_of;
use super::call::{WrittenCall, secrets_of, timeout_of};
use super::end::template;
use super::{Draft, PlannedAction, PlannedKind, PlannedStep, RetryPolicy, Steps};
use crate::mistake::Mistake;
use crate::plan::StepIndex;
use crate::plan::exits::Exits;
use crate::plan::reads::StepReads;
use crate::plan::span::span;
use crate::template::{Spent, Template};
use crate::visible::Visible;

/// The name under which an undo reads the output of its step.
pub(crate) const OUTPUT: &str = "output";
/// The scope of an undo that the execution makes.
pub(crate) const UNDO: &str = "undo";

/// Adds the steps that make undos before an end, after all others: one for each action with such an undo.
pub(in crate::plan) fn add_undos(steps: &mut Vec<PlannedStep>, by_id: &mut BTreeMap<StepId, StepIndex>) {
    for at in 0..steps.len() {
        let index = StepIndex::at(steps.len());
        let id = undo_id(&steps[at].id, by_id);
        let PlannedKind::Action(PlannedAction { undo: Some(undo), .. }) = &mut steps[at].kind else {
            continue;
        };
        if undo.is_made_before_an_end() {
            undo.step = Some(index);
            let planned = undo.planned(id.clone(), StepIndex::at(at));
            by_id.insert(id, index);
            steps.push(planned);
        }
    }
}

/// The id of the step that undoes another one: no author has written it.
fn undo_id(of: &StepId, taken: &BTreeMap<StepId, StepIndex>) -> StepId {
    let named = StepId::new(format!("{UNDO}.{of}")).ok();
    let numbered = (1..).map(|number| StepId::made(UNDO, number));
    let mut ids = named.into_iter().chain(numbered).filter(|id| !taken.contains_key(id));
    ids.next().unwrap_or_else(|| of.clone())
}

/// The call that takes back what an action did.
#[derive(Debug)]
pub struct PlannedUndo {
    /// The tool.
    pub integration: Name,
    /// The action of the tool.
    pub action: Name,
    /// The arguments, which may read the output of the step as `output`: rendered once, when the step has ended.
    pub arguments: Template,
    /// The secrets that the arguments refer to, by their places.
    pub secrets: Arc<[SecretReference]>,
    /// The integration or action that this engine lacks.
    pub missing: Option<String>,
    /// When it is made.
    pub on: Vec<UndoOn>,
    /// The step of the plan that makes it before the end of the execution, if it is made then.
    pub step: Option<StepIndex>,
    /// The version of the integration by which it was checked, if that has versions.
    pub(super) version: Option<u32>,
    /// The effect that the action declares.
    pub(super) effect: Effect,
    /// Whether its calls may have to wait for a permit.
    pub(super) guarded_effect: Effect,
    pub(super) kinds: &'static [(&'static str, Argument)],
    pub(super) leads_on: Option<&'static str>,
    pub(super) takes_permit: bool,
    /// The argument that is the URL to which its calls lead.
    pub(super) url: Option<&'static str>,
    /// The argument that names the target of the tool.
    pub(super) target: Option<&'static str>,
    /// Further arguments that do.
    pub(super) also_targets: &'static [&'static str],
    /// Whether it is made where nobody knows whether the action was done.
    pub safe_if_unknown: bool,
    /// How long after its beginning it may be tried again.
    within: Span,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often and when it is retried.
    pub retry: RetryPolicy,
    /// As its author wrote it.
    written: (Option<Span>, Option<Retry>),
}

/// What an action contains.
#[derive(Debug)]
pub struct PlannedContainment {
    /// How long it lasts.
    expires: Template,
    /// What is contained.
    target: Template,
}

impl PlannedUndo {
    /// Checks the field; `None` in it if there is none, and none at all if it has a mistake.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, action: &Action) -> Option<Option<Self>> {
        let Some(undo) = &action.undo else { return Some(None) };
        let (integration, name) = undo.tool(&action.integration);
        let call = WrittenCall {
            within: Some("undo"),
            integration: &integration,
            action: &name,
            arguments: &undo.arguments,
            timeout: undo.timeout,
            retry: undo.retry.as_ref(),
        };
        let missing = call.missing(steps, draft.at);
        let names = [OUTPUT.into()];
        let arguments = draft
            .at_end_of_body(steps, &names, |steps, draft| call.arguments(steps, draft, missing.is_some()));
        call.timeout(steps, draft.at);
        if let Some(within) = undo.within {
            steps.span(draft.at, "undo.within", within, false);
        }
        let retry = call.retry(steps, draft.at);
        if undo.safe_if_unknown && !action.at_most_once {
            let message = "only a step with `at_most_once` can be of unknown outcome";
            steps.mistakes.step(draft.at, "undo.safe_if_unknown", message);
        }
        let mut on = undo.when(action.expires.is_some()).to_vec();
        if action.expires.is_none() && on.iter().all(|on| *on == UndoOn::Asked) {
            let message = "a person asks for what `expires`; write `failure` or `cancel` for other undos";
            steps.mistakes.step(draft.at, "undo.on", message);
        }
        let arguments = arguments?;
        let written_out = arguments.written_out();
        let spec = steps.catalogue.spec(&integration, name.as_str());
        on.sort_unstable();
        on.dedup();
        Some(Some(Self {
            secrets: secrets_of(&arguments, &spec),
            version: steps.catalogue.version(&integration),
            missing,
            arguments,
            on,
            step: None,
            effect: steps.catalogue.effect(&integration, name.as_str(), &written_out),
            takes_permit: spec.takes_permit,
            guarded_effect: steps.catalogue.guarded_effect(&integration, name.as_str(), &written_out),
            kinds: spec.arguments,
            leads_on: spec.leads_on,
            url: url_of(&spec),
            target: spec.target,
            also_targets: spec.also_targets,
            safe_if_unknown: undo.safe_if_unknown,
            within: undo.within.unwrap_or(Span(UNDO_WITHIN)),
            timeout: timeout_of(undo.timeout, &spec),
            retry,
            written: (undo.timeout, undo.retry.clone()),
            integration,
            action: name,
        }))
    }

    /// Whether the execution undoes it before some of its ends.
    pub fn is_made_before_an_end(&self) -> bool {
        self.on.iter().any(|on| *on != UndoOn::Asked)
    }

    /// The step that makes it, where it takes back what the step `undoes` did.
    pub(super) fn planned(&self, id: StepId, undoes: StepIndex) -> PlannedStep {
        let action = PlannedAction {
            // They are those of the record.
            arguments: Template::default(),
            secrets: self.secrets.clone(),
            version: self.version,
            effect: self.effect,
            missing: self.missing.clone(),
            cache: None,
            timeout: self.timeout,
            retry: self.retry,
            pauses: false,
            within: Some(self.within.0),
            at_most_once: false,
            record: Record::Arguments,
            takes_permit: self.takes_permit,
            fails_when_open: false,
            guarded_effect: self.guarded_effect,
            kinds: self.kinds,
            leads_on: self.leads_on,
            url: self.url,
            target: self.target,
            also_targets: self.also_targets,
            already: None,
            undo: None,
            containment: None,
            lock: None,
            undoes: Some(undoes),
        };
        PlannedStep {
            id,
            is_named: false,
            integration: self.integration.clone(),
            action: self.action.clone(),
            exits: Exits::default(),
            cleanup: None,
            lock: None,
            kind: PlannedKind::Action(action),
            reads: StepReads::default(),
        }
    }

    /// The record of a task that has ended, and what it cost. Arguments that cannot be rendered or kept are no failure of
    /// the task, which acted: the record says why it cannot be undone.
    pub(crate) fn record(
        &self,
        visible: &dyn Visible,
        (hold, was_so): (Option<Hold>, bool),
        number: u32,
    ) -> (UndoRecord, Spent) {
        let (rendered, spent) = self.arguments.render_metered(visible);
        let kept = match (&self.missing, rendered) {
            (Some(what), _) => Err(format!("its arguments are not known: missing here: {what}")),
            (None, Err(failure)) => Err(failure.message),
            (None, Ok(arguments)) => {
                let text = Json::from(&arguments);
                let fits = text.as_str().len() <= RECORDED_ARGUMENTS_BYTES;
                if fits { Ok(text) } else { Err("its arguments are larger than may be kept".to_owned()) }
            }
        };
        let status = if kept.is_ok() { UndoStatus::Registered } else { UndoStatus::Failed };
        let reason = kept.as_ref().err().map(|reason| reason.as_str().into());
        let call = UndoCall {
            integration: self.integration.clone(),
            action: self.action.clone(),
            arguments: kept.ok(),
            // Those of the tool itself are found again by what it declares then.
            secrets: self.secrets.iter().filter(|secret| !secret.is_of_tool()).cloned().collect(),
            within: self.within,
            timeout: self.written.0,
            retry: self.written.1.clone(),
        };
        let on = self.on.clone();
        (UndoRecord { status, number, of: None, on, was_so, call, reason, hold }, spent)
    }
}

impl PlannedContainment {
    /// Checks the fields; `None` in it if nothing expires, and none at all if they have a mistake.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, action: &Action) -> Option<Option<Self>> {
        let at = draft.at;
        let Some(expires) = &action.expires else {
            if action.target.is_some() {
                steps.mistakes.step(at, "target", "is needed only where something `expires`");
            }
            return Some(None);
        };
        if action.undo.is_none() {
            steps.mistakes.step(at, "expires", "needs `undo`, which ends what expires");
        }
        let Some(target) = &action.target else {
            steps.mistakes.step(at, "expires", "needs `target`: what is contained, such as a host");
            return None;
        };
        let of_expires = template(steps, draft, "expires", expires);
        let of_target = template(steps, draft, "target", target);
        let (expires, target) = (of_expires?, of_target?);
        for (field, text) in [("expires", &expires), ("target", &target)] {
            if let (true, Err(message)) = (text.is_literal(), read_as(field, &text.written_out())) {
                let place = format!("{}.{field}", draft.place);
                steps.mistakes.inside(at, field, Mistake::new(place, message));
                return None;
            }
        }
        Some(Some(Self { expires, target }))
    }

    /// What is contained, and for how long, and the cost. Decided before the action is called, so that nothing is contained
    /// of which nobody knows until when.
    pub(crate) fn decide(&self, visible: &dyn Visible) -> (Result<(Arc<str>, Duration), Failure>, u64) {
        let (expires, of_expires) = self.expires.render_metered(visible);
        let (target, of_target) = self.target.render_metered(visible);
        let refused =
            |field: &str, why: String| Failure::new(FailureKind::Template, format!("{field}: {why}"));
        let decided = expires.and_then(|expires| {
            let expires = duration(&expires).map_err(|why| refused("expires", why))?;
            Ok((name(&target?).map_err(|why| refused("target", why))?, expires))
        });
        (decided, of_expires.work + of_target.work)
    }

    /// The hold of a task that ended now.
    pub(crate) fn hold((target, expires): (Arc<str>, Duration), now: Timestamp) -> Hold {
        Hold { target, until: now.after(expires) }
    }

    pub(super) fn texts(&self) -> [&Template; 2] {
        [&self.expires, &self.target]
    }
}

fn read_as(field: &str, value: &Value) -> Result<(), String> {
    if field == "expires" { duration(value).map(drop) } else { name(value).map(drop) }
}

fn duration(value: &Value) -> Result<Duration, String> {
    let text = value.as_str().ok_or_else(|| "must be a duration, such as `4h`".to_owned())?;
    let read: Span = text.parse()?;
    span(read, false)?;
    Ok(read.0)
}

/// The name of a target.
pub(super) fn name(value: &Value) -> Result<Arc<str>, String> {
    let text: Arc<str> = match value {
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.to_string().into(),
        _ => return Err("must be a text or a number".to_owned()),
    };
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > RECORDED_TARGET_BYTES {
        return Err(format!("must have at most {RECORDED_TARGET_BYTES} bytes"));
    }
    Ok(text)
}
