//! Every bound of Updraft, with its reason. Units stand last in the names.

mod http;
mod local;
mod masking;
mod record;

use std::time::Duration;

pub use {http::*, local::*, masking::*, record::*};

// --- playbooks ---------------------------------------------------------------------------------------

/// A playbook's text: the largest published ones are under 200 KiB.
pub const PLAYBOOK_BYTES: usize = 1 << 20;
/// Values that the aliases of a YAML text stand for: a text of 800 bytes may unfold to a million.
pub const PLAYBOOK_UNFOLDED_VALUES: usize = 10_000;
/// Bytes of all texts in a YAML text, those that aliases stand for included.
pub const PLAYBOOK_UNFOLDED_BYTES: usize = 4 << 20;
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
/// The longest time that a tool may ask to be left alone, where its step does not say: analysts wait for the answer.
pub const RETRY_GIVE_UP_AFTER: Duration = Duration::from_secs(3600);

// --- secrets -----------------------------------------------------------------------------------------

/// The largest secret: a private key or a token of many claims is no longer.
pub const SECRET_BYTES: usize = 64 << 10;
/// Secrets of one step.
pub const SECRETS_OF_STEP: usize = 64;
/// Names of secrets in one playbook: all are known to the masker of their tenant at once.
pub const SECRETS_OF_PLAYBOOK: usize = 128;
/// Secrets that a provider is asked for at once when a playbook is put or submitted.
pub const SECRETS_ASKED_AT_ONCE: usize = 16;
/// Tenants whose secrets are masked in later answers too. Beyond it one of them is forgotten until its next call, which
/// masks its own secrets in any case.
pub const MASKED_TENANTS: usize = 100_000;
/// How long an accepted execution waits for a secret, permission or integration that is missing, unless configured: a day
/// in which somebody can bring it.
pub const CONFIGURATION_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Tasks that wait so and are listed by the health of an engine: nobody reads more.
pub const MISSING_LISTED: usize = 10_000;
/// The shortest pause between two looks for it. The pauses grow with the wait.
pub const CONFIGURATION_LOOK: Duration = Duration::from_secs(1);
/// The longest.
pub const CONFIGURATION_LOOK_MAX: Duration = Duration::from_secs(60);
/// How long a provider of secrets is waited for when a playbook is put or submitted, and before an attempt is made.
pub const SECRET_WAIT: Duration = Duration::from_secs(10);

// --- templates and conditions ------------------------------------------------------------------------

/// The source of one template or condition.
pub const TEMPLATE_SOURCE_BYTES: usize = 16 << 10;
/// What one template may print.
pub const TEMPLATE_OUTPUT_BYTES: usize = 256 << 10;
/// Work of all the templates of one step, or of one condition: one for each byte that is read, and for what else is done
/// about one for each nanosecond that it takes. They run on the thread of a shard, where all others wait: twenty that use
/// all of it took 4 to 14 ms.
pub const EVALUATION_WORK: u64 = 10_000_000;
/// Work after which an execution makes way for others on its shard: what is still to decide and to begin follows in a later
/// turn. A chain of conditions, or a thousand branches, may have many evaluations to make at once.
pub const TURN_WORK: u64 = 1_000_000;
/// How long it makes way.
pub const TURN_PAUSE: Duration = Duration::from_millis(1);
/// Bytes that they may make, those that are dropped again included.
pub const EVALUATION_BYTES: u64 = 32 << 20;
/// Work of compiling the templates, conditions and patterns of one playbook, in the same units: a fifth of a second, on a
/// thread where nobody else waits.
pub const PLAYBOOK_COMPILE_WORK: u64 = 200_000_000;
/// What they keep in memory.
pub const PLAYBOOK_COMPILED_BYTES: usize = 32 << 20;
/// What the automaton of one pattern may keep.
pub const PATTERN_BYTES: usize = 256 << 10;
/// The source of one pattern: some 30 times what a person reads at once.
pub const PATTERN_SOURCE_BYTES: usize = 1 << 10;
/// Groups, repetitions and classes inside each other in a pattern: its parser's tree is walked by recursion.
pub const PATTERN_NESTING: u32 = 32;
/// States that a pattern remembers while a text is read: the states of any pattern that people write. Beyond it they are
/// forgotten, met again, and charged for again.
pub const PATTERN_CACHE_BYTES: usize = 512 << 10;
/// Attributes that `sort` compares by.
pub const TEMPLATE_ATTRIBUTES: usize = 8;
/// The text that names attributes, `user.name,at`: some times what eight of them take.
pub const TEMPLATE_ATTRIBUTE_BYTES: usize = 1 << 10;
/// Names that one template may set.
pub const TEMPLATE_NAMES: usize = 32;
/// Operators in a row, brackets around them counted: more than any text that a person writes, far fewer than a thread's
/// stack holds of the parser's calls.
pub const TEMPLATE_OPERATORS_IN_A_ROW: usize = 2 * NESTING;
/// Spaces that `tojson` indents by: each level of a nested value repeats them.
pub const TEMPLATE_INDENT_SPACES: usize = 8;
/// The characters that `trim` is given to take off: each of the text is compared with each of them.
pub const TEMPLATE_TRIM_BYTES: usize = 64;
/// Digits of a number that operators look into: more than any float has, few enough to be compared again and again.
pub const NUMBER_DIGITS: usize = 1 << 10;
/// Depth of expressions, conditions and values: recursion happens on the thread of a shard.
pub const NESTING: usize = 64;
/// All rendered arguments of one call.
pub const ARGUMENTS_BYTES: usize = 1 << 20;

// --- values ------------------------------------------------------------------------------------------

/// An alert or other input of an execution.
pub const INPUT_BYTES: usize = 1 << 20;
/// What one task may keep of its tool's answer. Far below the 16 MiB of a MongoDB document.
pub const RESPONSE_BYTES: usize = 1 << 20;
/// All the outputs that one execution keeps for its later steps.
pub const EXECUTION_OUTPUT_BYTES: usize = 8 << 20;
/// What is kept of one answer that may not be kept as a whole: status, headers and a note. Small, because every task of
/// an execution may have as much beyond [`EXECUTION_OUTPUT_BYTES`].
pub const OUTPUT_REST_BYTES: usize = 2 << 10;
/// What a failure keeps of its tool's answer: what tools say of an error is short, and every attempt may bring one.
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
/// The most that can be configured of it.
pub const TASKS_AT_ONCE_MAX: usize = 1_000;
/// Executions in flight in one engine, unless configured: some 6 KB of memory each.
pub const EXECUTIONS_IN_FLIGHT: usize = 100_000;
/// Executions in flight of one tenant, unless configured: one tenant cannot take every place.
pub const EXECUTIONS_IN_FLIGHT_OF_TENANT: usize = 50_000;
/// How long `submit` waits for a place, unless configured.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `submit` waits at least for the answers of store and journal, however little it is to wait for a place: a
/// busy disk takes as long for a sync.
pub const SUBMIT_DURABLE: Duration = Duration::from_secs(1);
/// Timeout of an attempt where the step names none.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a call may wait for its place, and an attempt to be sent. Longer than a tool with a queue takes to work
/// it off; the execution's own timeout ends it before.
pub const ATTEMPT_UNSENT: Duration = Duration::from_secs(600);
/// How much longer than the attempt's time an integration has that says when it sends, to tell what came by then: a tenth
/// of that time, at most this.
pub const ATTEMPT_TELL: Duration = Duration::from_millis(250);
/// Calls that an execution looks at once before each gets a task of its own; after so many others have their turn.
pub const ATTEMPTS_INLINE: usize = 16;
/// Restarts of one execution after panics of its actor, within [`RESTART_WINDOW`]; then it is failed.
pub const RESTARTS: u32 = 3;
/// See [`RESTARTS`].
pub const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// Waits beyond this leave memory and come back when they are due.
pub const PARK_HORIZON: Duration = Duration::from_secs(30);
/// Executions parked in one engine: some 500 bytes each. Beyond it they stay in memory, with their places.
pub const PARKED: usize = 500_000;
/// The same of one tenant.
pub const PARKED_OF_TENANT: usize = 250_000;
/// Events that a slow reader of one execution may fall behind before it is told that it missed some.
pub const EVENTS_BEHIND: usize = 256;

// --- shards ------------------------------------------------------------------------------------------

/// Virtual shards: fixed for ever, tenants are mapped to them by hash.
pub const VIRTUAL_SHARDS: u16 = 1_024;
/// Shards of one engine.
pub const SHARDS_MAX: usize = 256;
/// Controls of one execution that are not answered yet. Who asks beyond waits for room.
pub const CONTROLS_HELD: usize = 64;
/// Messages that wait for one execution; one says as much as many, so that what finds no room is not missed.
pub const EXECUTION_MAILBOX: usize = 64;
/// Executions that one shard reads back from the store at once, and in one call at the start.
pub const REVIVALS_AT_ONCE: usize = 32;
/// Messages that wait for one shard.
pub const SHARD_MAILBOX: usize = 4_096;

// --- journal -----------------------------------------------------------------------------------------

/// A segment: large enough that rotation is rare, small enough to be deleted soon.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 << 20;
/// One frame: an execution's largest step from one state to the next.
pub const JOURNAL_FRAME_BYTES: usize = 16 << 20;
/// Appends between their callers and the write-behind.
pub const JOURNAL_QUEUE: usize = 1_024;
/// Bytes of those appends: some of the largest frames, or the queue full of ordinary ones.
pub const JOURNAL_QUEUE_BYTES: usize = 64 << 20;
/// Zeros that are written ahead of the frames of a segment: enough for hundreds of small windows, and little of the disk
/// for the one window that writes them.
pub const JOURNAL_RESERVE_BYTES: usize = 256 << 10;
/// How often a full disk is looked at again: room is made by people and by clean-up jobs, and a look costs a write.
pub const DISK_FULL_CHECK: Duration = Duration::from_secs(1);
/// Segments that may wait for the store; beyond it the journal waits, rather than fill the disk.
pub const JOURNAL_SEGMENTS: usize = 64;
/// Bytes that one group commit gathers before it syncs.
pub const JOURNAL_GROUP_BYTES: usize = 8 << 20;

// --- write-behind ------------------------------------------------------------------------------------

/// Operations in one batch of a store that others load too.
pub const BATCH_OPERATIONS: usize = 1_000;
/// Operations in one batch of any store: a store in this process writes a page of an index once for more of them.
pub const BATCH_OPERATIONS_MAX: usize = 4_000;
/// Bytes in one batch of the store: below the 48 MB of a MongoDB message.
pub const BATCH_BYTES: usize = 16 << 20;
/// How long an update may wait for company: longer saves a server under half load little, and nothing under full load,
/// where batches are full before.
pub const FLUSH_DELAY: Duration = Duration::from_millis(10);
/// The most that can be configured of it: beyond it lists look as if the engine stood still, three times as long of what
/// goes on.
pub const FLUSH_DELAY_MAX: Duration = Duration::from_secs(5);
/// Flush delays, whole ones, for which a new execution or task is left where it goes on, as it will soon be overtaken:
/// longer than an execution of fast steps takes, which then is one write.
pub const DEBOUNCE_ROUNDS: usize = 2;
/// Documents that wait to be written; beyond it, the journal waits, then `submit`.
pub const COALESCER_DOCUMENTS: usize = 200_000;
/// The most that can be configured of it: some minutes of a server that is away, under the heaviest load.
pub const COALESCER_DOCUMENTS_MAX: usize = 10_000_000;
/// Bytes that wait to be written.
pub const COALESCER_BYTES: usize = 256 << 20;
/// The most that can be configured of it.
pub const COALESCER_BYTES_MAX: usize = 2 << 30;
/// An update kept as a dead letter; beyond it only the reason is.
pub const DEAD_LETTER_BYTES: usize = 4 << 20;
/// Groups of updates between the journal and the writer.
pub const WRITER_QUEUE: usize = 64;
/// Batches on their way to the store at once: one is encoded while another is written.
pub const BATCHES_IN_FLIGHT: usize = 2;
/// The most that can be configured of it.
pub const BATCHES_IN_FLIGHT_MAX: usize = 64;
/// Operations in one batch for a server, however slow it is: fewer cost it nearly as much.
pub const BATCH_OPERATIONS_MIN: usize = 100;
/// Batches on their way to a server at once, however fast it is, unless configured: one is written while another is
/// encoded and travels. Measured, a third and a fourth gain nothing from a server that shares its cores.
pub const SERVER_BATCHES: usize = 2;
/// How much longer than the quickest a batch may take before less is sent to the server at once.
pub const BATCH_LATENCY: Duration = Duration::from_millis(500);
/// How long a batch may take before nobody knows what became of it, and it is sent again.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the store notes how far it has come with its journal: seldom enough to cost nothing beside batches, often enough
/// that segments are dropped soon.
pub const STORE_NOTE: Duration = Duration::from_secs(1);
/// How long the store may take for the rest at the end, unless configured; then it stays in the journal.
pub const WRITE_DRAIN: Duration = Duration::from_secs(10);
/// How often an update is refused for a reason that nobody knows, while others are written, before it is given up:
/// with the pauses between, some seconds in which a server may come to itself.
pub const UNKNOWN_REFUSALS: u32 = 8;
/// The first pause before a batch is tried again; it doubles up to [`WRITE_BACKOFF_MAX`].
pub const WRITE_BACKOFF: Duration = Duration::from_millis(50);
/// The longest pause before a batch is tried again.
pub const WRITE_BACKOFF_MAX: Duration = Duration::from_secs(10);

// --- starting and ending ------------------------------------------------------------------------------

/// How long a start waits for a store that says why it takes nothing: a server that elects a new primary takes half of it.
pub const START_STANDSTILL: Duration = Duration::from_secs(30);
/// The same of who waits for what is durable to be stored: a full disk is waited for while people make room.
pub const FLUSH_STANDSTILL: Duration = Duration::from_secs(600);
/// How often it is looked whether the store moves, where somebody waits for that.
pub const STANDSTILL_CHECK: Duration = Duration::from_millis(500);
/// How long a start waits for one answer of the store, whatever store it is: more than the longest of the stores here.
pub const START_ANSWER: Duration = Duration::from_secs(900);
/// How long an engine that is silent keeps a store that others could take: some beats, each of which may take as long as an
/// election of a new primary.
pub const STORE_LEASE: Duration = Duration::from_secs(10);
/// How often it says that it lives.
pub const STORE_BEAT: Duration = Duration::from_secs(2);
/// How much longer than it may a shutdown waits for threads that a disk or a tool holds, before it leaves them behind.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

// --- MongoDB ------------------------------------------------------------------------------------------

/// What a server takes as one document.
pub const MONGO_DOCUMENT_BYTES: usize = 16 << 20;
/// What one JSON value may take as BSON; one that swells beyond it is stored as text. An execution has three.
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
/// Connections that are kept open to one server, unless configured: what a burst after a lull needs at once.
pub const MONGO_CONNECTIONS_KEPT: u32 = 10;
/// The most connections that can be configured: each costs a server about a megabyte and a thread.
pub const MONGO_CONNECTIONS_MAX: u32 = 2_000;
/// Connections that are opened at once, unless configured.
pub const MONGO_CONNECTING: u32 = 2;
/// How long a connection that nobody uses is kept, unless configured.
pub const MONGO_IDLE: Duration = Duration::from_secs(30 * 60);
/// Name look-up, connection and TLS handshake, unless configured.
pub const MONGO_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that can do what is asked is looked for, unless configured.
pub const MONGO_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two looks at a server, unless configured.
pub const MONGO_HEARTBEAT: Duration = Duration::from_secs(10);
/// How long replicas may take to confirm a write, unless configured.
pub const MONGO_CONFIRM: Duration = Duration::from_secs(10);
/// The longest of these times that can be configured: beyond it a fault looks like a standstill.
pub const MONGO_TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// How long a call that reads or writes a few documents may take, unless configured. The driver bounds its looks at
/// servers alone: a connection that is open and silent would be waited on for ever.
pub const MONGO_CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The same of what reads a whole collection: the making of its indexes, and the slowest playbooks of all. An index
/// over some ten million documents takes minutes; the server goes on with it where nobody waits any more.
pub const MONGO_SCAN_TIMEOUT: Duration = Duration::from_secs(600);
/// Calls of a store that take as long are logged, unless configured.
pub const SLOW_STORE_CALL: Duration = Duration::from_millis(500);
/// A ping beyond this is a trouble, unless configured.
pub const MONGO_SLOW_PING: Duration = Duration::from_millis(250);
/// The name of a database: what MongoDB takes.
pub const MONGO_DATABASE_BYTES: usize = 63;

// --- embedded store ----------------------------------------------------------------------------------

/// Calls that wait for a thread of the embedded store; each may hold a batch of [`BATCH_BYTES`].
pub const STORE_QUEUE: usize = 16;
/// Threads that read the embedded store: a slow query of an operator does not hold up the others.
pub const STORE_READERS: usize = 2;

// --- store in memory ----------------------------------------------------------------------------------

/// Documents that a store in memory keeps, beyond which it is full: some 10 GB.
pub const MEMORY_DOCUMENTS: usize = 10_000_000;

// --- reading -----------------------------------------------------------------------------------------

/// Rows in one page of a list.
pub const PAGE_ROWS: usize = 1_000;
/// A page ends with the row that makes it as large: a thousand rows with all that they may hold are gigabytes. The tasks of
/// one execution always fit.
pub const PAGE_BYTES: usize = 16 << 20;
/// Executions that a start left which are counted for a person: whether it is ten or a hundred thousand changes nothing of
/// what follows.
pub const LEFT_COUNTED: usize = 10_000;
/// Dead letters in one page: [`DEAD_LETTER_BYTES`] each at the worst.
pub const DEAD_LETTER_PAGE_ROWS: usize = 64;
/// Checked plans kept in memory.
pub const PLANS_CACHED: usize = 10_000;
/// What they take there, about: a compiled template keeps some hundred bytes for each word, so that is ten thousand plans
/// of fifty templates each.
pub const PLANS_CACHED_BYTES: usize = 256 << 20;

const _: () = {
    assert!(PLAYBOOK_BYTES <= PLAYBOOK_UNFOLDED_BYTES);
    assert!(INPUT_BYTES + RESPONSE_BYTES < JOURNAL_FRAME_BYTES);
    assert!(EXECUTION_OUTPUT_BYTES < JOURNAL_FRAME_BYTES);
    assert!(JOURNAL_FRAME_BYTES as u64 <= JOURNAL_SEGMENT_BYTES);
    assert!(JOURNAL_FRAME_BYTES < JOURNAL_QUEUE_BYTES && JOURNAL_QUEUE_BYTES <= u32::MAX as usize);
    assert!(JOURNAL_GROUP_BYTES as u64 <= JOURNAL_SEGMENT_BYTES && JOURNAL_SEGMENTS > 1);
    assert!(ARGUMENTS_BYTES >= TEMPLATE_OUTPUT_BYTES);
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
};
