//! A snapshot: how everything in an engine stands at one moment, for people who watch it and for monitoring. Reads nothing from the
//! store, and changes nothing.

mod form;
mod watched;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use updraft_actors::EngineContext;
use updraft_actors::gates::{ToolCircuit, ToolGate};
use updraft_actors::quotas::TenantClass;
use updraft_actors::statistics::CallCounts;
use updraft_protocol::limits::{JOURNAL_QUEUE_BYTES, SNAPSHOT_GATES, SNAPSHOT_TENANTS};
use updraft_protocol::{FailureKind, TenantCode};
use updraft_redis::Redis;

pub use form::{
    CircuitWord, EngineSnapshot, ExecutionLoad, GateLoad, IntegrationLoad, JournalLoad, ShardLoad, StoreLoad,
    TenantLoad,
};
use watched::Watched;

use crate::engine::Engine;
use crate::health;
use crate::store_watch::StoreWatch;
use crate::triggers::FailingTriggers;

impl Engine {
    /// How everything stands at this moment, and what limits. Watches the threads of the process for a quarter of a second, and reads
    /// nothing from the store.
    pub async fn snapshot(&self) -> EngineSnapshot {
        of(&self.context, &self.writing, &self.submitter.triggers.failing).await
    }
}

/// As [`Engine::snapshot`].
pub(crate) async fn of(
    context: &EngineContext,
    writing: &StoreWatch,
    triggers: &FailingTriggers,
) -> EngineSnapshot {
    let watched = Watched::new(context, writing).await;
    let (tenants, tenants_in_all) = tenants(context);
    let (gates, integrations, gates_in_all) = tools(context);
    let (targets_locked, target_locks_waiting) = context.target_locks.state();
    let (store, journal) = (store(writing), journal(context));
    let troubles = health::troubles(context, writing, triggers).iter().map(ToString::to_string).collect();
    let refusals = context.guardrails.refusals().filter(|(_, refused)| *refused > 0);
    let mut snapshot = EngineSnapshot {
        at: context.clock.now(),
        watched_ms: (watched.seconds * 1e3) as u64,
        limited_by: None,
        troubles,
        executions: ExecutionLoad {
            in_flight: context.admission.in_use(),
            permits: context.admission.places(),
            parked: context.parked.in_use(),
            queued: context.admission.queued(),
        },
        tenants,
        tenants_in_all,
        integrations,
        gates,
        gates_in_all,
        guardrail_refusals: refusals.map(|(rule, refused)| (rule.as_str().to_owned(), refused)).collect(),
        targets_locked,
        target_locks_waiting,
        shards: shards(context, &watched),
        store,
        journal,
        caches: context.caches.figures(),
        redis: context.caches.redis().map(Redis::figures),
        stages: watched.stages.clone(),
    };
    snapshot.limited_by = watched.limit(&snapshot);
    snapshot
}

/// The tenants that have most to do, and how many have anything.
fn tenants(context: &EngineContext) -> (Vec<TenantLoad>, usize) {
    let mut all: HashMap<TenantCode, (usize, u64)> = HashMap::new();
    for (tenant, in_flight) in context.admission.in_use_by_tenant() {
        all.entry(tenant).or_default().0 = in_flight;
    }
    for (tenant, queued) in context.admission.queued_by_tenant() {
        all.entry(tenant).or_default().1 = queued;
    }
    let in_all = all.len();
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_unstable_by(|(one, (one_in, one_queued)), (other, (other_in, other_queued))| {
        let (first, second) = ((other_queued, other_in), (one_queued, one_in));
        first.cmp(&second).then_with(|| one.cmp(other))
    });
    all.truncate(SNAPSHOT_TENANTS);
    let load = |(tenant, (in_flight, queued)): (TenantCode, (usize, u64))| {
        let quota = context.quotas.of(&tenant);
        let has_own_quota = context.quotas.class(&tenant) == TenantClass::Own;
        TenantLoad {
            in_flight,
            in_flight_most: quota.in_flight,
            queued,
            queued_most: quota.queued,
            weight: quota.weight.unwrap_or(1),
            has_own_quota,
            tenant,
        }
    };
    (all.into_iter().map(load).collect(), in_all)
}

/// The gates that matter most, all tools, and how many gates there are.
fn tools(context: &EngineContext) -> (Vec<GateLoad>, Vec<IntegrationLoad>, usize) {
    let mut gates: Vec<GateLoad> = context.gates.states().into_iter().map(gate).collect();
    let in_all = gates.len();
    let mut circuits: HashMap<String, BTreeMap<String, usize>> = HashMap::new();
    for gate in gates.iter().filter(|gate| gate.circuit != CircuitWord::Closed) {
        let name = context.statistics.label(&gate.integration).to_owned();
        *circuits.entry(name).or_default().entry(gate.circuit.as_str().to_owned()).or_default() += 1;
    }
    let integrations = context.statistics.all().map(|(name, calls)| {
        let circuits = circuits.remove(name).unwrap_or_default();
        integration(name, calls.counts(), circuits)
    });
    let integrations = integrations.collect();
    let rank = |gate: &GateLoad| (gate.circuit != CircuitWord::Closed, gate.waiting, gate.running);
    gates.sort_unstable_by_key(|gate| std::cmp::Reverse(rank(gate)));
    gates.truncate(SNAPSHOT_GATES);
    (gates, integrations, in_all)
}

fn integration(name: &str, counts: CallCounts, circuits: BTreeMap<String, usize>) -> IntegrationLoad {
    let by_kind = |counts: Vec<(FailureKind, u64)>| {
        counts.into_iter().map(|(kind, number)| (kind.as_str().to_owned(), number)).collect()
    };
    IntegrationLoad {
        integration: name.to_owned(),
        running: counts.running,
        waiting: counts.waiting,
        completed: counts.completed,
        failed: by_kind(counts.failed),
        retried: counts.retried,
        took_ms: millis(counts.took),
        refused: by_kind(counts.refused),
        waited: counts.waited,
        waited_ms: millis(counts.waited_for),
        breaker_openings: counts.openings,
        cooldowns: counts.cooldowns,
        circuits,
    }
}

fn gate(gate: ToolGate) -> GateLoad {
    let (circuit, left) = match gate.circuit {
        ToolCircuit::Closed => (CircuitWord::Closed, None),
        ToolCircuit::Cooling(left) => (CircuitWord::Cooling, Some(left)),
        ToolCircuit::Open(left) => (CircuitWord::Open, Some(left)),
        ToolCircuit::HalfOpen(_) => (CircuitWord::HalfOpen, None),
        ToolCircuit::ForcedOpen => (CircuitWord::ForcedOpen, None),
    };
    let ToolGate { integration, tenant, host, credentials, waiting, running, .. } = gate;
    let left_ms = left.map(millis);
    GateLoad { integration, tenant, host, credentials, waiting, running, circuit, left_ms }
}

fn shards(context: &EngineContext, watched: &Watched) -> Vec<ShardLoad> {
    let shards = context.statistics.shards().iter().enumerate();
    let load = shards.map(|(shard, statistics)| {
        let name = format!("shard {shard}");
        // Where the system tells of threads, one that is not listed is at rest.
        let at_rest = (!watched.stages.is_empty()).then_some(0.0);
        let is_told_apart = watched.stages.iter().all(|stage| stage.name != "shards and write-behind");
        let stage = watched.stages.iter().find(|stage| stage.name == name);
        ShardLoad {
            shard,
            executions: statistics.executions(),
            commits_waiting: statistics.commits_waiting(),
            launches_waiting: context.router.launches_waiting(shard),
            last_turn: statistics.last_turn(),
            restarts: statistics.restarts(),
            busy: stage.map(|stage| stage.busy).or(at_rest).filter(|_| is_told_apart),
        }
    });
    load.collect()
}

fn store(writing: &StoreWatch) -> StoreLoad {
    let (now, buffer) = (*writing.figures.borrow(), writing.buffer);
    let totals = now.totals;
    StoreLoad {
        documents: now.documents,
        documents_most: buffer.documents,
        bytes: now.bytes,
        bytes_most: buffer.bytes,
        deferred: now.deferred,
        batches_in_flight: now.in_flight,
        batches_in_flight_most: now.in_flight_most,
        batch_operations: now.operations,
        batches: totals.batches,
        retried: totals.retried,
        written: totals.written,
        coalesced: totals.overtaken,
        poison: totals.poison,
        dead_letters: totals.letters_kept,
        dead_letters_lost: totals.letters_lost,
        failing: writing.trouble.borrow().as_ref().map(ToString::to_string),
    }
}

fn journal(context: &EngineContext) -> JournalLoad {
    let status = context.log.status();
    JournalLoad {
        durable: status.durable_lsn,
        behind: status.durable_lsn.saturating_sub(context.stored.get()),
        segments: status.segments,
        queued_bytes: JOURNAL_QUEUE_BYTES.saturating_sub(status.room_bytes),
        queued_bytes_most: JOURNAL_QUEUE_BYTES,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
