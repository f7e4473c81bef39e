//! HTTP: the integration for every tool with an HTTP interface. Owns pools of connections and the policy for their
//! destinations; keeps no cookies, follows redirects and uses proxies only if configured, sends nothing twice.

mod address;
pub mod allow;
mod answer;
mod arguments;
mod asking;
mod attempt;
mod auth;
mod body;
mod builder;
mod capacity;
mod cause;
mod charset;
mod check;
mod client;
mod coding;
mod connect;
pub(crate) mod connection;
pub(crate) mod contexts;
pub(crate) mod dial;
mod exchange;
mod failure;
mod fields;
mod filed;
mod frames;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handover;
pub(crate) mod handshake;
mod headers;
mod hosts;
mod json;
mod jsonpath;
mod keep;
mod oauth;
pub(crate) mod open;
mod options;
mod outcome;
mod outgoing;
mod pattern;
mod payload;
mod policy;
mod pools;
mod problem;
pub mod proxy;
mod rate_headers;
mod redirect;
mod routes;
mod socks;
mod statuses;
pub mod tls;
mod tokens;
mod tunnel;

use std::fmt;
use std::sync::LazyLock;

use tracing::Instrument;
use updraft_protocol::{
    ActionSpec, Answer, Call, Effect, Flaw, Integration, Json, PermitFuture, PermitRequest, TargetKind, Value,
};

pub use allow::Allow;
pub use builder::{Error, HttpBuilder};
pub use pattern::HostPattern;
pub use proxy::Proxy;
pub use statuses::Statuses;
pub use tls::{Tls, TlsVersion};

use self::capacity::Capacity;
use self::hosts::Hosts;
use self::pools::Pools;
use self::tokens::Tokens;

/// The JSON Schema of the arguments.
static SCHEMA: LazyLock<Option<Json>> = LazyLock::new(|| Json::parse(include_str!("http/schema.json")).ok());

/// The one action.
const REQUEST: &str = "request";

/// Calls tools by HTTP. Action: `request`.
///
/// # Arguments
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `url` | `http` or `https`, without credentials; scheme, host and prefix are the author's | needed |
/// | `method` | GET, POST, PUT, PATCH, DELETE or HEAD | GET |
/// | `path` | map of names to secrets, each for `{name}` in the path of `url`, encoded | none |
/// | `headers` | map of names to scalars | none |
/// | `query` | map of names to scalars or lists of them; joins the query of the URL | none |
/// | `auth` | `basic: {user, password}`, `bearer: {$secret: …}`, or `oauth2: {…}`, see below | none |
/// | `json` | the body: any value | no body |
/// | `form` | the body: a map as in `query` | |
/// | `text`, `bytes` | the body: a text as it is, or base64 | |
/// | `body_file` | the body: a file of the execution, as `steps.ID.output.file`, or its id | |
/// | `multipart` | the body: a map of names to texts, or to `{content or bytes, filename, content_type}` | |
/// | `expect` | the statuses of success: `[200, "3xx", "404-410"]` | `["2xx"]`, and 303 after a write |
/// | `retry_on` | the other statuses after which another attempt may help | 408, 425, 429, 500, 502, 503, 504 |
/// | `effect` | the effect of the request: `read` or `write` | `read` for GET and HEAD |
/// | `require` | `body`: an unreadable answer is a failure; `nothing`: it is a note | `body` of a read |
/// | `acted` | the other statuses that show, or leave open, that the tool acted | see below |
/// | `not_acted` | the other statuses that show that it did not act | see below |
/// | `response` | how the answer is read: `json`, `ndjson` (JSON in lines, a list), `text`, `file` (to a file of the execution) or `none` | `json` |
/// | `keep` | a JSONPath (RFC 9535, without `match` and `search`), or a map of names to such: what of the JSON is kept | all |
/// | `keep_headers` | the names of headers that are kept besides those below: `[ETag, X-Next]` | none |
/// | `max_bytes` | how much of the body is kept, at most [`RESPONSE_BYTES`] | as much |
/// | `redirects` | how many redirects are followed, at most [`HTTP_REDIRECTS`] | 0: a redirect is the answer |
///
/// Of these, `json` is any value; `url`, `headers`, `query`, `form`, `text`, `bytes`, `multipart` and `auth` are maps
/// and texts of the author, in which templates give single values; all others are constants, without templates. A
/// header beyond ASCII is sent as UTF-8. Each value, except `url`, may be a reference to a secret: `{$secret: NAME,
/// prefix: "…"}`.
///
/// `oauth2` has `token_url`, `client_id` and `client_secret` (a secret); `grant: refresh_token` with `refresh_token` (a
/// secret) in place of client credentials; `scope` (a text or a list), `parameters` (a map: `audience`), and
/// `client_auth: body` if the server wants id and secret in its form. A token is fetched once for all waiting calls,
/// kept only in memory, and renewed before its expiry and once after a 401. If the server replaces a refresh token, the
/// new one is used from then on, until the process ends or another one is configured. All steps of the tenant with the
/// same `token_url`, `client_id` and `refresh_token` share it, whatever their `scope` and `parameters` are, and use it
/// one after the other. The server has [`HTTP_TOKEN_FETCH`] for its answer, which is kept even if the attempt is over.
/// Over [`HTTP_TOKENS_OF_TENANT`] tokens of a tenant, the least recently used one is fetched again when it is needed;
/// over [`HTTP_REFRESH_TOKENS_OF_TENANT`] replaced refresh tokens, the least recently used one must be configured
/// again.
///
/// # Output
///
/// `{"status": 200, "headers": {…}, "body": …, "note": "…"}`.
///
/// * `headers` has the headers that `keep_headers` names, `location`, `link`, `retry-after` and those of rate limits
///   (`ratelimit*`, `x-ratelimit*`, `x-rate-limit*`): names in lower case, several values joined by `, ` (RFC 9110, 5.3),
///   [`HTTP_KEPT_HEADERS_BYTES`] in all. `set-cookie` only where it is named.
/// * `body` is `null` where there is none, whatever the status: 200, 201, 202, 204, blanks only. With `keep` it is the one
///   value where the path has names and indexes alone; any other path gives a list, of none, one or more. With a map of paths
///   it has what each of them gives, under its name; one that gives nothing is left out. Numbers are kept to their last digit.
/// * An answer is read whole before `keep` selects: [`HTTP_READ_BYTES`] and [`HTTP_VALUES`] at most. `gzip`, `deflate`,
///   `br` and `zstd` are unpacked, within the same bound. The charset is that of a byte order mark, of `Content-Type`, or
///   UTF-8. A bad character (also half a pair, `\ud800`) becomes U+FFFD. `application/x-ndjson`, `application/jsonl` and
///   the like are lists.
///
/// For an answer with an expected status that cannot be read (interrupted, late, too large, not JSON, in an unknown
/// compression or charset, without the value that `keep` asks for, nested too deeply):
///
/// | `require` | outcome |
/// | --- | --- |
/// | `body` | failed: `interrupted` and `timeout`, which another attempt may mend; `too_large`; `invalid_response` |
/// | `nothing` | completed: `body` has what could be kept (the beginning of a text, whole lines, a list or map that was whole), else `null`; `note` says what could not, and why |
///
/// # Redirects
///
/// With `redirects: 3`, 301, 302, 303, 307 and 308 with a `Location` are followed, whatever `expect` is, at most three
/// times. Each hop is a request of its own: judged by the policy, with a permit of its own at its host, within the
/// attempt's time.
///
/// * 303 goes on as GET, as do 301 and 302 after POST, without the body; all else keeps method and body (RFC 9110, 15.4).
/// * Another origin (scheme, host, port) gets no `Authorization`, no `Cookie`, no header with a secret and no
///   `Idempotency-Key`, nor does it give them back by leading back. Where a secret stands in the URL or the body, and would go
///   along, the step fails: `forbidden`.
/// * From `https` to `http`, to another scheme, to a URL with credentials or to where the policy forbids, the step fails:
///   `forbidden`; in a circle or once too often: `status`. Neither is retried.
/// * The last answer is judged and read. A 303 on the way to it says that a write was done, whatever comes after it.
///
/// # How hosts are reached
///
/// | configured | by | unless configured |
/// | --- | --- | --- |
/// | where requests may go | [`HttpBuilder::allow`] | the public Internet |
/// | whose certificates are trusted | [`HttpBuilder::trust`]; for some hosts [`Tls::trust`] | the machine's authorities |
/// | a certificate of the client | [`Tls::identity`] | none |
/// | the oldest version of TLS | [`Tls::minimum`] | 1.2 |
/// | the name that a server must have | [`Tls::server_name`] | that of the URL |
/// | a proxy | [`HttpBuilder::proxy`], [`HttpBuilder::proxy_for`], [`HttpBuilder::direct`], [`HttpBuilder::proxy_from_environment`] | none |
///
/// [`HttpBuilder::tls`] sets the TLS settings for the hosts of a [`HostPattern`]. Hosts with different settings never
/// share a connection. No setting leaves a certificate unverified. HTTP/2 is used if a server offers it over TLS.
///
/// # Failures
///
/// A failure contains the answer, if there was one: `{"status": 409, "headers": {…}, "body": …, "note": "…"}`, with
/// [`HTTP_FAILURE_BODY_BYTES`] of the body: JSON if it is JSON and fits, else the beginning of the text.
///
/// Whether the tool may have acted decides between `unknown` and `failed` for a step that is sent at most once. The
/// step's `acted` and `not_acted` decide first (a status in both may have acted), then:
///
/// | outcome | the tool |
/// | --- | --- |
/// | no permit, token, name, connection or handshake; refused by policy, or by a proxy | has not acted |
/// | a stream of HTTP/2 that the server refused, or did not process before it shut down | has not acted |
/// | 429; 503 with `Retry-After`: `rate_limited` | has not acted |
/// | 3xx but 303; 4xx but 408; 501; 505 | has not acted |
/// | 408; 5xx but those above; an undefined status | may have acted |
/// | no answer, a broken connection, or more than [`HTTP_INTERIM_ANSWERS`] interim ones (1xx), after a connection took the request | may have acted |
/// | an unexpected 2xx or 303, or an unreadable required body, of a write | may have acted |
///
/// An untrusted certificate, an unsupported version of TLS, and a client certificate that is missing or refused are
/// `unreachable` and not retried: the message names the setting. So are credentials that a proxy refuses, and hosts to
/// which it does not connect.
///
/// `Retry-After` is kept as it was received, up to a year, after any status: seconds, or a date relative to the `Date`
/// of the answer; of several the longest.
///
/// # Guarantees and limits
///
/// * Every attempt at a task carries the same `Idempotency-Key`. One attempt sends one request once: nothing underneath
///   repeats what was written.
/// * The attempt's time begins when a connection takes the request. The wait for a token, and that for a connection, have
///   as much each, that for a permit almost [`ATTEMPT_UNSENT`]; they end as [`FailureKind::Unreachable`]. The permit of the first
///   request is obtained before the intent of the attempt is written; that of a redirect, and of a request that is
///   repeated with another token, within the attempt's time. Decompression and selection have a little more time, so
///   that the outcome can be reported. Dropping the future closes the connection to
///   the tool.
/// * 50 requests at once to one host, 40 of them one tenant's; 20 idle connections per host and shard, 90 s;
///   10 s for look-up, proxy, connection and TLS handshake. The pool underneath has no limit for idle
///   connections to all hosts together; the 90 s bound them. One of HTTP/2 is pinged every 30 s.
/// * [`HTTP_LARGE_ANSWERS`] answers beyond [`RESPONSE_BYTES`] at once, and as many that are unpacked, parsed and selected
///   from, half of them one tenant's: that bounds the memory of all answers. Each JSONPath has a budget of work.
/// * The public Internet only, and what is allowed: a name that leads to the machine itself, its network
///   or its metadata is [`FailureKind::Forbidden`], also when it led elsewhere a moment before. A proxy looks names up
///   itself: through one, only what is allowed by its name is reached, and addresses that may be reached anyway.
/// * Secrets are sent and never kept: no failure and no log line has them, and where a tool sends one back, also as JSON,
///   HTML, URLs, forms, hexadecimal digits and base64 encode it, it is replaced by `***`.
///
/// ```
/// use updraft_integrations::HttpIntegration;
///
/// let http = HttpIntegration::builder().allow("siem.internal:8443".parse()?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`HTTP_FAILURE_BODY_BYTES`]: updraft_protocol::limits::HTTP_FAILURE_BODY_BYTES
/// [`HTTP_KEPT_HEADERS_BYTES`]: updraft_protocol::limits::HTTP_KEPT_HEADERS_BYTES
/// [`HTTP_INTERIM_ANSWERS`]: updraft_protocol::limits::HTTP_INTERIM_ANSWERS
/// [`HTTP_REDIRECTS`]: updraft_protocol::limits::HTTP_REDIRECTS
/// [`HTTP_LARGE_ANSWERS`]: updraft_protocol::limits::HTTP_LARGE_ANSWERS
/// [`HTTP_REFRESH_TOKENS_OF_TENANT`]: updraft_protocol::limits::HTTP_REFRESH_TOKENS_OF_TENANT
/// [`HTTP_TOKENS_OF_TENANT`]: updraft_protocol::limits::HTTP_TOKENS_OF_TENANT
/// [`HTTP_TOKEN_FETCH`]: updraft_protocol::limits::HTTP_TOKEN_FETCH
/// [`HTTP_READ_BYTES`]: updraft_protocol::limits::HTTP_READ_BYTES
/// [`ATTEMPT_UNSENT`]: updraft_protocol::limits::ATTEMPT_UNSENT
/// [`HTTP_VALUES`]: updraft_protocol::limits::HTTP_VALUES
/// [`RESPONSE_BYTES`]: updraft_protocol::limits::RESPONSE_BYTES
/// [`FailureKind::Forbidden`]: updraft_protocol::FailureKind::Forbidden
/// [`FailureKind::Unreachable`]: updraft_protocol::FailureKind::Unreachable
pub struct HttpIntegration {
    pools: Pools,
    hosts: Hosts,
    capacity: Capacity,
    tokens: Tokens,
}

impl HttpIntegration {
    /// The default configuration: the public Internet only.
    pub fn builder() -> HttpBuilder {
        HttpBuilder::default()
    }
}

impl fmt::Debug for HttpIntegration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpIntegration").field("policy", self.pools.policy()).finish_non_exhaustive()
    }
}

impl Integration for HttpIntegration {
    fn actions(&self) -> &[&str] {
        &[REQUEST]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        ActionSpec {
            schema: SCHEMA.clone(),
            arguments: &arguments::KNOWN,
            takes_secrets: true,
            effect: Effect::Write,
            // It depends on whether the tool supports `Idempotency-Key`, which few do.
            is_idempotent: false,
            target: Some("url"),
            target_kind: Some(TargetKind::Url),
            says_sending: true,
            takes_permit: true,
            leads_on: Some("redirects"),
            // An answer without a body, as many tools give: what a step reads of one has to be written down.
            example: Some(serde_json::json!({"status": 200, "headers": {}, "body": null}).into()),
            ..ActionSpec::default()
        }
    }

    fn effect(&self, _action: &str, arguments: &Value) -> Effect {
        arguments::effect_of(arguments)
    }

    fn may_change(&self, _action: &str, arguments: &Value) -> bool {
        arguments::may_change(arguments)
    }

    fn uses_files(&self, _action: &str, arguments: &Value) -> bool {
        arguments::uses_files(arguments)
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        check::flaws(arguments)
    }

    fn missing_for(&self, base: &str) -> Option<String> {
        check::missing_for(base, &self.pools)
    }

    fn permit(&self, request: &PermitRequest<'_>) -> Option<PermitFuture> {
        self.place_before(request)
    }

    fn call(&self, call: Call) -> Answer<'_> {
        let span = tracing::debug_span!(
            "http_request",
            tenant = %call.tenant,
            peid = %call.peid,
            step = %call.step_id,
            attempt = call.attempt,
            host = tracing::field::Empty,
        );
        let attempt = async move {
            let answer = self.attempt(call).await;
            if let Err(failure) = &answer {
                tracing::debug!(%failure, "failed");
            }
            answer
        };
        Box::pin(attempt.instrument(span))
    }
}
