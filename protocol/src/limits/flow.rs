//! Limits of flow control: the gates, actors and threads of tools, and the backlog of executions.

use std::time::Duration;

/// Calls of one tool at once, where nothing smaller is declared: as many as places of connections are counted.
pub const CALLS_AT_ONCE: u32 = 8_192;
/// Calls under way of one tool for which no limits are declared and that takes no permits, unless configured: some kilobytes
/// each, so that a tool that hangs takes no more than that of the memory.
pub const TOOL_CALLS_AT_ONCE: u32 = 8_192;
/// The same of one tenant: one that waits for a tool which hangs for it alone leaves room for others.
pub const TOOL_CALLS_AT_ONCE_OF_TENANT: u32 = 4_096;
/// Attempts that wait for the actor of one integration on one shard, a pointer each: it takes all of them whenever it runs, so
/// that a thousand executions may begin some each in between.
pub const TASK_MAILBOX: usize = 8_192;
/// Attempts that end in one turn of such an actor; then others on its shard run.
pub const TASK_TURN: usize = 64;
/// How long the actor of an integration stays on a shard that calls it no more.
pub const TASK_ACTOR_IDLE: Duration = Duration::from_secs(600);
/// Threads of one tool whose calls block.
pub const BLOCKING_THREADS: usize = 64;
/// Threads of all of them together: each has a stack and a place in the scheduler of the machine.
pub const BLOCKING_THREADS_OF_ENGINE: usize = 256;
/// How long such a thread stays without a call.
pub const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(30);
/// How often it is looked whether a tool holds up a shard.
pub const BLOCKED_LOOK: Duration = Duration::from_millis(250);
/// How long a tool holds a shard up before it is told: many times what a call may compute.
pub const BLOCKED_TOLD: Duration = Duration::from_secs(1);
/// Rates of one tool: vendors count in seconds, minutes, days and months.
pub const CALL_RATES: usize = 4;
/// The longest period of a rate: vendors count in months at most.
pub const RATE_PERIOD: Duration = Duration::from_secs(31 * 24 * 3600);
/// Gates that are kept, each of some hundred bytes. One without calls makes room for another; where all have some, a call
/// that needs a further one fails, and is tried again.
pub const CALL_GATES: usize = 10_000;
/// Gates of one tenant: hosts and secrets are named by playbooks, whose authors take no room of others with them.
pub const CALL_GATES_OF_TENANT: usize = 1_000;
/// The least time between two looks at all gates for those that may be forgotten.
pub const CALL_GATES_SWEEP: Duration = Duration::from_millis(100);
/// Tools that have a label of their own in metrics. Those beyond are counted together: a recorder keeps each label for ever.
pub const METRIC_INTEGRATIONS: usize = 256;
/// How long a tool is left alone that demands fewer calls and does not say how long.
pub const COOLDOWN: Duration = Duration::from_secs(1);
/// The longest time for which a tool is left alone because it asks for it: a day, as daily quotas do.
pub const COOLDOWN_LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How long a step waits for the lock of its target, unless it says otherwise: another step has acted by then.
pub const TARGET_LOCK_WAIT: Duration = Duration::from_secs(3600);
/// How far a priority reaches: a call is overtaken by one of the next higher priority that comes up to so much later.
pub const PRIORITY_STEP: Duration = Duration::from_secs(60);
/// Executions that wait for a place, in the store: a storm of alerts of a large customer is kept, and a loop that submits without
/// end fills no disk.
pub const BACKLOG: u64 = 1_000_000;
/// Of them, those of a tenant that are in memory, each of some hundred bytes: those that begin within the time of a read.
pub const BACKLOG_WINDOW: usize = 1_000;
/// The same of each tenant where so many have queued ones that [`BACKLOG_WINDOWS`] is not enough for all.
pub const BACKLOG_WINDOW_LEAST: usize = 32;
/// Those of all tenants that are in memory, each of some hundred bytes.
pub const BACKLOG_WINDOWS: usize = 64_000;
/// Queued executions that begin before other work of their thread has a turn.
pub const BACKLOG_BEGINS_AT_ONCE: usize = 256;
/// Entries of queued executions of which it is looked at once whether somebody still holds them.
pub const QUEUED_SWEPT_AT_ONCE: usize = 10_000;
/// The pause before the store is asked again for calls of a day.
pub const GRANT_RETRY: Duration = Duration::from_secs(1);
/// After so many failed calls in a row the circuit of a tool opens.
pub const BREAKER_FAILURES: u32 = 5;
/// The share of failed calls in percent that opens it, of [`BREAKER_CALLS`] in [`BREAKER_WINDOW`]: a tool that fails every
/// second call does more harm than one that is left alone.
pub const BREAKER_PERCENT: u32 = 50;
/// The fewest calls of which a share is told.
pub const BREAKER_CALLS: u32 = 20;
/// The time whose calls are counted for a share.
pub const BREAKER_WINDOW: Duration = Duration::from_secs(60);
/// The longest such time.
pub const BREAKER_WINDOW_LONGEST: Duration = Duration::from_secs(3600);
/// How long a circuit stays open before it is probed.
pub const BREAKER_OPEN: Duration = Duration::from_secs(60);
/// The longest time for which it may stay so.
pub const BREAKER_OPEN_LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Calls that probe a tool at once.
pub const BREAKER_PROBES: u32 = 1;
/// After a pause, twice as many calls are let pass in each of these times as in the one before, beginning with one.
pub const RAMP_STEP: Duration = Duration::from_millis(250);
/// After so many of them all are: by then some 16,000 have passed.
pub const RAMP_STEPS: u32 = 14;
/// The largest weight of a tenant: of two that wait for the same, one has at most so many turns for one of the other.
pub const TENANT_WEIGHT: u32 = 1_000;
/// The largest rate and burst of the submissions of a tenant.
pub const SUBMISSIONS_A_SECOND: u32 = 1_000_000;
/// Tenants of which the submissions are counted that have a rate; those that have rested make room for others.
pub const SUBMISSION_METERS: usize = 10_000;
/// Executions that were submitted with a window for the same alert and are remembered until the store has them.
pub const RECENT_ALERTS: usize = 4_096;
/// The longest window in which an alert is known again.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(31 * 24 * 3600);
/// Executions that are asked at once to pause, when all of a scope are.
pub const PAUSED_AT_ONCE: usize = 64;

const _: () = {
    assert!(TOOL_CALLS_AT_ONCE_OF_TENANT <= TOOL_CALLS_AT_ONCE && TOOL_CALLS_AT_ONCE <= CALLS_AT_ONCE);
    assert!(BLOCKING_THREADS <= BLOCKING_THREADS_OF_ENGINE);
};
