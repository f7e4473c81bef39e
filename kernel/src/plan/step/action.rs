//! The step `action`: its planned form, and the checks of its fields against the registered tools. Calls nothing.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{ATTEMPT_TIMEOUT, RETRY_ATTEMPTS};
use updraft_protocol::playbook::{Action, Record, Retry};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, Effect, Name, SecretReference};

use super::{Draft, PlannedKind, PlannedStep, Steps};
use crate::mistake::Mistake;
use crate::plan::{Standing, arguments::with_defaults};
use crate::template::Template;

/// A call of a security tool.
#[derive(Debug)]
pub struct PlannedAction {
    /// The arguments of the call.
    pub arguments: Template,
    /// The secrets that the arguments refer to, by their places.
    pub secrets: Arc<[SecretReference]>,
    /// The effect that the action declares.
    pub effect: Effect,
    /// The integration or action that this engine lacks: attempts wait for it. `None` if nothing is missing.
    pub missing: Option<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often and when it is retried.
    pub retry: RetryPolicy,
    /// Whether the tool must not act twice.
    pub at_most_once: bool,
    /// What the stored task keeps of the arguments.
    pub record: Record,
    /// Whether its calls may have to wait for a permit.
    pub takes_permit: bool,
    /// The argument that names the target of the tool.
    pub target: Option<&'static str>,
}

/// When a failed attempt is retried: exponential back-off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub initial: Duration,
    /// The longest random wait before any attempt.
    pub max: Duration,
    /// The factor by which the longest wait grows with each attempt.
    pub multiplier: f64,
    /// The longest retry delay that a tool may ask for.
    pub give_up_after: Duration,
}

impl PlannedAction {
    /// The action of a step, if it is one.
    pub fn of(step: &PlannedStep) -> Option<&Self> {
        match &step.kind {
            PlannedKind::Action(action) => Some(action),
            _ => None,
        }
    }

    /// Checks the fields of the step.
    pub(super) fn check(
        steps: &mut Steps<'_>,
        draft: &mut Draft,
        action: &Action,
        handles_unknown: bool,
    ) -> Option<Self> {
        let missing = missing(steps, draft.at, action);
        let arguments = arguments(steps, draft, action, missing.is_some());
        if let Some(timeout) = action.timeout {
            steps.span(draft.at, "timeout", timeout, false);
        }
        let retry = retry(steps, draft.at, action);
        if handles_unknown && !action.at_most_once {
            let message = "only a step with `at_most_once` can be of unknown outcome";
            steps.mistakes.step(draft.at, "on_unknown", message);
        }
        let arguments = arguments?;
        let written_out = arguments.written_out();
        let spec = steps.catalogue.spec(&action.integration, action.action.as_str());
        Some(Self {
            secrets: arguments.secrets().into(),
            effect: steps.catalogue.effect(&action.integration, action.action.as_str(), &written_out),
            missing,
            arguments,
            timeout: action.timeout.map_or(ATTEMPT_TIMEOUT, |span| span.0),
            retry,
            at_most_once: action.at_most_once,
            record: action.record,
            takes_permit: spec.takes_permit,
            target: spec.target,
        })
    }
}

/// The arguments, compiled and checked against the tool's declaration. A missing tool has no declaration.
fn arguments(
    steps: &mut Steps<'_>,
    draft: &mut Draft,
    action: &Action,
    is_missing: bool,
) -> Option<Template> {
    if is_missing && steps.standing == Standing::Accepted {
        return Some(Template::default());
    }
    let spec = match is_missing {
        false => steps.catalogue.spec(&action.integration, action.action.as_str()),
        // The missing tool is already a mistake.
        true => ActionSpec { takes_secrets: true, ..ActionSpec::default() },
    };
    let place = format!("{}.arguments", draft.place);
    let filled = with_defaults(&action.arguments, &spec);
    let given = filled.as_ref().unwrap_or(&action.arguments);
    let (compiled, wrong) = Template::arguments_within(&place, given, &spec, &mut steps.budget);
    draft.reading = "arguments";
    draft.references = compiled.references().clone();
    let is_whole = wrong.is_empty();
    if steps.standing == Standing::New && !is_missing && !steps.mistakes.full() {
        let tool = (&action.integration, &action.action);
        let held = steps.schemas.mistakes(tool, &place, &compiled, steps.catalogue);
        // A place that has a mistake already gets no second one.
        let held = held.into_iter().filter(|mistake| wrong.iter().all(|told| told.path != mistake.path));
        let held: Vec<Mistake> = held.collect();
        wrong
            .into_iter()
            .chain(held)
            .for_each(|mistake| steps.mistakes.inside(draft.at, "arguments", mistake));
        for written in compiled.written_places() {
            if let Some(what) = steps.catalogue.missing_for(&action.integration, &written.base) {
                let mistake = Mistake::new(&written.place, format!("missing here: {what}"));
                steps.mistakes.inside(draft.at, "arguments", mistake);
            }
        }
    } else {
        wrong.into_iter().for_each(|mistake| steps.mistakes.inside(draft.at, "arguments", mistake));
    }
    is_whole.then_some(compiled)
}

/// The missing tool of a step: a mistake in a new playbook.
fn missing(steps: &mut Steps<'_>, at: usize, action: &Action) -> Option<String> {
    let (field, message, missing) = match steps.catalogue.actions(&action.integration) {
        None => {
            let known = steps.catalogue.integrations().map(Name::as_str);
            let near = suggestion(action.integration.as_str(), known);
            let message = format!("no integration \"{}\"{near}", action.integration);
            ("action", message, format!("integration \"{}\"", action.integration))
        }
        Some(actions) if !actions.contains(action.action.as_str()) => {
            let known = actions.iter().map(String::as_str);
            let near = suggestion(action.action.as_str(), known);
            let message = format!("\"{}\" has no action \"{}\"{near}", action.integration, action.action);
            let missing = format!("action \"{}\" of integration \"{}\"", action.action, action.integration);
            ("action", message, missing)
        }
        Some(_) => return None,
    };
    if steps.standing == Standing::New {
        steps.mistakes.step(at, field, message);
    }
    Some(missing)
}

fn retry(steps: &mut Steps<'_>, at: usize, action: &Action) -> RetryPolicy {
    let Some(retry) = &action.retry else {
        return policy(&Retry::default());
    };
    if !(1..=RETRY_ATTEMPTS).contains(&retry.attempts) {
        steps.mistakes.step(at, "retry.attempts", format!("must be from 1 to {RETRY_ATTEMPTS}"));
    }
    steps.span(at, "retry.initial", retry.initial, true);
    steps.span(at, "retry.max", retry.max, true);
    steps.span(at, "retry.give_up_after", retry.give_up_after, true);
    if retry.max < retry.initial {
        steps.mistakes.step(at, "retry.max", "must not be shorter than `initial`");
    }
    if !(1.0..=10.0).contains(&retry.multiplier) {
        steps.mistakes.step(at, "retry.multiplier", "must be from 1 to 10");
    }
    policy(retry)
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
