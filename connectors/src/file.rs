//! The form of a connector's file, as it is written. Owns the names of its fields; checks nothing beyond their shape.

use std::collections::BTreeMap;

use serde::Deserialize;
use updraft_protocol::playbook::CachePolicy;
use updraft_protocol::{Name, Span, TenantCode, Value};

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenConnector {
    pub(crate) connector: Name,
    pub(crate) version: u32,
    pub(crate) description: Option<String>,
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) constants: BTreeMap<String, Value>,
    /// Constants of single tenants, in place of those.
    #[serde(default)]
    pub(crate) tenants: BTreeMap<TenantCode, BTreeMap<String, Value>>,
    pub(crate) auth: Option<Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
    pub(crate) tls: Option<WrittenTls>,
    /// `direct`, or the URL of a proxy.
    pub(crate) proxy: Option<String>,
    /// Other origins that requests may name.
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    pub(crate) limits: Option<WrittenLimits>,
    pub(crate) health: Option<WrittenHealth>,
    pub(crate) actions: BTreeMap<String, WrittenAction>,
}

/// TLS of the hosts that it names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenTls {
    /// A PEM file of authorities, beside the connector's file.
    pub(crate) trust: Option<String>,
    /// A PEM file with the client's certificate and key.
    pub(crate) identity: Option<String>,
    pub(crate) minimum: Option<WrittenTlsVersion>,
    pub(crate) server_name: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) enum WrittenTlsVersion {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

/// How many calls the vendor takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenLimits {
    pub(crate) at_once: Option<u32>,
    pub(crate) at_once_of_tenant: Option<u32>,
    #[serde(default)]
    pub(crate) rates: Vec<WrittenRate>,
    #[serde(default)]
    pub(crate) shared: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRate {
    pub(crate) calls: u32,
    pub(crate) per: Span,
    pub(crate) burst: Option<u32>,
}

/// A call that shows whether the vendor answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenHealth {
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) arguments: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenAction {
    pub(crate) description: Option<String>,
    /// A JSON Schema.
    pub(crate) arguments: Option<BTreeMap<String, Value>>,
    pub(crate) effect: Option<WrittenEffect>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) target: Option<WrittenTarget>,
    pub(crate) timeout: Option<Span>,
    pub(crate) cache: Option<CachePolicy>,
    pub(crate) request: WrittenRequest,
    pub(crate) result: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(crate) failures: Vec<WrittenRule>,
    pub(crate) pagination: Option<WrittenPages>,
    pub(crate) polling: Option<WrittenPoll>,
    pub(crate) example: Option<Value>,
    pub(crate) contract: Option<WrittenContract>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenEffect {
    Read,
    Write,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenTarget {
    pub(crate) argument: String,
    pub(crate) kind: Option<WrittenTargetKind>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenTargetKind {
    Host,
    Ip,
    User,
    Domain,
    Url,
    Hash,
    Mail,
}

/// A request, in the words of the HTTP integration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRequest {
    pub(crate) method: Option<String>,
    /// What follows the base URL.
    pub(crate) path: Option<String>,
    /// A whole URL in place of base URL and path.
    pub(crate) url: Option<String>,
    /// Secrets in the path, as `path` of the HTTP integration has them.
    pub(crate) path_secrets: Option<Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
    pub(crate) query: Option<Value>,
    pub(crate) json: Option<Value>,
    pub(crate) form: Option<Value>,
    pub(crate) text: Option<Value>,
    pub(crate) bytes: Option<Value>,
    /// A file of the execution.
    pub(crate) body_file: Option<Value>,
    pub(crate) multipart: Option<Value>,
    pub(crate) expect: Option<Value>,
    pub(crate) retry_on: Option<Value>,
    pub(crate) acted: Option<Value>,
    pub(crate) not_acted: Option<Value>,
    pub(crate) response: Option<Value>,
    /// What of a large answer is kept: a JSONPath, or several by name.
    pub(crate) keep: Option<Value>,
    pub(crate) keep_headers: Option<Value>,
    pub(crate) max_bytes: Option<Value>,
}

/// What an answer means that is no success, or is one although its status is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRule {
    pub(crate) status: Option<Value>,
    pub(crate) when: Option<String>,
    pub(crate) is: Option<WrittenMeaning>,
    pub(crate) message: Option<String>,
    /// Whether the tool may have acted.
    pub(crate) acted: Option<bool>,
    /// The output, where this is an answer and no failure.
    pub(crate) result: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenMeaning {
    Retry,
    RateLimited,
    NotFound,
    Denied,
    Invalid,
    Failed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenPages {
    pub(crate) by: WrittenWay,
    /// The list of one page.
    pub(crate) items: String,
    /// The cursor, or the URL, of the next page.
    pub(crate) next: Option<String>,
    /// The number of the first page.
    pub(crate) first: Option<u32>,
    /// How many items a whole page has.
    pub(crate) size: Option<u32>,
    pub(crate) pages: Option<u32>,
    pub(crate) at_most: Option<u32>,
    /// Where all items go, if not into the output.
    pub(crate) into: Option<WrittenInto>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenInto {
    File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenWay {
    Cursor,
    Url,
    Link,
    Page,
    Offset,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenPoll {
    pub(crate) request: WrittenRequest,
    pub(crate) until: String,
    pub(crate) fails_when: Option<String>,
    /// Statuses that mean: not yet.
    pub(crate) pending: Option<Value>,
    pub(crate) interval: Span,
    pub(crate) deadline: Span,
}

/// A call whose answer was recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenContract {
    #[serde(default)]
    pub(crate) arguments: BTreeMap<String, Value>,
    /// The output then; without it, the example is compared.
    pub(crate) output: Option<Value>,
}
