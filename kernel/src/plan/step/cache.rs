//! `cache` of an action: its planned form, and its checks. Keeps no answer.

use std::time::Duration;

use updraft_protocol::limits::CACHED_ANSWER_KEY_BYTES;
use updraft_protocol::playbook::{Action, CachePolicy, CacheReach, StepCache};
use updraft_protocol::{ActionSpec, Argument, Effect, Failure, FailureKind, Json, Value};

use super::end::template;
use super::{Draft, Steps};
use crate::plan::Standing;
use crate::template::Template;
use crate::visible::Visible;

/// How the answers of an action are kept.
#[derive(Debug)]
pub struct PlannedCache {
    /// How old an answer may be.
    pub ttl: Duration,
    /// How long after that an answer is still given while it is asked for anew.
    pub stale: Duration,
    /// How long it stays known that there is nothing.
    pub negative_ttl: Option<Duration>,
    /// Who may be given them.
    pub reach: CacheReach,
    key: PlannedKey,
}

/// What answers depend on.
#[derive(Debug)]
enum PlannedKey {
    /// On all arguments.
    Arguments,
    /// On what the step says.
    Written(Box<Template>),
    /// On what the tool makes of the arguments.
    Tool,
}

/// What an answer depends on, of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum CachedKey {
    /// All arguments.
    Arguments,
    /// This.
    Written(Json),
    /// What the tool makes of the arguments.
    Tool,
}

/// An action, as far as it is known whether its answers may be kept.
pub(super) struct Cacheable<'a> {
    pub(super) effect: Effect,
    pub(super) spec: &'a ActionSpec,
    /// The author's arguments, with `null` in place of each template and secret.
    pub(super) written_out: &'a Value,
    pub(super) is_missing: bool,
}

impl PlannedCache {
    /// Checks the field; `None` in it if no answers are kept, and none at all if it has a mistake.
    pub(super) fn check(
        steps: &mut Steps<'_>,
        draft: &mut Draft,
        action: &Action,
        of: &Cacheable<'_>,
    ) -> Option<Option<Self>> {
        let why_not = why_not(steps, draft.at, action, of);
        let policy = match &action.cache {
            Some(StepCache::Off) => return Some(None),
            None => {
                // What the tool declares holds where it can: nobody has asked for it here.
                let own = of.spec.cache.as_ref().filter(|_| !of.is_missing && why_not.is_none());
                return Some(own.map(|policy| Self::of(policy, PlannedKey::Tool)));
            }
            Some(StepCache::Kept(policy)) => policy,
        };
        for (field, message) in policy.wrong_spans() {
            steps.mistakes.step(draft.at, &format!("cache.{field}"), message);
        }
        let key = match &policy.key {
            None => PlannedKey::Arguments,
            Some(key) => PlannedKey::Written(Box::new(template(steps, draft, "cache.key", key)?)),
        };
        let why_not = why_not.or_else(|| why_no_key(action, policy, of.spec));
        if let Some((field, message)) = why_not.filter(|_| !of.is_missing) {
            if steps.standing == Standing::New {
                steps.mistakes.step(draft.at, field, message);
            }
            return Some(None);
        }
        Some((!of.is_missing).then(|| Self::of(policy, key)))
    }

    fn of(policy: &CachePolicy, key: PlannedKey) -> Self {
        Self {
            ttl: policy.ttl.0,
            stale: policy.stale.map_or(Duration::ZERO, |span| span.0),
            negative_ttl: policy.negative_ttl.map(|span| span.0),
            reach: policy.scope,
            key,
        }
    }

    /// What the answer of one call depends on.
    ///
    /// # Errors
    /// The key of the step cannot be rendered, or is too long.
    pub(crate) fn key(&self, visible: &dyn Visible) -> Result<CachedKey, Failure> {
        let PlannedKey::Written(template) = &self.key else {
            let is_of_tool = matches!(self.key, PlannedKey::Tool);
            return Ok(if is_of_tool { CachedKey::Tool } else { CachedKey::Arguments });
        };
        let refused = |why: String| Failure::new(FailureKind::Template, format!("cache.key: {why}"));
        let key = template.render(visible).map_err(|failure| refused(failure.message))?;
        let text = Json::from(&key);
        if text.as_str().len() > CACHED_ANSWER_KEY_BYTES {
            return Err(refused(format!("has more than {CACHED_ANSWER_KEY_BYTES} bytes")));
        }
        Ok(CachedKey::Written(text))
    }

    /// Its text, if it has one.
    pub(super) fn text(&self) -> Option<&Template> {
        match &self.key {
            PlannedKey::Written(template) => Some(template),
            PlannedKey::Arguments | PlannedKey::Tool => None,
        }
    }
}

/// Why a step cannot say what its answers depend on: where an argument says what is asked, another step with the same key would be
/// given the answer of another place; and where answers are shared, since tenants do not trust each other's keys.
fn why_no_key(action: &Action, policy: &CachePolicy, spec: &ActionSpec) -> Option<(&'static str, String)> {
    policy.key.as_ref()?;
    if policy.scope == CacheReach::Shared {
        let message = "what a shared answer depends on only its connector says: by a key of its own, a step could give other tenants \
                       the answer to another question";
        return Some(("cache.key", message.to_owned()));
    }
    let says = |(_, argument): &&(&str, Argument)| matches!(argument, Argument::Url | Argument::Command);
    let (name, _) = spec.arguments.iter().find(says)?;
    let message = format!(
        "`{name}` says what `{}.{}` asks: its answers depend on all arguments",
        action.integration, action.action
    );
    Some(("cache.key", message))
}

/// Why answers of a step cannot be kept, with the field that says that they are.
fn why_not(
    steps: &Steps<'_>,
    at: usize,
    action: &Action,
    of: &Cacheable<'_>,
) -> Option<(&'static str, String)> {
    let (integration, name) = (&action.integration, action.action.as_str());
    let named = format!("`{integration}.{name}`");
    let shared = match &action.cache {
        Some(StepCache::Kept(policy)) => policy.scope == CacheReach::Shared,
        _ => of.spec.cache.as_ref().is_some_and(|policy| policy.scope == CacheReach::Shared),
    };
    let whole = |message: String| Some(("cache", message));
    if of.effect != Effect::Read {
        return whole(format!("{named} changes something: only answers of actions that read are kept"));
    }
    if of.spec.polls {
        return whole(format!("{named} asks until something has come about: its answers are not kept"));
    }
    if steps.flat.is_asked_until(at) {
        let message =
            "an `until` around this step waits for another answer: it would get the kept one each time";
        return whole(message.to_owned());
    }
    if steps.catalogue.uses_files(integration, name, of.written_out) {
        return whole(format!("{named} uses files of its execution, which no other one has"));
    }
    if shared && !steps.catalogue.is_shared(integration) {
        let message = format!(
            "`shared` needs a connector, whose address and secrets are known apart from the arguments: \
             `{integration}` is none"
        );
        return Some(("cache.scope", message));
    }
    None
}
