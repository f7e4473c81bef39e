//! Every limit of Updraft, with its reason. Units are last in the names.

mod cacao;
mod cache;
mod children;
mod connectors;
mod containment;
mod events;
mod files;
mod filter;
mod flow;
mod graph;
mod guardrails;
mod http;
mod local;
mod loops;
mod mail;
mod masking;
mod outline;
mod overdue;
mod people;
mod playbook;
mod record;
mod redis;
mod replay;
mod rerun;
mod schema;
mod secrets;
mod settings;
mod shell;
mod snapshot;
mod triggers;

use std::time::Duration;

pub use {
    cacao::*, cache::*, children::*, connectors::*, containment::*, events::*, files::*, filter::*, flow::*,
    graph::*, guardrails::*, http::*, local::*, loops::*, mail::*, masking::*, outline::*, overdue::*,
    people::*, playbook::*, record::*, redis::*, replay::*, rerun::*, schema::*, secrets::*, settings::*,
    shell::*, snapshot::*, triggers::*,
};

// --- playbooks ---------------------------------------------------------------------------------------

/// The longest timeout, delay or back-off in a playbook.
pub const SPAN: Duration = Duration::from_secs(366 * 24 * 3600);
/// Attempts that a retry policy may ask for.
pub const RETRY_ATTEMPTS: u32 = 100;
/// The longest retry delay that a tool may ask for, unless its step sets one: analysts wait for the answer.
pub const RETRY_GIVE_UP_AFTER: Duration = Duration::from_secs(3600);

// --- templates and conditions ------------------------------------------------------------------------

/// The source of one template or condition.
pub const TEMPLATE_SOURCE_BYTES: usize = 16 << 10;
/// The output of one template.
pub const TEMPLATE_OUTPUT_BYTES: usize = 256 << 10;
/// Work of all the templates of one step, or of one condition: one unit for each byte that is read, otherwise about one
/// for each nanosecond. They run on the thread of a shard, where all other executions wait: twenty evaluations that
/// used all of it took 4 to 14 ms.
pub const EVALUATION_WORK: u64 = 10_000_000;
/// Work after which an execution lets others on its shard run: the rest follows in a later turn. A chain of conditions,
/// or a thousand branches, may need many evaluations at once.
pub const TURN_WORK: u64 = 1_000_000;
/// The pause between two turns.
pub const TURN_PAUSE: Duration = Duration::from_millis(1);
/// Bytes that they may allocate, including those that are freed again.
pub const EVALUATION_BYTES: u64 = 32 << 20;
/// Work of compiling the templates, conditions and patterns of one playbook, in the same units: a fifth of a second, on
/// a thread without other work.
pub const PLAYBOOK_COMPILE_WORK: u64 = 200_000_000;
/// Their memory.
pub const PLAYBOOK_COMPILED_BYTES: usize = 32 << 20;
/// The memory of one pattern's automaton.
pub const PATTERN_BYTES: usize = 256 << 10;
/// The source of one pattern: some 30 times what a person reads at once.
pub const PATTERN_SOURCE_BYTES: usize = 1 << 10;
/// Groups, repetitions and classes inside each other in a pattern: its parser's tree is walked by recursion.
pub const PATTERN_NESTING: u32 = 32;
/// The cache of a pattern's states while a text is read: enough for the states of ordinary patterns. Over the limit
/// they are forgotten, derived again, and charged for again.
pub const PATTERN_CACHE_BYTES: usize = 512 << 10;
/// Attributes that `sort` compares by.
pub const TEMPLATE_ATTRIBUTES: usize = 8;
/// The text that names attributes, `user.name,at`: several times the length of eight of them.
pub const TEMPLATE_ATTRIBUTE_BYTES: usize = 1 << 10;
/// Names that one template may set.
pub const TEMPLATE_NAMES: usize = 32;
/// Operators in a row, including brackets around them: more than in any text by a person, far fewer than the parser's
/// recursion needs to exhaust a thread's stack.
pub const TEMPLATE_OPERATORS_IN_A_ROW: usize = 2 * NESTING;
/// Spaces that `tojson` indents by: each level of a nested value repeats them.
pub const TEMPLATE_INDENT_SPACES: usize = 8;
/// The characters that `trim` removes: each character of the text is compared with each of them.
pub const TEMPLATE_TRIM_BYTES: usize = 64;
/// Digits of a number that operators look at: more than any float has, few enough for repeated comparisons.
pub const NUMBER_DIGITS: usize = 1 << 10;
/// Depth of expressions, conditions and values: recursion happens on the thread of a shard.
pub const NESTING: usize = 64;
/// All rendered arguments of one call.
pub const ARGUMENTS_BYTES: usize = 1 << 20;

// --- values ------------------------------------------------------------------------------------------

/// An alert or other input of an execution.
pub const INPUT_BYTES: usize = 1 << 20;
/// The part of a tool's answer that one task may keep. Far below the 16 MiB of a MongoDB document.
pub const RESPONSE_BYTES: usize = 1 << 20;
/// All the outputs that one execution keeps for its later steps.
pub const EXECUTION_OUTPUT_BYTES: usize = 8 << 20;
/// The part that is kept of an answer over the limit: status, headers and a note. Small, because every task of an
/// execution may have as much beyond [`EXECUTION_OUTPUT_BYTES`].
pub const OUTPUT_REST_BYTES: usize = 2 << 10;
/// The part of a tool's answer that a failure keeps: errors of tools are short, and every attempt may have one.
pub const FAILURE_ANSWER_BYTES: usize = 64 << 10;
/// The message of a failure.
pub const FAILURE_MESSAGE_BYTES: usize = 1 << 10;
/// `alert_id`, `uid` and idempotency keys.
pub const KEY_BYTES: usize = 256;
/// Levels of lists and maps in one value: a tree is dropped and printed by recursion. As serde_json.
pub const VALUE_NESTING: usize = 127;

// --- executions --------------------------------------------------------------------------------------

/// Tasks at once in one execution, unless configured.
pub const TASKS_AT_ONCE: usize = 10;
/// The largest value that can be configured for it.
pub const TASKS_AT_ONCE_MAX: usize = 1_000;
/// Executions in flight in one engine, unless configured: some 6 KB of memory each.
pub const EXECUTIONS_IN_FLIGHT: usize = 100_000;
/// Executions in flight of one tenant, unless configured: one tenant cannot take every permit.
pub const EXECUTIONS_IN_FLIGHT_OF_TENANT: usize = 50_000;
/// How long `submit` waits for a permit, unless configured.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest wait of `submit` for the answers of store and journal, however short its wait for a permit is: a busy
/// disk may need as long for a sync.
pub const SUBMIT_DURABLE: Duration = Duration::from_secs(1);
/// Timeout of an attempt, unless the step sets one.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a call may wait for its permit, and an attempt to be sent. Longer than a tool needs for its queue; the
/// execution's own timeout may end it before.
pub const ATTEMPT_UNSENT: Duration = Duration::from_secs(600);
/// The additional time that an integration which reports when it sends has to report the outcome: a tenth of the
/// attempt's time, at most this.
pub const ATTEMPT_TELL: Duration = Duration::from_millis(250);
/// Calls that an execution polls at once before each is left to the actor of its integration; then other executions run.
pub const ATTEMPTS_INLINE: usize = 16;
/// Restarts of one execution after panics of its actor, within [`RESTART_WINDOW`]; then it is failed.
pub const RESTARTS: u32 = 3;
/// See [`RESTARTS`].
pub const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// Waits longer than this leave memory and return when they are due.
pub const PARK_HORIZON: Duration = Duration::from_secs(30);
/// Executions parked in one engine: some 500 bytes each. Further ones stay in memory, with their permits.
pub const PARKED: usize = 500_000;
/// The same of one tenant.
pub const PARKED_OF_TENANT: usize = 250_000;
/// Events that a slow reader of one execution may fall behind before it misses some, and is informed of it.
pub const EVENTS_BEHIND: usize = 256;

// --- shards ------------------------------------------------------------------------------------------

/// Virtual shards: fixed for ever, tenants are mapped to them by hash.
pub const VIRTUAL_SHARDS: u16 = 1_024;
/// Shards of one engine.
pub const SHARDS_MAX: usize = 256;
/// Messages that wait for one execution; one has the effect of many, so that a refused one is not missed.
pub const EXECUTION_MAILBOX: usize = 64;
/// Executions that one shard reads back from the store at once, and in one call at the start.
pub const REVIVALS_AT_ONCE: usize = 32;
/// Messages that wait for one shard.
pub const SHARD_MAILBOX: usize = 4_096;

// --- journal -----------------------------------------------------------------------------------------

/// A segment: large enough that rotation is rare, small enough to be deleted soon.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 << 20;
/// One frame: the largest step of an execution, which is the beginning of a rerun with the results of a large loop.
pub const JOURNAL_FRAME_BYTES: usize = 32 << 20;
/// Appends that wait in the journal.
pub const JOURNAL_QUEUE: usize = 1_024;
/// Bytes of those appends: one of the largest frames beside others, or a full queue of ordinary ones.
pub const JOURNAL_QUEUE_BYTES: usize = 64 << 20;
/// Zeros that are written ahead of the frames of a segment: enough for hundreds of small windows, and cheap to write.
pub const JOURNAL_RESERVE_BYTES: usize = 256 << 10;
/// How often a full disk is checked again: space is freed by people and by clean-up jobs, and a check costs a write.
pub const DISK_FULL_CHECK: Duration = Duration::from_secs(1);
/// Segments that may wait for the store; with more, the journal waits, rather than fill the disk.
pub const JOURNAL_SEGMENTS: usize = 64;
/// Bytes that one group commit gathers before it syncs.
pub const JOURNAL_GROUP_BYTES: usize = 8 << 20;

// --- write-behind ------------------------------------------------------------------------------------

/// Operations in one batch of a store with other clients.
pub const BATCH_OPERATIONS: usize = 1_000;
/// Operations in one batch of any store: a store in this process writes a page of an index once for more of them.
pub const BATCH_OPERATIONS_MAX: usize = 4_000;
/// Bytes in one batch of the store: below the 48 MB of a MongoDB message.
pub const BATCH_BYTES: usize = 16 << 20;
/// How long an update may wait for others to share its batch: a longer delay would save little under half load, and
/// nothing under full load, when batches are full before.
pub const FLUSH_DELAY: Duration = Duration::from_millis(10);
/// The largest value that can be configured for it: with more, lists would look as if the engine had stopped, since
/// updates of running executions wait three times as long.
pub const FLUSH_DELAY_MAX: Duration = Duration::from_secs(5);
/// Whole flush delays for which the first update of a running execution or task waits, since it will soon be replaced:
/// longer than an execution of fast steps takes, which is then written once.
pub const DEBOUNCE_ROUNDS: usize = 2;
/// Documents that wait to be written; with more, the journal waits, then `submit`.
pub const COALESCER_DOCUMENTS: usize = 200_000;
/// The largest value that can be configured for it: several minutes of an unreachable server, under the heaviest load.
pub const COALESCER_DOCUMENTS_MAX: usize = 10_000_000;
/// Bytes that wait to be written.
pub const COALESCER_BYTES: usize = 256 << 20;
/// The largest value that can be configured for it.
pub const COALESCER_BYTES_MAX: usize = 2 << 30;
/// An update kept as a dead letter; of a larger one only the reason is kept.
pub const DEAD_LETTER_BYTES: usize = 4 << 20;
/// Groups of updates between the journal and the writer.
pub const WRITER_QUEUE: usize = 64;
/// Batches on their way to the store at once: one is encoded while another is written.
pub const BATCHES_IN_FLIGHT: usize = 2;
/// The largest value that can be configured for it.
pub const BATCHES_IN_FLIGHT_MAX: usize = 64;
/// Operations in one batch for a server, however slow it is: fewer cost it nearly as much.
pub const BATCH_OPERATIONS_MIN: usize = 100;
/// Batches on their way to a server at once, however fast it is, unless configured: one is written while another is
/// encoded and sent. Measured, a third and a fourth gain nothing with a server that shares its cores.
pub const SERVER_BATCHES: usize = 2;
/// How much longer than the quickest a batch may take before less is sent to the server at once.
pub const BATCH_LATENCY: Duration = Duration::from_millis(500);
/// How long a batch may take before its result counts as unknown, and it is sent again.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the store notes how far it has come with its journal: rarely enough to cost nothing beside batches, often
/// enough that segments are deleted soon.
pub const STORE_NOTE: Duration = Duration::from_secs(1);
/// How long the store may take for the rest at the end, unless configured; then it stays in the journal.
pub const WRITE_DRAIN: Duration = Duration::from_secs(10);
/// How often an update is refused for an unknown reason, while others are written, before it is given up: with the
/// pauses in between, several seconds in which a server may recover.
pub const UNKNOWN_REFUSALS: u32 = 8;
/// The first pause before a batch is tried again; it doubles up to [`WRITE_BACKOFF_MAX`].
pub const WRITE_BACKOFF: Duration = Duration::from_millis(50);
/// The longest pause before a batch is tried again.
pub const WRITE_BACKOFF_MAX: Duration = Duration::from_secs(10);

// --- starting and ending ------------------------------------------------------------------------------

/// How long a start waits for a store that reports why it takes nothing: a server that elects a new primary needs half
/// of it.
pub const START_STANDSTILL: Duration = Duration::from_secs(30);
/// The same for a flush: a full disk is waited for while people free space.
pub const FLUSH_STANDSTILL: Duration = Duration::from_secs(600);
/// How often a wait for the store checks for progress.
pub const STANDSTILL_CHECK: Duration = Duration::from_millis(500);
/// How long a start waits for one answer of any store: more than the longest time limit of the stores here.
pub const START_ANSWER: Duration = Duration::from_secs(900);
/// How long an engine without a renewal keeps a store that another could take: several beats, each of which may take as
/// long as an election of a new primary.
pub const STORE_LEASE: Duration = Duration::from_secs(10);
/// How often it renews the lease.
pub const STORE_BEAT: Duration = Duration::from_secs(2);
/// The additional time that a shutdown waits for threads that a disk or a tool blocks, before it leaves them behind.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

// --- MongoDB ------------------------------------------------------------------------------------------

/// The largest document of a server.
pub const MONGO_DOCUMENT_BYTES: usize = 16 << 20;
/// The largest BSON of one JSON value; a larger one is stored as text. An execution has three values.
pub const MONGO_VALUE_BYTES: usize = 4 << 20;
/// Levels of one JSON value as BSON: servers refuse documents of more than 100. Deeper ones are stored as text.
pub const MONGO_VALUE_NESTING: usize = 64;
/// Commands of one batch at once: inserts and changes of both collections.
pub const MONGO_COMMANDS_AT_ONCE: usize = 4;
/// Ids in one query: a fraction of a megabyte.
pub const MONGO_IDS: usize = 10_000;

/// The address of a store: hosts of a large cluster and every option fit.
pub const STORE_ADDRESS_BYTES: usize = 4 << 10;
/// Connections to one server, unless configured.
pub const MONGO_CONNECTIONS: u32 = 100;
/// Connections that are kept open to one server, unless configured: enough for a burst after a lull.
pub const MONGO_CONNECTIONS_KEPT: u32 = 10;
/// The most connections that can be configured: each costs a server about a megabyte and a thread.
pub const MONGO_CONNECTIONS_MAX: u32 = 2_000;
/// Connections that are opened at once, unless configured.
pub const MONGO_CONNECTING: u32 = 2;
/// How long an unused connection is kept, unless configured.
pub const MONGO_IDLE: Duration = Duration::from_secs(30 * 60);
/// Name look-up, connection and TLS handshake, unless configured.
pub const MONGO_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to search for a suitable server, unless configured.
pub const MONGO_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval between two checks of a server, unless configured.
pub const MONGO_HEARTBEAT: Duration = Duration::from_secs(10);
/// How long replicas may take to confirm a write, unless configured.
pub const MONGO_CONFIRM: Duration = Duration::from_secs(10);
/// The largest of these times that can be configured: with a longer one a fault looks like a standstill.
pub const MONGO_TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// How long a call that reads or writes a few documents may take, unless configured. The driver only limits its checks
/// of servers: it would wait for ever on a connection that is open and silent.
pub const MONGO_CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for a call that reads a whole collection: the creation of its indexes, and the slowest playbooks of all. An
/// index over some ten million documents takes minutes; the server continues even if the call is cancelled.
pub const MONGO_SCAN_TIMEOUT: Duration = Duration::from_secs(600);
/// Store calls that take this long are logged, unless configured.
pub const SLOW_STORE_CALL: Duration = Duration::from_millis(500);
/// A slower ping is a fault, unless configured.
pub const MONGO_SLOW_PING: Duration = Duration::from_millis(250);
/// The name of a database: MongoDB's limit.
pub const MONGO_DATABASE_BYTES: usize = 63;

// --- embedded store ----------------------------------------------------------------------------------

/// Calls that wait for a thread of the embedded store; each may hold a batch of [`BATCH_BYTES`].
pub const STORE_QUEUE: usize = 16;
/// Threads that read the embedded store: a slow query of an operator does not hold up the others.
pub const STORE_READERS: usize = 2;

// --- store in memory ----------------------------------------------------------------------------------

/// Documents with which a store in memory is full: some 10 GB.
pub const MEMORY_DOCUMENTS: usize = 10_000_000;

// --- reading -----------------------------------------------------------------------------------------

/// Rows in one page of a list.
pub const PAGE_ROWS: usize = 1_000;
/// A page ends with the row that makes it this large: a thousand rows of the largest size are gigabytes. The tasks of
/// one execution always fit.
pub const PAGE_BYTES: usize = 16 << 20;
/// Unresumed executions that are counted for a person: the difference between ten thousand and more does not matter.
pub const LEFT_COUNTED: usize = 10_000;
/// Dead letters in one page: [`DEAD_LETTER_BYTES`] each at the worst.
pub const DEAD_LETTER_PAGE_ROWS: usize = 64;
/// Checked plans kept in memory.
pub const PLANS_CACHED: usize = 10_000;
/// Their approximate memory: some hundred bytes for each word of a template, ten thousand plans of fifty templates.
pub const PLANS_CACHED_BYTES: usize = 256 << 20;

const _: () = {
    assert!(PLAYBOOK_BYTES <= PLAYBOOK_UNFOLDED_BYTES);
    assert!(INPUT_BYTES + RESPONSE_BYTES < JOURNAL_FRAME_BYTES);
    assert!(EXECUTION_OUTPUT_BYTES < JOURNAL_FRAME_BYTES);
    assert!(JOURNAL_FRAME_BYTES as u64 <= JOURNAL_SEGMENT_BYTES);
    assert!(JOURNAL_FRAME_BYTES < JOURNAL_QUEUE_BYTES && JOURNAL_QUEUE_BYTES <= u32::MAX as usize);
    assert!(JOURNAL_GROUP_BYTES as u64 <= JOURNAL_SEGMENT_BYTES && JOURNAL_SEGMENTS > 1);
    assert!(ARGUMENTS_BYTES >= TEMPLATE_OUTPUT_BYTES);
    // A page with fewer rows than a window is the last one of the queued.
    assert!(BACKLOG_WINDOW <= PAGE_ROWS);
    assert!(PLAYBOOK_STEPS <= PAGE_ROWS && FAILURE_ANSWER_BYTES <= RESPONSE_BYTES);
    // A task: its output, the answer of its newest failure, and the rest of its document.
    assert!(EXECUTION_OUTPUT_BYTES + PAGE_ROWS * (2 * OUTPUT_REST_BYTES + (4 << 10)) < PAGE_BYTES);
    assert!(TASKS_AT_ONCE <= TASKS_AT_ONCE_MAX);
    assert!(EXECUTIONS_IN_FLIGHT_OF_TENANT <= EXECUTIONS_IN_FLIGHT);
    assert!(BATCH_OPERATIONS <= BATCH_OPERATIONS_MAX && BATCH_OPERATIONS_MAX <= COALESCER_DOCUMENTS);
    assert!(BATCH_BYTES <= COALESCER_BYTES);
    assert!(COALESCER_DOCUMENTS <= COALESCER_DOCUMENTS_MAX && COALESCER_BYTES <= COALESCER_BYTES_MAX);
    assert!(WRITE_BACKOFF.as_millis() <= WRITE_BACKOFF_MAX.as_millis() && BATCHES_IN_FLIGHT > 0);
    assert!(3 * MONGO_VALUE_BYTES + (1 << 20) < MONGO_DOCUMENT_BYTES);
    assert!(INPUT_BYTES < MONGO_VALUE_BYTES && RESPONSE_BYTES < MONGO_VALUE_BYTES);
    assert!(BATCHES_IN_FLIGHT <= BATCHES_IN_FLIGHT_MAX && SERVER_BATCHES <= BATCHES_IN_FLIGHT_MAX);
    assert!(0 < BATCH_OPERATIONS_MIN && BATCH_OPERATIONS_MIN <= BATCH_OPERATIONS);
    assert!(MONGO_CONNECTIONS_KEPT <= MONGO_CONNECTIONS && MONGO_CONNECTIONS <= MONGO_CONNECTIONS_MAX);
    assert!(MONGO_SELECTION_TIMEOUT.as_secs() < WRITE_TIMEOUT.as_secs());
    assert!(MONGO_SELECTION_TIMEOUT.as_secs() + MONGO_CONFIRM.as_secs() < MONGO_CALL_TIMEOUT.as_secs());
    assert!(MONGO_CALL_TIMEOUT.as_secs() <= MONGO_TIMEOUT_MAX.as_secs());
    assert!(MONGO_TIMEOUT_MAX.as_secs() <= MONGO_SCAN_TIMEOUT.as_secs());
    assert!(MONGO_SCAN_TIMEOUT.as_secs() < START_ANSWER.as_secs());
    assert!(3 * STORE_BEAT.as_secs() < STORE_LEASE.as_secs());
    assert!(STANDSTILL_CHECK.as_millis() < START_STANDSTILL.as_millis());
    assert!(FLUSH_DELAY.as_millis() <= FLUSH_DELAY_MAX.as_millis());
    assert!(PARALLEL_BRANCHES <= PLAYBOOK_STEPS);
    assert!(INDICATOR_BYTES <= TEMPLATE_URL_BYTES && DOMAIN_BYTES <= INDICATOR_BYTES);
};
