//! The shared types of Updraft: ids, the playbook model, documents, updates, failures, the integration port, limits and
//! the codec. No IO, no clock, nothing that runs.

mod approval;
mod audit;
pub mod authored;
mod call_record;
pub mod codec;
mod containment;
mod control;
mod control_history;
pub mod dead_letter;
pub mod document;
mod ending;
mod event;
pub mod execution_file;
pub mod failure;
mod field;
mod guardrail;
pub mod idempotency;
pub mod ids;
pub mod input_hash;
pub mod integration;
pub mod json;
mod json_text;
pub mod limits;
pub mod outline;
mod parent;
pub mod parse;
mod pause;
pub mod playbook;
mod priority;
mod publication;
mod quota;
mod rerun;
pub mod schema;
pub mod scope;
pub mod secret;
mod setting;
mod signal;
mod size;
pub mod status;
pub mod suggest;
pub mod text;
pub mod time;
mod trigger;
mod undo;
pub mod update;
pub mod value;
mod wait;

pub use approval::{ApprovalAnswer, ApprovalOutcome, Gate, GivenAnswer};
pub use audit::AuditRecord;
pub use authored::{AuthoredNames, AuthoredStep, StepPart};
pub use call_record::{CacheFound, CacheUse, CallRecord, Omission};
pub use containment::{
    ContainmentApplied, ContainmentAsk, ContainmentChange, ContainmentDetails, ContainmentDocument,
    ContainmentEntry, ContainmentRefusal, ContainmentStatus, Holder,
};
pub use control::{Applied, ControlRefusal};
pub use control_history::{ControlHistory, ControlKind, ControlRecord, GivenSignal};
pub use dead_letter::DeadLetter;
pub use document::{
    ExecutionDocument, ExecutionHead, ExecutionState, PlaybookDocument, TaskDocument, TaskHead, TaskState,
};
pub use ending::ExecutionEnding;
pub use event::{
    EventCursor, EventPosition, ExecutionPositions, Happened, TaskPositions, TenantEvent, TenantEventKind,
    ToldEvent,
};
pub use execution_file::{CallFiles, ExecutionFile, FileWriter, FilesOfExecution, OpenFile};
pub use failure::{Failure, FailureKind};
pub use field::{Field, FieldReader, FieldSpec, FieldValue, FieldWriter, Fields};
pub use guardrail::{
    AskedPeople, Cap, DayTime, Guardrail, GuardrailFile, OnlyCalls, OpenHours, OpenTime, OverCap,
    ProtectedTargets, UnknownTarget, Weekday,
};
pub use idempotency::{IdempotencyKey, KeyHolder};
pub use ids::{AuditId, ContainmentId, ExecutionId, FileId, Name, PlaybookId, StepId, TaskId, TenantCode};
pub use input_hash::InputHash;
pub use integration::{
    ActionSpec, Answer, Argument, BreakerError, BreakerPolicy, Call, CallLimits, CallPermit, Catalogue,
    Effect, Flaw, FurtherRequests, Held, Integration, LimitError, PermitFuture, PermitRequest, Rate,
    RequestFuture, Sending, TargetKind,
};
pub use json::Json;
pub use parent::{Parent, PlaybookChoice};
pub use pause::{Asked, Pause, PauseCause, PauseScope};
pub use playbook::Playbook;
pub use priority::{NotAPriority, Priority};
pub use publication::{
    Publication, PublicationProgress, PublicationTarget, PublicationTrouble, PublishedStream,
    PublishedWebhook, StandingPublication,
};
pub use quota::{Quota, QuotaError, SubmissionRate};
pub use rerun::{Declaration, RerunOf};
pub use scope::ScopePath;
pub use secret::{GivenSecret, Masking, Secret, SecretProvider, SecretReference};
pub use setting::{Setting, SettingKind};
pub use signal::{ReceivedSignals, Signal};
pub use status::{CacheMode, ExecutionStatus, PlaybookStatus, TaskStatus};
pub use time::{Span, Timestamp};
pub use trigger::{
    Firing, MessageQueue, Missed, Overlap, Poll, PollFailing, PollState, Schedule, SignatureScheme,
    StandingTrigger, Trigger, TriggerHistory, TriggerSource, Webhook, WebhookBody, WebhookSignature,
};
pub use undo::{Hold, UndoCall, UndoRecord, UndoStatus};
pub use update::{DocumentId, ExecutionUpdate, Revision, TaskUpdate, Update};
pub use value::{Number, Value};
pub use wait::{Progress, Wait, WaitKind};
