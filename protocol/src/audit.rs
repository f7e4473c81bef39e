//! The audit: who asked for what, when, why, and what it came to. Records are added and never changed. Decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::field::fields;
use crate::ids::{AuditId, TenantCode};
use crate::json::Json;
use crate::time::Timestamp;

fields! {
    /// One record of the audit (`audit_collection`).
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct AuditRecord {
        /// Its id: random, and in the order of time.
        pub id as "_id": AuditId,
        /// The tenant that it is about; `None` if it is about all.
        pub tenant_code: Option<TenantCode>,
        /// When.
        pub at: Timestamp,
        /// The person; `None` if it was the engine.
        pub uid: Option<Arc<str>>,
        /// What was asked for or decided, such as `guardrail.set` or `call.refused`.
        pub what: Arc<str>,
        /// What it is about: a guardrail, a task, a tool.
        pub subject: Arc<str>,
        /// What it came to, such as `done` or `refused`.
        pub outcome: Arc<str>,
        /// Why.
        pub reason: Option<Arc<str>>,
        /// The rest; at most [`AUDIT_DETAIL_BYTES`](crate::limits::AUDIT_DETAIL_BYTES) large. Never a secret.
        pub details: Option<Json>,
    }
}
