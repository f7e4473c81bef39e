//! Guardrails as the executions of one engine ask them: those that hold now, what their caps have counted, and the audit of
//! what they refuse. What a guardrail says is decided in the kernel.

mod caps;
mod facts;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::json;
use updraft_kernel::guardrail::{GuardrailRefusal, GuardrailRule, GuardrailSet, PlannedGuardrail};
use updraft_protocol::limits::{AUDIT_DETAIL_BYTES, COMMENT_BYTES};
use updraft_protocol::{AuditId, AuditRecord, Cap, Json, TenantCode};
use updraft_storage::Store;
use updraft_storage::store;
use uuid::Uuid;

use crate::clock::Clock;
use caps::CapCell;
pub(crate) use caps::{CapGrants, Room};
pub(crate) use facts::GuardedFacts;

/// The guardrails of one engine.
pub struct EnforcedGuardrails {
    /// Changes with each set, so that executions see with one look whether theirs is the newest.
    version: AtomicU64,
    set: RwLock<Arc<GuardrailSet>>,
    /// The counts of caps that were asked, by the names of their settings.
    counts: Mutex<HashMap<String, Arc<CapCell>>>,
    /// Those that the backend declares, whether they hold or not.
    declared: Vec<Arc<PlannedGuardrail>>,
    /// Held while others are read that are to hold.
    changing: tokio::sync::Mutex<()>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How many calls were refused, by the rules that did.
    refused: [AtomicU64; GuardrailRule::ALL.len()],
}

impl EnforcedGuardrails {
    /// Those that are declared; counts and audit are kept in this store.
    pub fn new(declared: Vec<Arc<PlannedGuardrail>>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            version: AtomicU64::new(1),
            set: RwLock::new(Arc::new(GuardrailSet::new(declared.iter().cloned()))),
            counts: Mutex::default(),
            declared,
            changing: tokio::sync::Mutex::default(),
            store,
            clock,
            refused: Default::default(),
        }
    }

    /// How many calls each rule has refused since the engine began.
    pub fn refusals(&self) -> impl Iterator<Item = (GuardrailRule, u64)> {
        GuardrailRule::ALL.into_iter().map(|rule| (rule, self.refused[rule as usize].load(Ordering::Relaxed)))
    }

    /// Those that the backend declares.
    pub fn declared(&self) -> &[Arc<PlannedGuardrail>] {
        &self.declared
    }

    /// Whoever reads what is to hold does so alone, so that the newest holds.
    pub async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// From now on these hold.
    pub fn replace(&self, set: GuardrailSet) {
        let mut current = self.set.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(set);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Those that hold now.
    pub fn current(&self) -> Arc<GuardrailSet> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that hold now, if they are others than those of this version, which is that of them from now on.
    pub(crate) fn newer(&self, known: &mut u64) -> Option<Arc<GuardrailSet>> {
        let version = self.version.load(Ordering::Acquire);
        (version != std::mem::replace(known, version)).then(|| self.current())
    }

    /// How much of the cap of a guardrail is used for a tenant, as far as this engine has asked: calls in the window, targets
    /// that are contained, and calls that wait.
    pub fn used(&self, guardrail: &PlannedGuardrail, tenant: &TenantCode) -> Option<(usize, usize, usize)> {
        let name = count_name(guardrail, guardrail.cap()?, tenant);
        let cell = lock(&self.counts).get(&name).cloned();
        cell.map(|cell| cell.used())
    }

    /// Writes into the audit that a call is refused. What cannot be written is logged: the call is refused all the same.
    pub(crate) async fn audit_refusal(&self, facts: &GuardedFacts, refusal: &GuardrailRefusal) {
        self.refused[refusal.rule as usize].fetch_add(1, Ordering::Relaxed);
        metrics::counter!("updraft_guardrail_refusals_total", "rule" => refusal.rule.as_str()).increment(1);
        let (name, rule) = (refusal.guardrail.as_str(), refusal.rule);
        let record = self.record(facts, ("guardrail.refused", name, "refused"), (None, &refusal.why), rule);
        if let Err(error) = self.store.add_audit(vec![record]).await {
            tracing::error!(%error, %refusal, "a call was refused, which the audit does not have");
        }
    }

    /// Writes into the audit that people let a call pass, or did not.
    ///
    /// # Errors
    /// The store does not take it.
    pub(crate) async fn audit_answer(
        &self,
        facts: &GuardedFacts,
        guardrail: &str,
        ((uid, comment), passes): ((&str, Option<&str>), bool),
    ) -> Result<(), store::Error> {
        let what = if passes { "guardrail.overridden" } else { "guardrail.upheld" };
        let outcome = if passes { "passed" } else { "refused" };
        let reason = comment.unwrap_or("no comment");
        let record = self.record(facts, (what, guardrail, outcome), (Some(uid), reason), GuardrailRule::Cap);
        self.store.add_audit(vec![record]).await
    }

    fn record(
        &self,
        facts: &GuardedFacts,
        (what, guardrail, outcome): (&str, &str, &str),
        (uid, reason): (Option<&str>, &str),
        rule: GuardrailRule,
    ) -> AuditRecord {
        let details = Json::from(json!({
            "rule": rule.as_str(),
            "peid": facts.peid.to_string(),
            "task": facts.task.to_string(),
            "step": facts.step.as_str(),
            "action": format!("{}.{}", facts.integration, facts.action),
        }));
        AuditRecord {
            id: AuditId::new(Uuid::now_v7()),
            tenant_code: Some(facts.tenant.clone()),
            at: self.clock.now(),
            uid: uid.map(Into::into),
            what: what.into(),
            subject: guardrail.into(),
            outcome: outcome.into(),
            reason: Some(reason.chars().take(COMMENT_BYTES).collect::<String>().into()),
            details: Some(details).filter(|details| details.as_str().len() <= AUDIT_DETAIL_BYTES),
        }
    }
}

/// The name of the count of a cap: that of a tenant, or of all.
fn count_name(guardrail: &PlannedGuardrail, cap: &Cap, tenant: &TenantCode) -> String {
    if cap.shared { format!("{}/", guardrail.name()) } else { format!("{}/{tenant}", guardrail.name()) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
