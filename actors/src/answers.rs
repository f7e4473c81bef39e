//! Answers of tools that are kept, for those who ask the same: their keys, what is kept, and for how long. Owns no decision on
//! who may ask, which the plan has taken, and makes no call: who finds nothing makes it, and everyone else who asks meanwhile
//! waits for that. A value of an alert never stands in a key, and no secret does: both by a hash alone. Answers of one tenant lie in
//! Redis too, where there is one; those that tenants share, whose keys depend on secrets, in memory alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use updraft_cache::{
    Cache, CacheAnswer, CacheKey, CacheKind, CacheOwner, CacheScope, CacheSource, Caches, Keep,
};
use updraft_kernel::plan::PlannedCache;
use updraft_masking::Masker;
use updraft_protocol::limits::{
    CACHE_KEY_TAGS, CACHED_ANSWER_BYTES, CACHED_ANSWER_FAILURES, CACHED_ANSWER_TTL, CACHED_ANSWERS,
    CACHED_ANSWERS_BYTES,
};
use updraft_protocol::{
    CallRecord, Failure, FailureKind, GivenSecret, InputHash, Json, Name, SecretReference, TenantCode, Value,
};

/// Who asks says how old an answer may be; here they stay as long as anybody may say.
const ANSWERS: CacheKind = kept("answer");
const SHARED_ANSWERS: CacheKind = kept("shared_answer");

const fn kept(name: &'static str) -> CacheKind {
    let of_tools = CacheKind::new(name, 1).life(CACHED_ANSWER_TTL);
    of_tools.bound(CACHED_ANSWERS, CACHED_ANSWERS_BYTES, Keep::LastUsed)
}

type Answers = Arc<Cache<Arc<KeptAnswer>, NotAnswered>>;

/// The kept answers of one engine.
pub struct AnswerCache {
    own: Answers,
    shared: Answers,
    caches: Arc<Caches>,
}

/// How a call ended, without the secrets of its tenant.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptAnswer {
    outcome: Result<Json, Failure>,
    /// How long it is of use to who has called: so long it is in Redis.
    #[serde(skip)]
    of_use: Duration,
    /// One of those who found it over its time asks anew.
    #[serde(skip)]
    is_renewed: AtomicBool,
}

/// The right to ask anew for an answer that others are given meanwhile; dropped, another one may.
struct Renewal(Arc<KeptAnswer>);

/// Whoever made the call has nothing to give: the call failed, or was not made after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnswered;

/// What is found for one who asks.
pub(crate) enum FoundAnswer {
    /// Nothing: its own call was made, and has been kept.
    Called,
    /// A kept answer.
    Kept {
        /// How the call ended.
        kept: Arc<KeptAnswer>,
        /// How long ago.
        age: Duration,
        /// Whether it is over its time.
        is_stale: bool,
    },
}

/// The key of an answer.
pub(crate) enum AnswerKey {
    /// Of one tenant's own.
    Own(CacheKey),
    /// Of one that tenants share.
    Shared(CacheKey),
}

/// How old an answer may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    ttl: Duration,
    stale: Duration,
    negative_ttl: Option<Duration>,
}

/// What is asked.
pub(crate) struct Question {
    pub(crate) tenant: TenantCode,
    integration: Name,
    action: Name,
    version: Option<u32>,
    /// What the answer depends on.
    on: Value,
    /// How the tool is reached for this tenant, where that is known apart from the arguments.
    by: Option<Value>,
    /// By what it can be forgotten.
    tags: Vec<String>,
}

impl AnswerCache {
    /// None yet; kept among these caches.
    pub fn new(caches: Arc<Caches>) -> Self {
        let of_use = |kept: &Arc<KeptAnswer>| Some(kept.of_use);
        let own = caches.shared_cache_for(&ANSWERS, |kept: &Arc<KeptAnswer>| kept.bytes(), of_use);
        let shared = caches.cache(&SHARED_ANSWERS, |kept: &Arc<KeptAnswer>| kept.bytes());
        Self { own, shared, caches }
    }

    /// A kept answer, or what `call` gives. Those who ask at once share one call; where that gives nothing the next one of
    /// them makes it, until a few have given nothing. One that is over its time is given to all but the one who asks anew.
    ///
    /// # Errors
    /// The caller's own call gave nothing to keep; or a few of others did, and it was not made.
    pub(crate) async fn get<F>(
        &self,
        key: &AnswerKey,
        ages: Ages,
        call: impl Fn() -> F,
        has_called: impl Fn() -> bool,
    ) -> Result<FoundAnswer, NotAnswered>
    where
        F: Future<Output = Result<Arc<KeptAnswer>, NotAnswered>>,
    {
        let (cache, key) = match key {
            AnswerKey::Own(key) => (&self.own, key),
            AnswerKey::Shared(key) => (&self.shared, key),
        };
        let load = || async { call().await.map(Some) };
        let mut answered = cache.get_or_load(key, load).await;
        let mut failures = 0;
        loop {
            let known = match answered {
                Err(NotAnswered) if has_called() => return Err(NotAnswered),
                Ok(CacheAnswer { value: Some(kept), source, age }) => {
                    if source == CacheSource::Loaded {
                        return Ok(FoundAnswer::Called);
                    }
                    if ages.allow(&kept, age) {
                        return Ok(FoundAnswer::Kept { kept, age, is_stale: false });
                    }
                    Some((kept, age))
                }
                Ok(_) => None,
                Err(NotAnswered) => {
                    failures += 1;
                    if failures >= CACHED_ANSWER_FAILURES {
                        return Err(NotAnswered);
                    }
                    None
                }
            };
            let Some((kept, age)) = known else {
                answered = cache.get_or_load(key, load).await;
                continue;
            };
            let renewal = Renewal::of(&kept);
            if renewal.is_none() && ages.allow_stale(&kept, age) {
                return Ok(FoundAnswer::Kept { kept, age, is_stale: true });
            }
            answered = cache.renew(key, age, load).await;
        }
    }

    /// Forgets the answers that a tenant's playbooks had from a tool, or those of one action of it; or those that concern a value,
    /// whichever action gave them. Those that are shared are forgotten for all.
    pub async fn forget(
        &self,
        tenant: &TenantCode,
        integration: &Name,
        action: Option<&Name>,
        value: Option<&str>,
    ) {
        let scope = |kind: &CacheKind, owner: CacheOwner<'_>| match (value, action) {
            (Some(value), _) => CacheScope::tag(owner, &tag(integration, value)),
            (None, Some(action)) => CacheScope::prefix(kind, owner, &[integration.as_str(), action.as_str()]),
            (None, None) => CacheScope::prefix(kind, owner, &[integration.as_str()]),
        };
        let own = scope(&ANSWERS, CacheOwner::Tenant(tenant));
        self.caches.invalidate(&[own, scope(&SHARED_ANSWERS, CacheOwner::Shared)]).await;
    }
}

impl KeptAnswer {
    /// The end of a call, if it is kept: a success that is not too large, or that there is nothing. For other tenants nothing is
    /// kept in which something was masked: what are secrets of this one are words of an answer to them.
    pub(crate) fn of(outcome: &Result<Json, Failure>, ages: Ages, is_shared: bool) -> Option<Arc<Self>> {
        let is_kept = match outcome {
            Ok(output) => output.as_str().len() <= CACHED_ANSWER_BYTES,
            Err(failure) => ages.negative_ttl.is_some() && says_nothing_is_there(failure),
        };
        let is_masked = || match outcome {
            Ok(output) => Masker::may_be_masked(output.as_str()),
            Err(Failure { message, answer, .. }) => {
                let answer = answer.as_ref().is_some_and(|answer| Masker::may_be_masked(answer.as_str()));
                answer || Masker::may_be_masked(message)
            }
        };
        let of_use = match outcome {
            Ok(_) => ages.ttl.saturating_add(ages.stale),
            Err(_) => ages.negative_ttl.unwrap_or_default(),
        };
        let kept = || Self { outcome: outcome.clone(), of_use, is_renewed: AtomicBool::new(false) };
        (is_kept && !(is_shared && is_masked())).then(|| Arc::new(kept()))
    }

    /// How the call ended.
    pub(crate) fn outcome(&self) -> Result<Json, Failure> {
        self.outcome.clone()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.outcome {
                Ok(output) => output.as_str().len(),
                Err(failure) => {
                    failure.message.len() + failure.answer.as_ref().map_or(0, |answer| answer.as_str().len())
                }
            }
    }
}

/// Whether the tool has answered that what it was asked for is not there.
fn says_nothing_is_there(failure: &Failure) -> bool {
    let status = || failure.answer.as_ref()?.value().get("status")?.as_u64();
    failure.kind == FailureKind::Status && !failure.retryable() && matches!(status(), Some(404 | 410))
}

impl Renewal {
    /// `None` where another one has it.
    fn of(kept: &Arc<KeptAnswer>) -> Option<Self> {
        (!kept.is_renewed.swap(true, Ordering::AcqRel)).then(|| Self(kept.clone()))
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.is_renewed.store(false, Ordering::Release);
    }
}

impl Ages {
    pub(crate) fn of(cache: &PlannedCache) -> Self {
        Self { ttl: cache.ttl, stale: cache.stale, negative_ttl: cache.negative_ttl }
    }

    fn allow(&self, kept: &KeptAnswer, age: Duration) -> bool {
        let most = if kept.outcome.is_ok() { Some(self.ttl) } else { self.negative_ttl };
        most.is_some_and(|most| age < most)
    }

    fn allow_stale(&self, kept: &KeptAnswer, age: Duration) -> bool {
        kept.outcome.is_ok() && age < self.ttl + self.stale
    }
}

impl Question {
    /// What is asked by a call with these arguments, with `null` in place of each secret; `on` is what the answer depends on,
    /// where that is not all of them, and `by` how the tool is reached.
    pub(crate) fn of(
        tenant: &TenantCode,
        (integration, action, version): (&Name, &Name, Option<u32>),
        (arguments, secrets, target): (&Value, &[SecretReference], Option<&str>),
        (on, by): (Option<Json>, Option<&Json>),
    ) -> Self {
        let on = on.and_then(|on| on.tree().ok());
        let target = target.and_then(|name| arguments.get(name));
        let about = on.iter().chain(target).chain([arguments]);
        let mut texts = Vec::new();
        about.for_each(|value| add_texts(value, &mut texts));
        // Of a URL, what is asked about stands near its end.
        let all = texts.iter().map(String::as_str);
        let (urls, others): (Vec<&str>, Vec<&str>) = all.partition(|text| text.contains("://"));
        let of_urls = urls.iter().flat_map(|url| parts_of_url(url));
        let mut tags: Vec<String> = Vec::new();
        for text in of_urls.chain(others.into_iter().map(str::to_owned)) {
            let tag = tag(integration, &text);
            if tags.len() < CACHE_KEY_TAGS && !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let named = || CallRecord::with_names(arguments, secrets);
        Self {
            tenant: tenant.clone(),
            integration: integration.clone(),
            action: action.clone(),
            version,
            on: on.unwrap_or_else(named),
            by: by.map(|by| by.tree().unwrap_or_default()),
            tags,
        }
    }

    /// The key of an answer of this tenant's own.
    pub(crate) fn own(&self) -> AnswerKey {
        let hash = InputHash::of_arguments(&self.tenant, &Value::Array(self.on_and_by()));
        AnswerKey::Own(self.key(&ANSWERS, CacheOwner::Tenant(&self.tenant), hash))
    }

    /// The key of an answer that tenants share which reach the tool in this way, with these secrets.
    pub(crate) fn shared(&self, secrets: &[GivenSecret]) -> AnswerKey {
        let text = |secret: &GivenSecret| Value::String(secret.text());
        let mut parts = self.on_and_by();
        parts.push(Value::Array(secrets.iter().map(text).collect()));
        let hash = InputHash::of_value(&Value::Array(parts));
        AnswerKey::Shared(self.key(&SHARED_ANSWERS, CacheOwner::Shared, hash))
    }

    fn on_and_by(&self) -> Vec<Value> {
        [&self.on].into_iter().chain(&self.by).cloned().collect()
    }

    fn key(&self, kind: &CacheKind, owner: CacheOwner<'_>, on: InputHash) -> CacheKey {
        let version = self.version.map_or_else(String::new, |version| version.to_string());
        // What is there twice is invalidated no more often.
        let mut tags = [self.tags.first().map_or("", String::as_str); CACHE_KEY_TAGS];
        for (place, tag) in tags.iter_mut().zip(&self.tags) {
            *place = tag;
        }
        let parts = [self.integration.as_str(), self.action.as_str(), &version, &on.to_string()];
        CacheKey::new(kind, owner, parts, tags)
    }
}

fn tag(integration: &Name, value: &str) -> String {
    format!("{integration}\n{value}")
}

/// The texts and numbers in a value.
fn add_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| add_texts(field, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A URL, and the segments of its path from the last on, as they were before they were encoded.
fn parts_of_url(url: &str) -> Vec<String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let segments = path.split('/').skip(1).filter(|segment| !segment.is_empty());
    let mut parts: Vec<String> =
        segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect();
    parts.push(url.to_owned());
    parts.reverse();
    parts
}
