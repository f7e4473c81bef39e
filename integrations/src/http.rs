//! HTTP: the integration for every tool that speaks it. Owns pools of connections and the policy of where
//! they may lead; keeps no cookies, follows no redirects, uses no proxy, unpacks nothing.

mod address;
pub mod allow;
mod answer;
mod arguments;
mod attempt;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hosts;
mod keep;
mod policy;
mod pools;
mod statuses;

use std::fmt;
use std::sync::Arc;

use reqwest::Certificate;
use thiserror::Error;
use tracing::Instrument;
use updraft_protocol::limits::{HTTP_ALLOWED, HTTP_OPEN_PER_HOST, HTTP_OPEN_PER_HOST_OF_TENANT};
use updraft_protocol::{Answer, Call, Integration};

pub use allow::Allow;

use self::hosts::Hosts;
use self::policy::Policy;
use self::pools::Pools;
use crate::secret::{SecretMap, SecretSource};

/// The one action.
const REQUEST: &str = "request";

/// Calls tools by HTTP. Action: `request`.
///
/// # Arguments
///
/// | argument | meaning | where it is not given |
/// | --- | --- | --- |
/// | `url` | `http` or `https`, without credentials | needed |
/// | `method` | GET, POST, PUT, PATCH, DELETE or HEAD | GET |
/// | `headers` | map of names to texts, or to `{secret: NAME, prefix: "Bearer "}` | none |
/// | `query` | map of names to scalars or lists of them; joins the query of the URL | none |
/// | `json` or `form` | the body: any value, or a map as in `query` | no body |
/// | `expect` | the statuses of success: `[200, "3xx", "404-410"]` | `["2xx"]` |
/// | `retry_on` | the other statuses that another attempt may mend | 408, 425, 429, 500, 502, 503, 504 |
/// | `response` | how the answer is read: `json`, `text` or `none` | `json` |
/// | `keep` | a JSONPath (RFC 9535, without `match` and `search`): what of the JSON is kept | all |
/// | `max_bytes` | the largest answer that is read | [`RESPONSE_BYTES`] |
///
/// # Output
///
/// `{"status": 200, "body": …}`. With `keep`, `body` is the one value that the path matches, or the list of
/// several; an answer without a match is a failure. An answer without content (204, HEAD) has `null`.
///
/// # What it keeps to
///
/// * Every attempt at a task carries the same `Idempotency-Key`.
/// * An attempt takes no longer than the step's timeout, the wait for a free connection included. Dropping
///   the future closes the connection.
/// * 50 requests at once to one host, 40 of them one tenant's; 20 idle connections per host and shard, 90 s;
///   10 s for look-up, connection and TLS handshake. The client underneath has no limit for idle
///   connections to all hosts together; the 90 s bound them.
/// * The public Internet only, and what was allowed: a name that leads to the machine itself, its network
///   or its metadata is [`FailureKind::Forbidden`], also when it led elsewhere a moment before.
/// * Secrets are sent and never kept: no failure and no log line has them, and where a tool sends one back
///   it is replaced by `***`.
///
/// ```
/// use updraft_integrations::{HttpIntegration, Secret, SecretMap};
///
/// let secrets = SecretMap::default().with("acme".parse()?, "SIEM_TOKEN".parse()?, Secret::new("s3cret"));
/// let http = HttpIntegration::builder().secrets(secrets).allow("siem.internal:8443".parse()?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`RESPONSE_BYTES`]: updraft_protocol::limits::RESPONSE_BYTES
/// [`FailureKind::Forbidden`]: updraft_protocol::FailureKind::Forbidden
pub struct HttpIntegration {
    pools: Pools,
    hosts: Hosts,
    secrets: Arc<dyn SecretSource>,
}

impl HttpIntegration {
    /// What can be configured, at its defaults: no secrets, the public Internet only.
    pub fn builder() -> Builder {
        Builder {
            allowed: Vec::new(),
            roots: Vec::new(),
            secrets: Arc::new(SecretMap::default()),
            per_host: HTTP_OPEN_PER_HOST,
            per_tenant: HTTP_OPEN_PER_HOST_OF_TENANT,
        }
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

/// Why there is no HTTP integration with this configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The allow-list is too long.
    #[error("the allow-list has {0} entries; at most {HTTP_ALLOWED} are allowed")]
    Allowed(usize),
    /// The text has no certificate, or one that cannot be read.
    #[error("not a PEM bundle of certificates: {0}")]
    Certificate(String),
    /// No request could ever be sent.
    #[error("at least one request at once is needed per host, and per host and tenant")]
    OpenPerHost,
}

impl Error {
    /// Whether trying again can help: never, the configuration stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// What can be configured of HTTP.
#[must_use]
pub struct Builder {
    allowed: Vec<Allow>,
    roots: Vec<Certificate>,
    secrets: Arc<dyn SecretSource>,
    per_host: usize,
    per_tenant: usize,
}

impl Builder {
    /// Allows one more destination that is not on the public Internet.
    pub fn allow(mut self, entry: Allow) -> Self {
        self.allowed.push(entry);
        self
    }

    /// Where secrets come from.
    pub fn secrets(mut self, source: impl SecretSource) -> Self {
        self.secrets = Arc::new(source);
        self
    }

    /// Trusts the certificates of a PEM bundle besides those of the machine: an authority of one's own.
    ///
    /// # Errors
    /// [`Error::Certificate`] where there is none or one cannot be read.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, Error> {
        let certificates =
            Certificate::from_pem_bundle(pem).map_err(|error| Error::Certificate(error.to_string()))?;
        if certificates.is_empty() {
            return Err(Error::Certificate("there is none in it".to_owned()));
        }
        self.roots.extend(certificates);
        Ok(self)
    }

    /// How many requests at once go to one host, and how many of them for one tenant.
    pub fn open_per_host(mut self, of_all: usize, of_tenant: usize) -> Self {
        (self.per_host, self.per_tenant) = (of_all, of_tenant);
        self
    }

    /// The integration.
    ///
    /// # Errors
    /// Where the configuration contradicts itself.
    pub fn build(self) -> Result<HttpIntegration, Error> {
        if self.allowed.len() > HTTP_ALLOWED {
            return Err(Error::Allowed(self.allowed.len()));
        }
        if self.per_host == 0 || self.per_tenant == 0 {
            return Err(Error::OpenPerHost);
        }
        Ok(HttpIntegration {
            pools: Pools::new(Policy::new(self.allowed), self.roots),
            hosts: Hosts::new(self.per_host, self.per_tenant),
            secrets: self.secrets,
        })
    }
}
