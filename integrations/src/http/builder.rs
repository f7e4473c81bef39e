//! `HttpBuilder`: the configuration of HTTP, and why it may be refused. Opens nothing.

use rustls::pki_types::CertificateDer;
use thiserror::Error;
use updraft_protocol::limits::{
    HTTP_ALLOWED, HTTP_HOST_SETTINGS, HTTP_OPEN_PER_HOST, HTTP_OPEN_PER_HOST_OF_TENANT,
};

use super::HttpIntegration;
use super::allow::Allow;
use super::capacity::Capacity;
use super::contexts::Contexts;
use super::hosts::Hosts;
use super::pattern::HostPattern;
use super::policy::Policy;
use super::pools::Pools;
use super::proxy::{self, Proxy};
use super::routes::{Routes, Rule};
use super::tls::{self, Tls};
use super::tokens::Tokens;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The allow-list is too long.
    #[error("the allow-list has {0} entries; at most {HTTP_ALLOWED} are allowed")]
    Allowed(usize),
    /// A certificate, key or name of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The text of a proxy is not valid.
    #[error(transparent)]
    Proxy(#[from] proxy::Error),
    /// There are too many settings for hosts.
    #[error("there are {0} settings for hosts; at most {HTTP_HOST_SETTINGS} are allowed")]
    Settings(usize),
    /// The same hosts have two settings, of which one would never be used.
    #[error("`{0}` is set twice")]
    Twice(String),
    /// No request could ever be sent.
    #[error("at least one request at once is needed per host, and per host and tenant")]
    OpenPerHost,
}

impl Error {
    /// Whether the same configuration can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The configuration of HTTP.
///
/// All of it belongs to the engine, for the playbooks of all its tenants: what one tenant's playbook may reach, those
/// of every other may too, by the same proxies, and a server that requires a client certificate gets the same one for
/// every tenant. A host or a certificate of a single tenant needs an engine of its own, or a custom integration, whose
/// [`Call`](updraft_protocol::Call) names the tenant. Only secrets belong to each tenant
/// ([`SecretProvider`](updraft_protocol::SecretProvider)).
#[must_use]
pub struct HttpBuilder {
    allowed: Vec<Allow>,
    roots: Vec<CertificateDer<'static>>,
    tls: Vec<(HostPattern, Tls)>,
    /// For some hosts, in the order of the calls.
    routes: Vec<(HostPattern, Option<Proxy>)>,
    proxy: Option<Proxy>,
    environment: Vec<Rule>,
    per_host: usize,
    per_tenant: usize,
}

impl HttpBuilder {
    /// Allows one more destination that is not on the public Internet.
    pub fn allow(mut self, entry: Allow) -> Self {
        self.allowed.push(entry);
        self
    }

    /// Trusts the certificates of a PEM bundle in addition to those of the machine: a private authority.
    ///
    /// # Errors
    /// [`Error::Tls`] if there is none or one cannot be read.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.extend(tls::authorities(pem)?);
        Ok(self)
    }

    /// The TLS settings for these hosts, tools and proxies alike. If several match a host, only the first is used.
    pub fn tls(mut self, hosts: HostPattern, tls: Tls) -> Self {
        self.tls.push((hosts, tls));
        self
    }

    /// Sends the requests to all hosts through a proxy, except those with a rule of their own.
    ///
    /// A proxy looks names up itself: through it, only hosts are reached that [`HttpBuilder::allow`] names, and
    /// addresses that are allowed anyway. The address of the proxy itself needs no entry.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sends the requests to these hosts through a proxy. If several rules match a host, the first is used.
    pub fn proxy_for(mut self, hosts: HostPattern, proxy: Proxy) -> Self {
        self.routes.push((hosts, Some(proxy)));
        self
    }

    /// Sends the requests to these hosts directly, in spite of other rules.
    pub fn direct(mut self, hosts: HostPattern) -> Self {
        self.routes.push((hosts, None));
        self
    }

    /// Uses the proxies in the usual environment variables (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`,
    /// also in lower case) for hosts without another rule. Without this call the environment is ignored.
    ///
    /// ```
    /// use updraft_integrations::HttpIntegration;
    ///
    /// let variable = |name: &str| std::env::var(name).ok();
    /// let http = HttpIntegration::builder().proxy_from_environment(variable)?.build()?;
    /// # Ok::<(), updraft_integrations::http::Error>(())
    /// ```
    ///
    /// # Errors
    /// A variable is no valid proxy or host.
    pub fn proxy_from_environment(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        self.environment = Rule::of_environment(variable)?;
        Ok(self)
    }

    /// The limit of concurrent requests to one host, and of those for one tenant.
    pub fn open_per_host(mut self, of_all: usize, of_tenant: usize) -> Self {
        (self.per_host, self.per_tenant) = (of_all, of_tenant);
        self
    }

    /// The integration.
    ///
    /// # Errors
    /// The configuration contradicts itself.
    pub fn build(self) -> Result<HttpIntegration, Error> {
        if self.allowed.len() > HTTP_ALLOWED {
            return Err(Error::Allowed(self.allowed.len()));
        }
        if self.per_host == 0 || self.per_tenant == 0 {
            return Err(Error::OpenPerHost);
        }
        let settings = self.tls.len() + self.routes.len() + self.environment.len();
        if settings > HTTP_HOST_SETTINGS {
            return Err(Error::Settings(settings));
        }
        once(self.tls.iter().map(|(hosts, _)| hosts))?;
        once(self.routes.iter().map(|(hosts, _)| hosts))?;
        let own = self.routes.into_iter().map(|(hosts, proxy)| Rule::of(hosts, proxy));
        let rules = own.chain(self.proxy.map(Rule::all)).chain(self.environment).collect();
        let contexts = Contexts::new(self.roots, self.tls);
        Ok(HttpIntegration {
            pools: Pools::new(Policy::new(self.allowed), contexts, Routes::new(rules)),
            hosts: Hosts::new(self.per_host, self.per_tenant),
            capacity: Capacity::default(),
            tokens: Tokens::default(),
        })
    }
}

impl Default for HttpBuilder {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            roots: Vec::new(),
            tls: Vec::new(),
            routes: Vec::new(),
            proxy: None,
            environment: Vec::new(),
            per_host: HTTP_OPEN_PER_HOST,
            per_tenant: HTTP_OPEN_PER_HOST_OF_TENANT,
        }
    }
}

fn once<'a>(patterns: impl Iterator<Item = &'a HostPattern>) -> Result<(), Error> {
    let mut seen = Vec::new();
    for pattern in patterns {
        if seen.contains(&pattern) {
            return Err(Error::Twice(pattern.to_string()));
        }
        seen.push(pattern);
    }
    Ok(())
}
