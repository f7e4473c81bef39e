//! The step `action`: a call of a security tool. Owns its fields; knows no tool.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use super::{Already, Lock, Step, StepCache, Undo, VERIFY, Verify};
use crate::ids::Name;
use crate::limits::RETRY_GIVE_UP_AFTER;
use crate::time::Span;
use crate::value::Value;

/// A call of a security tool.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Action {
    /// What the tool shall do: `INTEGRATION.ACTION`, or the action alone where `integration` is written.
    pub action: Name,
    /// The tool.
    #[schemars(with = "Option<Name>")]
    pub integration: Name,
    /// What it is told. Texts are templates: `{{ input.sender }}`, `{{ steps.lookup.output.score }}`,
    /// `{{ variables.tools }}`. A text that is one whole `{{ … }}` keeps the type of its value. What a template gives stays
    /// in its place: in a URL one segment or one value, in a header one line. `{$secret: NAME, prefix: "Bearer "}` as the
    /// value of a header stands for a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// How its answers are kept, for others who ask the same; `none` where its connector keeps them, and this step asks the
    /// tool nevertheless. Only of an action that looks something up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<StepCache>,
    /// How long one attempt may take after its request is sent; by default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when it is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What follows when its last attempt has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_last_failure: Option<OnLastFailure>,
    /// What it does while its tool does not work, which its circuit breaker finds out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_open: Option<WhenOpen>,
    /// The tool must not act twice: another attempt follows only if the tool certainly did not act, and none after a
    /// crash during a call. If it is unknown whether it acted, `on_unknown` is next.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most_once: bool,
    /// The arguments that its stored task keeps, if it changes something.
    #[serde(default, skip_serializing_if = "Record::is_arguments")]
    pub record: Record,
    /// A call before it that asks whether what it does was so before; then it is not undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<Box<Already>>,
    /// The step that `already` is read as.
    #[serde(skip)]
    pub(super) asking: Option<Box<Step>>,
    /// The call that takes back what it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Undo>>,
    /// How long what it did lasts, as a duration or a template of one: then it is undone, also after the end of the
    /// execution. Makes it a containment, which needs `undo` and `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Value>,
    /// What is contained: a host, an account. Executions that contain the same target share the containment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Value>,
    /// The lock of a target: no other step of the tenant that asks for it acts on the target at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
    /// A second call that has to show what the action did, before the step counts as completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Box<Verify>>,
    /// The steps that `verify` is read as.
    #[serde(skip)]
    pub(super) verification: Body,
}

/// What follows when the last attempt of an action has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLastFailure {
    /// The step fails.
    #[default]
    Fail,
    /// The execution is paused. When a person resumes it, the step begins again with all of its attempts; if nobody does within
    /// a week, the step fails. A step of unknown outcome is not repeated, and nothing is held that cleans up.
    Pause,
}

/// What an action does while the circuit of its tool is open: too many of its calls have failed, and it is left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenOpen {
    /// It waits until the tool works again.
    #[default]
    Wait,
    /// It fails at once, without a call, and `on_failure` is next.
    Fail,
}

/// The arguments that a stored task keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The arguments of an action that changes something, up to 4 KiB, secrets by name.
    #[default]
    Arguments,
    /// No arguments.
    None,
}

impl Record {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_arguments(&self) -> bool {
        *self == Self::Arguments
    }
}

/// When a failed attempt is retried: after a random time between zero and `initial` × `multiplier`ⁿ, at most `max`
/// (exponential back-off with full jitter). If the tool asks for a delay (`Retry-After`), that time begins only after
/// the delay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub initial: Span,
    /// The longest random wait before any attempt. It does not shorten a delay that a tool asks for.
    pub max: Span,
    /// The factor by which the longest wait grows with each attempt.
    #[schemars(range(min = 1, max = 10))]
    pub multiplier: f64,
    /// The longest delay that a tool may ask for. If it asks for more, or for more than the rest of the execution's
    /// `timeout`, the step fails at once.
    pub give_up_after: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            initial: Span::millis(500),
            max: Span::secs(60),
            multiplier: 2.0,
            give_up_after: Span(RETRY_GIVE_UP_AFTER),
        }
    }
}

impl FieldsOfKind for Action {
    const FIELDS: &'static [&'static str] = &[
        "action",
        "integration",
        "arguments",
        "cache",
        "timeout",
        "retry",
        "on_last_failure",
        "when_open",
        "at_most_once",
        "record",
        "already",
        "undo",
        "expires",
        "target",
        "lock",
        "verify",
        "next",
        "on_failure",
        "on_timeout",
        "on_unknown",
        "on_cancel",
    ];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        let written = fields.action.take().ok_or("needs `action`")?;
        let (integration, action) = match fields.integration.take() {
            Some(integration) => (integration, written),
            None => tool(&written)
                .ok_or_else(|| format!("needs the integration too: `action: INTEGRATION.{written}`"))?,
        };
        let already = fields.already.take();
        let on_last_failure = fields.on_last_failure.take();
        let asking = already
            .as_ref()
            .map(|already| Box::new(already.step(fields.id.as_ref(), &integration, on_last_failure)));
        let verify = fields.verify.take().map(Box::new);
        let verification = verify.as_ref().map(|verify| verify.steps(fields.id.as_ref(), &integration));
        Ok(Self {
            verification: verification.unwrap_or_default(),
            verify,
            already,
            asking,
            integration,
            action,
            arguments: fields.arguments.take().unwrap_or_default(),
            cache: fields.cache.take(),
            timeout: fields.timeout.take(),
            retry: fields.retry.take().map(|retry| *retry),
            on_last_failure,
            when_open: fields.when_open.take(),
            at_most_once: fields.at_most_once.take().unwrap_or_default(),
            record: fields.record.take().unwrap_or_default(),
            undo: fields.undo.take(),
            expires: fields.expires.take(),
            target: fields.target.take(),
            lock: fields.lock.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        let verify = self.verify.iter().map(|_| NestedBody::on_path(VERIFY, &self.verification));
        verify.collect()
    }
}

impl Action {
    /// A call that another step makes, with nothing that follows from it.
    pub(super) fn call(
        (integration, action): (Name, Name),
        arguments: &BTreeMap<String, Value>,
        timeout: Option<Span>,
        retry: Option<&Retry>,
    ) -> Self {
        Self {
            action,
            integration,
            arguments: arguments.clone(),
            // What it asks is whether something has changed.
            cache: Some(StepCache::Off),
            timeout,
            retry: retry.cloned(),
            on_last_failure: Some(OnLastFailure::Fail),
            when_open: None,
            at_most_once: false,
            record: Record::Arguments,
            already: None,
            asking: None,
            undo: None,
            expires: None,
            target: None,
            lock: None,
            verify: None,
            verification: Body::default(),
        }
    }
}

/// The integration and its action in `http.request`.
pub(super) fn tool(written: &Name) -> Option<(Name, Name)> {
    let (integration, action) = written.as_str().split_once('.')?;
    Name::new(integration).ok().zip(Name::new(action).ok())
}
