//! `Tls`: the TLS settings for a host. Owns the settings and the reading of certificates and keys; makes no connection.
//! There is no way to leave a certificate unverified.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use thiserror::Error;

/// The TLS settings for a host: trusted authorities, the client's certificate, the oldest version of the protocol, and
/// the expected name of the server.
///
/// ```
/// use updraft_integrations::HttpIntegration;
/// use updraft_integrations::http::{Tls, TlsVersion};
///
/// let edr = Tls::new().minimum(TlsVersion::V1_3).server_name("edr.example")?;
/// let http = HttpIntegration::builder().tls("10.0.0.7:8443".parse()?, edr).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) identity: Option<Arc<CertifiedKey>>,
    pub(crate) minimum: TlsVersion,
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// A version of TLS. Versions older than 1.2 are not supported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    #[default]
    V1_2,
    /// 1.3.
    V1_3,
}

/// Why the settings are not valid. Messages contain nothing of the input: it may be a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The PEM text has no certificate.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// A certificate cannot be read; the first is 1.
    #[error("certificate {0} of the PEM text cannot be read")]
    Certificate(usize),
    /// The PEM text has no key.
    #[error("there is no private key in the PEM text; one that is encrypted cannot be used")]
    NoKey,
    /// The key cannot be read, or is of an unknown kind.
    #[error("the private key of the PEM text cannot be read, or is of a kind that is not known")]
    Key,
    /// The key does not belong to the certificate.
    #[error("the private key does not belong to the first certificate of the PEM text")]
    OtherKey,
    /// The text is no name of a server.
    #[error("`{0}` is neither the name of a server nor an address")]
    ServerName(String),
}

impl Error {
    /// Whether the same settings can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Tls {
    /// The default settings: the authorities of the machine and those that the integration trusts, no client
    /// certificate, TLS 1.2 or later, the name of the URL.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities of a PEM bundle in addition to the others.
    ///
    /// # Errors
    /// There is none in it, or one cannot be read.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.extend(authorities(pem)?);
        Ok(self)
    }

    /// Presents this certificate to servers that require one: a PEM text with the certificate, those between it and its
    /// authority, and its private key (PKCS #8, PKCS #1 or SEC 1, not encrypted).
    ///
    /// # Errors
    /// A certificate or the key is missing or cannot be read, or they do not belong together.
    pub fn identity(mut self, pem: &[u8]) -> Result<Self, Error> {
        let chain = certificates(pem)?;
        let key = PrivateKeyDer::from_pem_slice(without_mark(pem)).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => Error::NoKey,
            _ => Error::Key,
        })?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Error::OtherKey,
            rustls::Error::InvalidCertificate(_) => Error::Certificate(1),
            _ => Error::Key,
        })?;
        self.identity = Some(Arc::new(key));
        Ok(self)
    }

    /// Accepts no older version than this.
    pub fn minimum(mut self, version: TlsVersion) -> Self {
        self.minimum = version;
        self
    }

    /// Expects a certificate with this name, instead of the name in the URL: for a host that is reached by its address,
    /// or by a name that its certificate does not have.
    ///
    /// # Errors
    /// The text is no name of a server.
    pub fn server_name(mut self, name: &str) -> Result<Self, Error> {
        let parsed = ServerName::try_from(name.to_owned());
        self.server_name = Some(parsed.map_err(|_| Error::ServerName(name.to_owned()))?);
        Ok(self)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.len())
            .field("identity", &self.identity.is_some())
            .field("minimum", &self.minimum)
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// The authorities of a PEM bundle.
pub(crate) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = certificates(pem)?;
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        store.add(certificate.clone()).map_err(|_| Error::Certificate(index + 1))?;
    }
    Ok(certificates)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(without_mark(pem))
        .enumerate()
        .map(|(index, certificate)| certificate.map_err(|_| Error::Certificate(index + 1)))
        .collect();
    read.and_then(|read| if read.is_empty() { Err(Error::NoCertificate) } else { Ok(read) })
}

/// The text without the byte order mark that some editors put before it: the first line would not be recognised with
/// it.
fn without_mark(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(pem)
}

/// The cryptography provider of the process, or else our own.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> (String, String) {
        let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (certified.cert.pem(), certified.signing_key.serialize_pem())
    }

    #[test]
    fn what_is_no_certificate_and_no_key_is_said_without_showing_it() {
        let ((certificate, key), (other, _)) = (pair("a.example"), pair("b.example"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let wrong_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let identity = |pem: String| Tls::new().identity(pem.as_bytes()).unwrap_err();
        assert_eq!(Tls::new().trust(b"").unwrap_err(), Error::NoCertificate);
        assert_eq!(Tls::new().trust(key.as_bytes()).unwrap_err(), Error::NoCertificate);
        let trusted = format!("{certificate}{broken}");
        assert_eq!(Tls::new().trust(trusted.as_bytes()).unwrap_err(), Error::Certificate(2));
        assert_eq!(identity(key.clone()), Error::NoCertificate);
        assert_eq!(identity(certificate.clone()), Error::NoKey);
        assert_eq!(identity(format!("{certificate}{encrypted}")), Error::NoKey);
        assert_eq!(identity(format!("{certificate}{wrong_key}")), Error::Key);
        assert_eq!(identity(format!("{other}{key}")), Error::OtherKey);
        assert_eq!(identity(format!("{broken}{key}")), Error::Certificate(1));
        assert!(Tls::new().identity(format!("{key}{certificate}").as_bytes()).is_ok());
        assert_eq!(Tls::new().server_name("a b").unwrap_err(), Error::ServerName("a b".to_owned()));
    }

    #[test]
    fn a_byte_order_mark_hides_no_certificate_and_no_key() {
        let (certificate, key) = pair("a.example");
        let marked = |pem: &str| format!("\u{feff}{pem}").into_bytes();
        assert_eq!(Tls::new().trust(&marked(&certificate)).unwrap().roots.len(), 1);
        assert!(Tls::new().identity(&marked(&format!("{key}{certificate}"))).is_ok());
    }

    #[test]
    fn the_settings_show_no_key() {
        let (certificate, key) = pair("a.example");
        let tls = Tls::new().identity(format!("{certificate}{key}").as_bytes()).unwrap();
        let shown = format!("{tls:?}");
        assert_eq!(shown, "Tls { roots: 0, identity: true, minimum: V1_2, server_name: None }");
    }
}
