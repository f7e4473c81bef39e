//! Every bound of Updraft, with its reason. Units stand last in the names.

use std::time::Duration;

// --- playbooks ---------------------------------------------------------------------------------------

/// A playbook's text: the largest published ones are under 200 KiB.
pub const PLAYBOOK_BYTES: usize = 1 << 20;
/// Steps of a playbook: beyond it nobody can read the graph.
pub const PLAYBOOK_STEPS: usize = 1_000;
/// Branches of one `parallel` step.
pub const PARALLEL_BRANCHES: usize = 1_000;
/// `parallel` inside `parallel`: each level is a join that a person must follow.
pub const PARALLEL_DEPTH: usize = 8;
/// A name or an id in a playbook.
pub const NAME_BYTES: usize = 128;
/// Mistakes reported for one playbook: a person mends the first of them first.
pub const MISTAKES: usize = 100;
/// The longest timeout, delay or back-off that a playbook may ask for.
pub const SPAN: Duration = Duration::from_secs(366 * 24 * 3600);
/// Attempts that a retry policy may ask for.
pub const RETRY_ATTEMPTS: u32 = 100;

// --- templates and conditions ------------------------------------------------------------------------

/// The source of one template or condition.
pub const TEMPLATE_SOURCE_BYTES: usize = 16 << 10;
/// Instructions that one template may run; a page of text takes some hundred.
pub const TEMPLATE_FUEL: u64 = 50_000;
/// What one template may print.
pub const TEMPLATE_OUTPUT_BYTES: usize = 256 << 10;
/// Operators that join texts in one template: each may copy a whole value, which fuel does not see.
pub const TEMPLATE_JOINS: usize = 32;
/// Depth of expressions, conditions and values: recursion happens on the thread of a shard.
pub const NESTING: usize = 64;
/// Comprehensions (`all`, `exists`, `map`, `filter`) in one condition; they may not be nested.
pub const CONDITION_COMPREHENSIONS: usize = 4;
/// All rendered arguments of one call.
pub const ARGUMENTS_BYTES: usize = 1 << 20;

// --- values ------------------------------------------------------------------------------------------

/// An alert or other input of an execution.
pub const INPUT_BYTES: usize = 1 << 20;
/// What one task may keep of its tool's answer. Far below the 16 MiB of a MongoDB document.
pub const RESPONSE_BYTES: usize = 1 << 20;
/// All the outputs that one execution keeps for its later steps.
pub const EXECUTION_OUTPUT_BYTES: usize = 8 << 20;
/// The message of a failure.
pub const FAILURE_MESSAGE_BYTES: usize = 1 << 10;
/// `alert_id`, `uid` and idempotency keys.
pub const KEY_BYTES: usize = 256;

// --- executions --------------------------------------------------------------------------------------

/// Tasks at once in one execution, unless configured.
pub const TASKS_AT_ONCE: usize = 10;
/// The most that can be configured of it.
pub const TASKS_AT_ONCE_MAX: usize = 1_000;
/// Executions in flight in one engine, unless configured: some 4 KB of memory each.
pub const EXECUTIONS_IN_FLIGHT: usize = 100_000;
/// Executions in flight of one tenant, unless configured: one tenant cannot take every place.
pub const EXECUTIONS_IN_FLIGHT_OF_TENANT: usize = 50_000;
/// How long `submit` waits for a place, unless configured.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of an attempt where the step names none.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Restarts of one execution after panics of its actor, within [`RESTART_WINDOW`]; then it is failed.
pub const RESTARTS: u32 = 3;
/// See [`RESTARTS`].
pub const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// Waits beyond this leave memory and come back when they are due.
pub const PARK_HORIZON: Duration = Duration::from_secs(30);
/// Events that a slow reader of one execution may fall behind before it is told that it missed some.
pub const EVENTS_BEHIND: usize = 256;

// --- shards ------------------------------------------------------------------------------------------

/// Virtual shards: fixed for ever, tenants are mapped to them by hash.
pub const VIRTUAL_SHARDS: u16 = 1_024;
/// Shards of one engine.
pub const SHARDS_MAX: usize = 256;
/// Messages that wait for one execution: its tasks at once, and as many controls.
pub const EXECUTION_MAILBOX: usize = 64;
/// Messages that wait for one shard.
pub const SHARD_MAILBOX: usize = 4_096;

// --- journal -----------------------------------------------------------------------------------------

/// A segment: large enough that rotation is rare, small enough to be deleted soon.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 << 20;
/// One frame: an execution's largest step from one state to the next.
pub const JOURNAL_FRAME_BYTES: usize = 16 << 20;
/// Appends that wait for the journal's thread.
pub const JOURNAL_QUEUE: usize = 1_024;
/// Bytes that one group commit gathers before it syncs.
pub const JOURNAL_GROUP_BYTES: usize = 8 << 20;

// --- write-behind ------------------------------------------------------------------------------------

/// Operations in one batch of the store.
pub const BATCH_OPERATIONS: usize = 1_000;
/// Bytes in one batch of the store: below the 48 MB of a MongoDB message.
pub const BATCH_BYTES: usize = 16 << 20;
/// How long an update may wait for company.
pub const FLUSH_DELAY: Duration = Duration::from_millis(20);
/// Documents that wait to be written; beyond it, the journal waits, then `submit`.
pub const COALESCER_DOCUMENTS: usize = 200_000;
/// Bytes that wait to be written.
pub const COALESCER_BYTES: usize = 256 << 20;
/// Groups of updates between the journal and the writer.
pub const WRITER_QUEUE: usize = 64;
/// The longest pause before a batch is tried again.
pub const WRITE_BACKOFF_MAX: Duration = Duration::from_secs(10);

// --- reading -----------------------------------------------------------------------------------------

/// Rows in one page of a list.
pub const PAGE_ROWS: usize = 1_000;
/// Checked plans kept in memory.
pub const PLANS_CACHED: usize = 10_000;

const _: () = {
    assert!(INPUT_BYTES + RESPONSE_BYTES < JOURNAL_FRAME_BYTES);
    assert!(EXECUTION_OUTPUT_BYTES < JOURNAL_FRAME_BYTES);
    assert!(JOURNAL_FRAME_BYTES as u64 <= JOURNAL_SEGMENT_BYTES);
    assert!(ARGUMENTS_BYTES >= TEMPLATE_OUTPUT_BYTES);
    assert!(TASKS_AT_ONCE <= TASKS_AT_ONCE_MAX);
    assert!(EXECUTIONS_IN_FLIGHT_OF_TENANT <= EXECUTIONS_IN_FLIGHT);
    assert!(BATCH_OPERATIONS <= COALESCER_DOCUMENTS && BATCH_BYTES <= COALESCER_BYTES);
    assert!(PARALLEL_BRANCHES <= PLAYBOOK_STEPS);
};
