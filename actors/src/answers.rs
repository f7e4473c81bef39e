//! Answers of tools that are kept, for those who ask the same: their keys, what is kept, and for how long. Owns no decision on
//! who may ask, which the plan has taken, and makes no call: who finds nothing makes it, and everyone else who asks meanwhile
//! waits for that. A value of an alert never stands in a key, and no secret does: both by a hash alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use updraft_cache::{
    Cache, CacheAnswer, CacheKey, CacheKind, CacheOwner, CacheScope, CacheSource, Caches, Keep,
};
use updraft_kernel::plan::PlannedCache;
use updraft_protocol::limits::{
    CACHE_KEY_TAGS, CACHED_ANSWER_BYTES, CACHED_ANSWER_TTL, CACHED_ANSWERS, CACHED_ANSWERS_BYTES,
};
use updraft_protocol::{
    CallRecord, Failure, FailureKind, GivenSecret, InputHash, Json, Name, SecretReference, TenantCode, Value,
};

/// Who asks says how old an answer may be; here they stay as long as anybody may say.
const ANSWERS: CacheKind = CacheKind::new("answer", 1).life(CACHED_ANSWER_TTL).bound(
    CACHED_ANSWERS,
    CACHED_ANSWERS_BYTES,
    Keep::LastUsed,
);

/// The kept answers of one engine.
pub struct AnswerCache {
    cache: Arc<Cache<Arc<KeptAnswer>, NotAnswered>>,
    caches: Arc<Caches>,
}

/// How a call ended, without the secrets of its tenant.
pub(crate) struct KeptAnswer {
    outcome: Result<Json, Failure>,
    /// One of those who found it too old has dropped it.
    is_dropped: AtomicBool,
}

/// Whoever made the call has nothing to give: the call failed, or was not made after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnswered;

/// How old an answer may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    ttl: Duration,
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
    /// By what it can be forgotten.
    tags: Vec<String>,
}

impl AnswerCache {
    /// None yet; kept among these caches.
    pub fn new(caches: Arc<Caches>) -> Self {
        let cache = caches.cache(&ANSWERS, |kept: &Arc<KeptAnswer>| kept.bytes());
        Self { cache, caches }
    }

    /// A kept answer, or what `call` gives. Those who ask at once share one call; where that gives nothing the next one of
    /// them makes it.
    ///
    /// # Errors
    /// The caller's own call gave nothing to keep.
    pub(crate) async fn get<F>(
        &self,
        key: &CacheKey,
        ages: Ages,
        call: impl Fn() -> F,
        has_called: impl Fn() -> bool,
    ) -> Result<(Arc<KeptAnswer>, CacheSource, Duration), NotAnswered>
    where
        F: Future<Output = Result<Arc<KeptAnswer>, NotAnswered>>,
    {
        loop {
            let load = || async { call().await.map(Some) };
            match self.cache.get_or_load(key, load).await {
                Ok(CacheAnswer { value: Some(kept), source, age }) => {
                    if source == CacheSource::Loaded || ages.allow(&kept, age) {
                        return Ok((kept, source, age));
                    }
                    self.drop_old(key, &kept).await;
                }
                Err(NotAnswered) if has_called() => return Err(NotAnswered),
                Ok(_) | Err(NotAnswered) => {}
            }
        }
    }

    /// An answer is too old for one who asks: it is asked for again, once for all who find that.
    async fn drop_old(&self, key: &CacheKey, kept: &KeptAnswer) {
        if kept.is_dropped.swap(true, Ordering::AcqRel) {
            // Another one is about to drop it.
            tokio::task::yield_now().await;
        } else {
            self.caches.invalidate(&[CacheScope::key(key)]).await;
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
        let scope = |owner: CacheOwner<'_>| match (value, action) {
            (Some(value), _) => CacheScope::tag(owner, &tag(integration, value)),
            (None, Some(action)) => {
                CacheScope::prefix(&ANSWERS, owner, &[integration.as_str(), action.as_str()])
            }
            (None, None) => CacheScope::prefix(&ANSWERS, owner, &[integration.as_str()]),
        };
        self.caches.invalidate(&[scope(CacheOwner::Tenant(tenant)), scope(CacheOwner::Shared)]).await;
    }
}

impl KeptAnswer {
    /// The end of a call, if it is kept: a success that is not too large, or that there is nothing.
    pub(crate) fn of(outcome: &Result<Json, Failure>, ages: Ages) -> Option<Arc<Self>> {
        let is_kept = match outcome {
            Ok(output) => output.as_str().len() <= CACHED_ANSWER_BYTES,
            Err(failure) => ages.negative_ttl.is_some() && says_nothing_is_there(failure),
        };
        is_kept.then(|| Arc::new(Self { outcome: outcome.clone(), is_dropped: AtomicBool::new(false) }))
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

impl Ages {
    pub(crate) fn of(cache: &PlannedCache) -> Self {
        Self { ttl: cache.ttl, negative_ttl: cache.negative_ttl }
    }

    fn allow(&self, kept: &KeptAnswer, age: Duration) -> bool {
        let most = if kept.outcome.is_ok() { Some(self.ttl) } else { self.negative_ttl };
        most.is_some_and(|most| age < most)
    }
}

impl Question {
    /// What is asked by a call with these arguments, with `null` in place of each secret; `on` is what the answer depends on,
    /// where that is not all of them.
    pub(crate) fn of(
        tenant: &TenantCode,
        (integration, action, version): (&Name, &Name, Option<u32>),
        (arguments, secrets, target): (&Value, &[SecretReference], Option<&str>),
        on: Option<Json>,
    ) -> Self {
        let mut tags = Vec::new();
        let on = on.and_then(|on| on.tree().ok());
        on.iter().for_each(|on| add_tags(on, integration, &mut tags));
        target
            .and_then(|name| arguments.get(name))
            .iter()
            .for_each(|on| add_tags(on, integration, &mut tags));
        add_tags(arguments, integration, &mut tags);
        let named = || CallRecord::with_names(arguments, secrets);
        Self {
            tenant: tenant.clone(),
            integration: integration.clone(),
            action: action.clone(),
            version,
            on: on.unwrap_or_else(named),
            tags,
        }
    }

    /// The key of an answer of this tenant's own.
    pub(crate) fn own(&self) -> CacheKey {
        let hash = InputHash::of_arguments(&self.tenant, &self.on);
        self.key(CacheOwner::Tenant(&self.tenant), hash)
    }

    /// The key of an answer that tenants share which reach the tool in this way, with these secrets.
    pub(crate) fn shared(&self, by: &Json, secrets: &[GivenSecret]) -> CacheKey {
        let text = |secret: &GivenSecret| Value::String(secret.text());
        let by = by.tree().unwrap_or_default();
        let parts = vec![self.on.clone(), by, Value::Array(secrets.iter().map(text).collect())];
        self.key(CacheOwner::Shared, InputHash::of_value(&Value::Array(parts)))
    }

    fn key(&self, owner: CacheOwner<'_>, on: InputHash) -> CacheKey {
        let version = self.version.map_or_else(String::new, |version| version.to_string());
        // What is there twice is invalidated no more often.
        let mut tags = [self.tags.first().map_or("", String::as_str); CACHE_KEY_TAGS];
        for (place, tag) in tags.iter_mut().zip(&self.tags) {
            *place = tag;
        }
        let parts = [self.integration.as_str(), self.action.as_str(), &version, &on.to_string()];
        CacheKey::new(&ANSWERS, owner, parts, tags)
    }
}

fn tag(integration: &Name, value: &str) -> String {
    format!("{integration}\n{value}")
}

/// The texts and numbers in a value, as many as an entry has tags.
fn add_tags(value: &Value, integration: &Name, tags: &mut Vec<String>) {
    if tags.len() >= CACHE_KEY_TAGS {
        return;
    }
    let mut add = |text: &str| {
        let tag = tag(integration, text);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    };
    match value {
        Value::String(text) => add(text),
        Value::Number(number) => add(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| add_tags(item, integration, tags)),
        Value::Object(fields) => fields.values().for_each(|field| add_tags(field, integration, tags)),
        Value::Null | Value::Bool(_) => {}
    }
}
