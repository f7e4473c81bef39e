//! The step `action`: its planned form, and the checks of its fields against the registered tools. Calls nothing.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::playbook::{Action, OnLastFailure, Record, Retry, WhenOpen};
use updraft_protocol::{ActionSpec, Argument, Effect, Name, SecretReference, Value};
use url::Url;

use super::cache::Cacheable;
use super::call::{WrittenCall, secrets_of, timeout_of};
use super::{
    Draft, PlannedAlready, PlannedCache, PlannedContainment, PlannedKind, PlannedLock, PlannedStep,
    PlannedUndo, Steps,
};
use crate::plan::StepIndex;
use crate::template::Template;

/// A call of a security tool.
#[derive(Debug)]
pub struct PlannedAction {
    /// The arguments of the call.
    pub arguments: Template,
    /// The secrets that the arguments refer to, by their places.
    pub secrets: Arc<[SecretReference]>,
    /// The version of the integration by which it was checked, if that has versions.
    pub version: Option<u32>,
    /// The effect that the action declares.
    pub effect: Effect,
    /// The integration or action that this engine lacks: attempts wait for it. `None` if nothing is missing.
    pub missing: Option<String>,
    /// How its answers are kept, if they are.
    pub cache: Option<Box<PlannedCache>>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often and when it is retried.
    pub retry: RetryPolicy,
    /// Whether the execution is paused when its last attempt has failed.
    pub pauses: bool,
    /// How long after its beginning an undo may be tried again. An action of a playbook has the time of its bodies.
    pub within: Option<Duration>,
    /// Whether the tool must not act twice.
    pub at_most_once: bool,
    /// What the stored task keeps of the arguments.
    pub record: Record,
    /// Whether its calls may have to wait for a permit.
    pub takes_permit: bool,
    /// Whether it fails, and does not wait, while the circuit of its tool is open.
    pub fails_when_open: bool,
    /// The effect that guardrails take it to have, whatever its author says.
    pub guarded_effect: Effect,
    /// How its arguments are read.
    pub kinds: &'static [(&'static str, Argument)],
    /// The argument by which its calls may be led on to hosts that no URL of theirs names.
    pub leads_on: Option<&'static str>,
    /// The argument that is the URL to which its calls lead, if it has one.
    pub url: Option<&'static str>,
    /// The argument that names the target of the tool.
    pub target: Option<&'static str>,
    /// Further arguments that do.
    pub also_targets: &'static [&'static str],
    /// How it knows whether what it does was so before.
    pub already: Option<Box<PlannedAlready>>,
    /// The call that takes back what it did.
    pub undo: Option<Box<PlannedUndo>>,
    /// What it contains, and for how long; always together with `undo`.
    pub containment: Option<Box<PlannedContainment>>,
    /// The lock of its target that it has while it acts.
    pub lock: Option<Box<PlannedLock>>,
    /// The step that it takes back, if it is an undo: its arguments are in the record of that step's task.
    pub undoes: Option<StepIndex>,
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
        let call = WrittenCall {
            within: None,
            integration: &action.integration,
            action: &action.action,
            arguments: &action.arguments,
            timeout: action.timeout,
            retry: action.retry.as_ref(),
        };
        let missing = call.missing(steps, draft.at);
        let arguments = call.arguments(steps, draft, missing.is_some());
        call.timeout(steps, draft.at);
        let retry = call.retry(steps, draft.at);
        if handles_unknown && !action.at_most_once {
            let message = "only a step with `at_most_once` can be of unknown outcome";
            steps.mistakes.step(draft.at, "on_unknown", message);
        }
        let already = PlannedAlready::check(steps, draft, action);
        let containment = PlannedContainment::check(steps, draft, action);
        let undo = PlannedUndo::check(steps, draft, action);
        let lock = PlannedLock::check(steps, draft, action.lock.as_deref());
        let (already, undo, containment) =
            (already?.map(Box::new), undo?.map(Box::new), containment?.map(Box::new));
        let (arguments, lock) = (arguments?, lock?.map(Box::new));
        let written_out = arguments.written_out();
        let spec = steps.catalogue.spec(&action.integration, action.action.as_str());
        let effect = steps.catalogue.effect(&action.integration, action.action.as_str(), &written_out);
        let is_missing = missing.is_some();
        let of = Cacheable { effect, spec: &spec, written_out: &written_out, is_missing };
        let cache = PlannedCache::check(steps, draft, action, &of)?.map(Box::new);
        Some(Self {
            secrets: secrets_of(&arguments, &spec),
            version: steps.catalogue.version(&action.integration),
            effect,
            cache,
            missing,
            arguments,
            timeout: timeout_of(action.timeout, &spec),
            retry,
            pauses: action.on_last_failure.unwrap_or(steps.on_last_failure) == OnLastFailure::Pause,
            within: None,
            at_most_once: action.at_most_once,
            record: action.record,
            takes_permit: spec.takes_permit,
            fails_when_open: action.when_open == Some(WhenOpen::Fail),
            guarded_effect: steps.catalogue.guarded_effect(
                &action.integration,
                action.action.as_str(),
                &written_out,
            ),
            kinds: spec.arguments,
            leads_on: spec.leads_on,
            url: url_of(&spec),
            target: spec.target,
            also_targets: spec.also_targets,
            already,
            undo,
            containment,
            lock,
            undoes: None,
        })
    }

    /// The host and port to which a call with these rendered arguments leads, where its tool is named by a URL.
    pub fn host(&self, arguments: &Value) -> Option<String> {
        place_of(arguments.get(self.url?)?)
    }

    /// All hosts to which a call with these rendered arguments may lead, each with its port: those of its URLs, such as that of a
    /// token. `None` where that is not known: it has no URL, one that is none, or may be led on by those that it calls.
    pub fn hosts(&self, arguments: &Value) -> Option<Vec<String>> {
        let leads_on = self.leads_on.and_then(|name| arguments.get(name));
        if leads_on.is_some_and(|most| !most.is_null() && most.as_u64() != Some(0)) {
            return None;
        }
        let mut hosts = Vec::new();
        add_hosts(self.kinds, arguments, &mut hosts)?;
        Some(hosts).filter(|hosts| !hosts.is_empty())
    }

    /// The arguments of all calls that it may lead to, each with its tool; `own` is that of the action itself.
    pub(crate) fn calls<'a>(&'a self, own: &'a Name) -> impl Iterator<Item = (&'a Name, &'a Template)> {
        let undo = self.undo.as_deref().map(|undo| (&undo.integration, &undo.arguments));
        [(own, &self.arguments)].into_iter().chain(undo)
    }

    /// All of its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Template> {
        let undo = self.undo.as_deref().map(|undo| &undo.arguments);
        let contained = self.containment.as_deref().into_iter().flat_map(PlannedContainment::texts);
        let locked = self.lock.as_deref().map(PlannedLock::text);
        let key = self.cache.as_deref().and_then(PlannedCache::text);
        [&self.arguments].into_iter().chain(undo).chain(contained).chain(locked).chain(key)
    }
}

/// Adds the hosts of all URLs among arguments of these kinds; `None` if one is no URL.
fn add_hosts(kinds: &[(&str, Argument)], arguments: &Value, hosts: &mut Vec<String>) -> Option<()> {
    for (name, kind) in kinds {
        match (kind, arguments.get(name)) {
            (_, None | Some(Value::Null)) => {}
            (Argument::Url, Some(url)) => hosts.push(place_of(url)?),
            (Argument::Map(inner), Some(map)) => add_hosts(inner, map, hosts)?,
            _ => {}
        }
    }
    Some(())
}

/// The host and port of a URL.
fn place_of(url: &Value) -> Option<String> {
    let url = Url::parse(url.as_str()?).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// The argument of an action that is a URL.
pub(super) fn url_of(spec: &ActionSpec) -> Option<&'static str> {
    spec.arguments.iter().find(|(_, argument)| *argument == Argument::Url).map(|(name, _)| *name)
}

impl RetryPolicy {
    /// What an author wrote, or the default.
    pub(super) fn of(retry: &Retry) -> Self {
        Self {
            attempts: retry.attempts,
            initial: retry.initial.0,
            max: retry.max.0,
            multiplier: retry.multiplier,
            give_up_after: retry.give_up_after.0,
        }
    }
}
