//! Updraft: an execution engine for SOAR playbooks, embedded as a library.
//!
//! A backend starts an [`Engine`], puts playbooks, and submits them with alerts. Each execution runs as a
//! supervised actor; its tasks call security tools concurrently; every status is durable before anything
//! follows from it.
//!
//! ```
//! use updraft::{Call, Engine, Integration, Playbook, Submission, TenantCode};
//!
//! struct Greeter;
//! impl Integration for Greeter {
//!     fn actions(&self) -> &[&str] {
//!         &["greet"]
//!     }
//!     fn call(&self, call: Call) -> updraft::Answer<'_> {
//!         Box::pin(async move { Ok(serde_json::json!({ "hello": call.arguments["name"] }).into()) })
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let engine = Engine::builder().data(directory.path()).integration("greeter", Greeter).start().await?;
//! let tenant = TenantCode::new("acme")?;
//! let playbook = Playbook::parse(b"
//! format: 1
//! name: greet
//! version: 1
//! steps:
//!   - {id: hello, action: greeter.greet, arguments: {name: '{{ input.name }}'}}
//! ")?;
//! let pid = engine.playbooks().put(&tenant, playbook).await?;
//! let submission = Submission::new(tenant, pid).input(serde_json::json!({ "name": "you" }));
//! let execution = engine.submit(submission).await?.wait().await?;
//! assert_eq!(execution.state.execution_status.as_str(), "completed");
//! engine.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

pub mod bottleneck;
mod breakers;
mod builder;
mod bulk;
mod cached;
mod caches;
mod call_limits;
mod containments;
mod dashboard;
mod dead_letters;
mod deadline;
mod deduplication;
mod diagnosis;
mod doctor;
mod engine;
mod error;
mod events;
mod files;
mod following;
mod guardrails;
mod handle;
mod health;
mod idempotency;
mod inbox;
mod journal_binding;
pub mod local;
mod manual_call;
mod open;
mod overdue;
mod ownership;
mod pauses;
mod playbooks;
pub mod process;
mod publications;
mod quotas;
mod reader;
mod reads;
mod recovery;
mod requirements;
mod rerun;
mod reservation;
mod settings;
mod shutdown;
mod snapshot;
mod standstill;
mod start;
mod store_choice;
mod store_watch;
mod submission;
mod submit;
mod tool_versions;
mod triggers;
mod unresumed;
mod watchdog;
mod why;

pub use breakers::ForcedBreaker;
pub use builder::{Builder, Resume};
pub use bulk::{Bulk, BulkError, Counted, ExecutionFilter};
pub use cached::CachedAnswers;
pub use containments::Containments;
pub use dashboard::{Dashboard, Glance};
pub use diagnosis::{Diagnosis, Finding, Whose};
pub use doctor::doctor;
pub use error::{ContainmentError, ControlError, PutError, ReadError, Refusal, StartError};
pub use events::{EventPage, Events};
pub use files::{FileError, file_in};
pub use guardrails::{GuardrailChange, GuardrailEntry, GuardrailError, Guardrails};
pub use handle::Handle;
pub use health::{Backlog, EngineHealth, EngineTrouble};

pub use engine::Engine;
pub use inbox::InboxEntry;
pub use manual_call::ManualCall;
pub use overdue::{Overdue, OverdueCursor, OverduePage, OverdueQuery, OverdueRow};
pub use playbooks::Playbooks;
pub use publications::{PublicationEntry, PublicationError, Publications, PublishFrom};
pub use reader::Reader;
pub use reads::{ReadRequest, Reads};
pub use recovery::Recovered;
pub use rerun::{Rerun, RerunError};
pub use settings::SettingError;
pub use shutdown::Shutdown;
pub use snapshot::{
    CircuitWord, EngineSnapshot, ExecutionLoad, GateLoad, IntegrationLoad, JournalLoad, ShardLoad, StoreLoad,
    TenantLoad,
};
pub use standstill::Standstill;
pub use submission::{Submission, SubmitError};
pub use triggers::{TriggerEntry, TriggerError, TriggerPut, Triggers, WebhookAnswer, Webhooks};
pub use updraft_actors::gates::{CircuitName, ToolCircuit, ToolGate};
pub use updraft_actors::{CancelVerdict, Clock, Event, EventKind, Inspection, Lost, MissingOne, SystemClock};
pub use updraft_cacao as cacao;
pub use updraft_cache::CacheFigures;
pub use updraft_connectors as connectors;
pub use updraft_integrations as integrations;
pub use updraft_kernel::{
    backlog::BacklogFull, batch_limit::BatchLimit, circuit::CircuitCounts, circuit::ForcedCircuit,
    guardrail::GuardrailConcern, guardrail::GuardrailMistake, guardrail::PlannedGuardrail,
    idempotency::OnReuse, invariant, machine::LoopProgress, machine::RunningLoop, pairing::Loss,
    pairing::Mismatch, plan::Mistake, plan::Plan, plan::check_schema, publication::PlannedPublication,
    shard_epochs::ShardEpochs, template::Structure, trigger::PlannedTrigger, trigger::WebhookRequest,
    virtual_shard::VirtualShard, watch::OverdueCounts,
};
pub use updraft_protocol::{
    ActionSpec, Answer, Applied, ApprovalAnswer, ApprovalOutcome, Argument, Asked, AskedPeople, AuditId,
    AuditRecord, AuthoredNames, BreakerError, BreakerPolicy, CacheFound, CacheMode, CacheUse, Call,
    CallFiles, CallLimits, CallPermit, CallRecord, Cap, Catalogue, ContainmentApplied, ContainmentAsk,
    ContainmentChange, ContainmentDetails, ContainmentDocument, ContainmentEntry, ContainmentId,
    ContainmentRefusal, ContainmentStatus, ControlHistory, ControlKind, ControlRecord, ControlRefusal,
    DayTime, DeadLetter, Declaration, DocumentId, Effect, EventCursor, EventPosition, ExecutionDocument,
    ExecutionFile, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Failure,
    FailureKind, FileId, FileWriter, FilesOfExecution, Firing, Flaw, FurtherRequests, Gate, GivenAnswer,
    GivenSecret, GivenSignal, Guardrail, GuardrailFile, Happened, Held, Hold, Holder, IdempotencyKey,
    InputHash, Integration, Json, KeyHolder, LimitError, Masking, Missed, Name, Number, Omission, OnlyCalls,
    OpenFile, OpenHours, OpenTime, OverCap, Overlap, Parent, Pause, PauseCause, PauseScope, PermitFuture,
    PermitRequest, Playbook, PlaybookChoice, PlaybookDocument, PlaybookId, PlaybookStatus, Poll, PollFailing,
    PollState, Priority, ProtectedTargets, Publication, PublicationProgress, PublicationTarget,
    PublicationTrouble, PublishedStream, PublishedWebhook, Quota, QuotaError, Rate, ReceivedSignals,
    RequestFuture, RerunOf, Revision, Schedule, ScopePath, Secret, SecretProvider, SecretReference, Sending,
    Setting, SettingKind, Signal, SignatureScheme, Span, StepId, StepPart, SubmissionRate, TargetKind,
    TaskDocument, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate, TenantCode, TenantEvent, Timestamp,
    ToldEvent, Trigger, TriggerHistory, TriggerSource, UndoCall, UndoRecord, UndoStatus, UnknownTarget,
    Update, Value, Wait, WaitKind, Webhook, WebhookBody, WebhookSignature, Weekday, limits, outline, parse,
    playbook, schema, secret, text, value,
};
pub use updraft_redis::{RedisAddress, RedisFigures, RedisPoolMode, RedisSettings};
#[cfg(feature = "mongodb")]
pub use updraft_storage::MongoAddress;
pub use updraft_storage::journal::{Durability, Torn};
pub use updraft_storage::memory::MemoryStore;
#[cfg(feature = "mongodb")]
pub use updraft_storage::mongo::{self, MongoStore};
pub use updraft_storage::sqlite::SqliteStore;
pub use updraft_storage::store::{
    AuditQuery, AuditStore, Bond, BondStore, ContainmentCursor, ContainmentQuery, ContainmentStore,
    ContainmentsOf, Cursor, DeadLetterStore, Detail, EpochStore, Error as StoreError, EventQuery, EventStore,
    ExecutionQuery, ExecutionStore, ExecutionsOf, Health, Inbox, InboxCursor, InboxQuery, Kept, OverdueTasks,
    OverdueTasksCursor, OverdueTasksQuery, Owner, OwnerStore, PlaybookRuntime, PlaybookStore, PoolStatistics,
    PutOutcome, QueryStore, Resumable, SettingStore, SlowestQuery, Store, TaskQuery, Trouble, WriteOutcome,
};
pub use updraft_storage::write_behind::Pending;
pub use updraft_storage::{AddressError, StoreAddress};
pub use why::{EndedBy, ExplainedWait, Explanation};

/// The README's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The code of the page on embedding, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;

/// The code of the page on events, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/events.md")]
struct EventsPage;
