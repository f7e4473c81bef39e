//! The TLS of each host: which settings apply to it, and the configuration that is made of them once. Owns the order in
//! which settings are searched; opens nothing.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_platform_verifier::Verifier;

use super::pattern::HostPattern;
use super::tls::{Tls, TlsVersion, provider};

/// For ALPN, the newest first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The settings of all hosts.
pub(crate) struct Contexts {
    /// Trusted for every host.
    roots: Vec<CertificateDer<'static>>,
    hosts: Vec<(HostPattern, Tls)>,
    /// The configuration of each of the settings, and last of those of all other hosts: reading the authorities of the
    /// machine takes some milliseconds, and sessions are resumed only with the same configuration.
    made: Vec<OnceLock<Arc<ClientConfig>>>,
}

/// The settings of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Context(Option<usize>);

impl Contexts {
    pub(crate) fn new(roots: Vec<CertificateDer<'static>>, hosts: Vec<(HostPattern, Tls)>) -> Self {
        let made = (0..=hosts.len()).map(|_| OnceLock::new()).collect();
        Self { roots, hosts, made }
    }

    /// The settings of a host: the first that match it.
    pub(crate) fn of(&self, host: &str, port: u16) -> Context {
        Context(self.hosts.iter().position(|(pattern, _)| pattern.matches(host, port)))
    }

    /// The expected name of the server, if it is not that of the URL.
    pub(crate) fn server_name(&self, context: Context) -> Option<ServerName<'static>> {
        let (_, tls) = context.0.and_then(|index| self.hosts.get(index))?;
        tls.server_name.clone()
    }

    pub(crate) fn config(&self, context: Context) -> Result<Arc<ClientConfig>, rustls::Error> {
        let index = context.0.unwrap_or(self.hosts.len());
        let unset = Tls::new();
        let tls = self.hosts.get(index).map_or(&unset, |(_, tls)| tls);
        let Some(made) = self.made.get(index) else { return self.make(tls).map(Arc::new) };
        if let Some(config) = made.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make(tls)?);
        Ok(made.get_or_init(|| config).clone())
    }

    fn make(&self, tls: &Tls) -> Result<ClientConfig, rustls::Error> {
        let roots = self.roots.iter().chain(&tls.roots).cloned().collect();
        let mut config = client_config(roots, tls)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

/// The configuration of a client that trusts these authorities besides those of the machine, for whatever is spoken over it.
pub(crate) fn client_config(
    roots: Vec<CertificateDer<'static>>,
    tls: &Tls,
) -> Result<ClientConfig, rustls::Error> {
    let versions: &[&'static SupportedProtocolVersion] = match tls.minimum {
        TlsVersion::V1_2 => &[&TLS13, &TLS12],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
    let builder = match Verifier::new_with_extra_roots(roots, provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        Err(error) => {
            // A machine without certificates of its own still reaches tools by plain HTTP.
            tracing::warn!(%error, "the certificates of this machine cannot be used");
            builder.with_root_certificates(RootCertStore::empty())
        }
    };
    Ok(match &tls.identity {
        Some(identity) => {
            let identity: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(identity.clone()));
            builder.with_client_cert_resolver(identity)
        }
        None => builder.with_no_client_auth(),
    })
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.hosts.iter().map(|(pattern, _)| pattern.to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_settings_that_are_given_for_a_host_are_its_own_and_made_once() {
        let pattern = |text: &str| text.parse::<HostPattern>().unwrap();
        let named = Tls::new().server_name("named.example").unwrap();
        let hosts = vec![(pattern("a.internal:8443"), named), (pattern("*.internal"), Tls::new())];
        let contexts = Contexts::new(Vec::new(), hosts);
        assert_eq!(contexts.of("a.internal", 8443), Context(Some(0)));
        assert_eq!(contexts.of("a.internal", 443), Context(Some(1)));
        assert_eq!(contexts.of("a.example", 443), Context(None));
        assert!(contexts.server_name(Context(Some(0))).is_some());
        assert!(
            contexts.server_name(Context(Some(1))).is_none() && contexts.server_name(Context(None)).is_none()
        );
        let made = |context| contexts.config(context).unwrap();
        assert!(Arc::ptr_eq(&made(Context(None)), &made(Context(None))));
        assert!(!Arc::ptr_eq(&made(Context(None)), &made(Context(Some(1)))));
    }
}
