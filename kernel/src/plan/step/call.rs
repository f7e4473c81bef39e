//! Calls of tools as authors write them: that of an action, and those beside it. Owns the checks of their fields against the
//! registered tools; calls nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::limits::{ATTEMPT_TIMEOUT, RETRY_ATTEMPTS};
use updraft_protocol::playbook::Retry;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, Name, SecretReference, Span, Value};

use super::{Draft, RetryPolicy, Steps};
use crate::mistake::Mistake;
use crate::plan::{Standing, arguments::with_defaults};
use crate::template::Template;

/// The secrets of a call: those that its arguments name, and those that its tool needs itself.
pub(super) fn secrets_of(arguments: &Template, spec: &ActionSpec) -> Arc<[SecretReference]> {
    let of_tool = spec.secrets.iter().cloned().map(SecretReference::of_tool);
    arguments.secrets().iter().cloned().chain(of_tool).collect()
}

/// How long an attempt may take: as its step says, or its tool, or as any.
pub(super) fn timeout_of(written: Option<Span>, spec: &ActionSpec) -> Duration {
    written.map(|span| span.0).or(spec.timeout).unwrap_or(ATTEMPT_TIMEOUT)
}

/// A call as its author wrote it.
pub(super) struct WrittenCall<'a> {
    /// The field that has it: none for the call of the action itself.
    pub(super) within: Option<&'static str>,
    pub(super) integration: &'a Name,
    pub(super) action: &'a Name,
    pub(super) arguments: &'a BTreeMap<String, Value>,
    pub(super) timeout: Option<Span>,
    pub(super) retry: Option<&'a Retry>,
}

impl WrittenCall<'_> {
    /// A field of the call, in the notation of mistakes.
    fn field(&self, name: &str) -> String {
        self.within.map_or_else(|| name.to_owned(), |within| format!("{within}.{name}"))
    }

    /// The field under which mistakes in the arguments are ordered.
    fn rank(&self) -> &'static str {
        self.within.unwrap_or("arguments")
    }

    /// The arguments, compiled and checked against the tool's declaration. A missing tool has no declaration.
    pub(super) fn arguments(
        &self,
        steps: &mut Steps<'_>,
        draft: &mut Draft,
        is_missing: bool,
    ) -> Option<Template> {
        if is_missing && steps.standing == Standing::Accepted {
            return Some(Template::default());
        }
        let spec = match is_missing {
            false => steps.catalogue.spec(self.integration, self.action.as_str()),
            // The missing tool is already a mistake.
            true => ActionSpec { takes_secrets: true, ..ActionSpec::default() },
        };
        let place = format!("{}.{}", draft.place, self.field("arguments"));
        let filled = with_defaults(self.arguments, &spec);
        let given = filled.as_ref().unwrap_or(self.arguments);
        let (compiled, wrong) = Template::arguments_within(&place, given, &spec, &mut steps.budget);
        draft.read(self.rank(), compiled.references());
        let is_whole = wrong.is_empty();
        let mut found = Vec::new();
        if steps.standing == Standing::New && !is_missing && !steps.mistakes.full() {
            let tool = (self.integration, self.action);
            let held = steps.schemas.mistakes(tool, &place, &compiled, steps.catalogue);
            // A place that has a mistake already gets no second one.
            found.extend(
                held.into_iter().filter(|mistake| wrong.iter().all(|told| told.path != mistake.path)),
            );
            for written in compiled.written_places() {
                if let Some(what) = steps.catalogue.missing_for(self.integration, &written.base) {
                    found.push(Mistake::new(&written.place, format!("missing here: {what}")));
                }
            }
        }
        let all = wrong.into_iter().chain(found);
        all.for_each(|mistake| steps.mistakes.inside(draft.at, self.rank(), mistake));
        is_whole.then_some(compiled)
    }

    /// The missing tool: a mistake in a new playbook.
    pub(super) fn missing(&self, steps: &mut Steps<'_>, at: usize) -> Option<String> {
        let (integration, action) = (self.integration, self.action);
        let (message, missing) = match steps.catalogue.actions(integration) {
            None => {
                let known = steps.catalogue.integrations().map(Name::as_str);
                let near = suggestion(integration.as_str(), known);
                let missing = match steps.catalogue.lacking(integration) {
                    Some(version) => format!("version {version} of integration \"{integration}\""),
                    None => format!("integration \"{integration}\""),
                };
                (format!("no integration \"{integration}\"{near}"), missing)
            }
            Some(actions) if !actions.contains(action.as_str()) => {
                let known = actions.iter().map(String::as_str);
                let near = suggestion(action.as_str(), known);
                let missing = format!("action \"{action}\" of integration \"{integration}\"");
                (format!("\"{integration}\" has no action \"{action}\"{near}"), missing)
            }
            Some(_) => return None,
        };
        if steps.standing == Standing::New {
            steps.mistakes.step(at, &self.field("action"), message);
        }
        Some(missing)
    }

    /// The time of an attempt has to be one.
    pub(super) fn timeout(&self, steps: &mut Steps<'_>, at: usize) {
        if let Some(timeout) = self.timeout {
            steps.span(at, &self.field("timeout"), timeout, false);
        }
    }

    /// When it is retried.
    pub(super) fn retry(&self, steps: &mut Steps<'_>, at: usize) -> RetryPolicy {
        let Some(retry) = self.retry else {
            return RetryPolicy::of(&Retry::default());
        };
        let field = |name: &str| self.field(&format!("retry.{name}"));
        if !(1..=RETRY_ATTEMPTS).contains(&retry.attempts) {
            steps.mistakes.step(at, &field("attempts"), format!("must be from 1 to {RETRY_ATTEMPTS}"));
        }
        steps.span(at, &field("initial"), retry.initial, true);
        steps.span(at, &field("max"), retry.max, true);
        steps.span(at, &field("give_up_after"), retry.give_up_after, true);
        if retry.max < retry.initial {
            steps.mistakes.step(at, &field("max"), "must not be shorter than `initial`");
        }
        if !(1.0..=10.0).contains(&retry.multiplier) {
            steps.mistakes.step(at, &field("multiplier"), "must be from 1 to 10");
        }
        RetryPolicy::of(retry)
    }
}
