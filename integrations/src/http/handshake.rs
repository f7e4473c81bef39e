//! The errors of TLS handshakes, described for operators. Decides whether another attempt can help; shows nothing of a
//! certificate except its names.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// Names of a certificate that are shown.
const NAMES: usize = 3;

/// Why a handshake will always fail; `None` if it may succeed.
pub(crate) fn lasting(error: &io::Error) -> Option<String> {
    match tls(error)? {
        Error::InvalidCertificate(problem) => Some(certificate(problem)),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            Some("the server speaks no version of TLS that is allowed here: older ones than 1.2, or than `Tls::minimum` of the library says, are not".to_owned())
        }
        Error::PeerIncompatible(_) => Some(
            "the server speaks TLS in no way that is allowed here: another version or other ciphers are needed".to_owned(),
        ),
        Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => Some(
            "the server refused the TLS handshake: it wants another version, other ciphers, or a certificate of the client (`Tls::identity` of the library)"
                .to_owned(),
        ),
        Error::AlertReceived(alert) if is_about_our_certificate(*alert) => Some(client_certificate(*alert)),
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            Some("the server does not know the name that it was asked for; `Tls::server_name` of the library gives another".to_owned())
        }
        _ => None,
    }
}

/// Why the server refused the certificate of the client, or that there was none. With TLS 1.3 this error is received
/// only after the client has begun to send: the sent bytes were never read, because the server's handshake did not end.
pub(crate) fn refused_client(error: &io::Error) -> Option<String> {
    match tls(error)? {
        Error::AlertReceived(alert) if is_about_our_certificate(*alert) => Some(client_certificate(*alert)),
        _ => None,
    }
}

/// Why a handshake failed that may succeed another time.
pub(crate) fn passing(error: &io::Error) -> String {
    match tls(error) {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "what answers there does not speak TLS: `http://` or another port may be meant".to_owned()
        }
        _ => error.to_string(),
    }
}

fn tls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
    )
}

fn client_certificate(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::CertificateRequired => {
            return "the server asks for a certificate of the client: give one, with its key (`Tls::identity` of the library)"
                .to_owned();
        }
        AlertDescription::CertificateExpired => "which has expired",
        AlertDescription::CertificateRevoked => "which is revoked",
        AlertDescription::UnknownCA => "whose authority it does not trust",
        _ => "or that there is none",
    };
    format!("the server refused the certificate of the client (`Tls::identity` of the library), {why}")
}

fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "the certificate of the server is signed by an authority that is not trusted here: give the certificate of that authority (`trust`, or `SSL_CERT_FILE` in the environment)"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate of the server has expired, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate of the server is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidForName => other_name(&[]),
        CertificateError::NotValidForNameContext { presented, .. } => other_name(presented),
        CertificateError::Revoked => "the certificate of the server is revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate of the server is not made for servers".to_owned()
        }
        CertificateError::BadSignature => {
            "the certificate of the server was not made by the authority that it names, or that authority has another certificate by now: give that one (`trust`, or `SSL_CERT_FILE` in the environment)".to_owned()
        }
        _ => "the certificate of the server cannot be trusted: it, or one between it and its authority, is not made as it should be"
            .to_owned(),
    }
}

/// An entry of `presented` looks like `DnsName("a.example")`.
fn other_name(presented: &[String]) -> String {
    let inner = |name: &String| name.split('"').nth(1).map(|name| format!("`{}`", name.escape_debug()));
    let names: Vec<_> = presented.iter().filter_map(inner).take(NAMES).collect();
    let of = if names.is_empty() { String::new() } else { format!(" (it is for {})", names.join(", ")) };
    format!(
        "the certificate of the server is not for this name{of}: call it by a name that it has, or give that name (`Tls::server_name` of the library)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn what_no_repetition_mends_is_told_from_what_one_may() {
        let certificate = |problem| io(Error::InvalidCertificate(problem));
        let alert = |alert| io(Error::AlertReceived(alert));
        for (error, words) in [
            (certificate(CertificateError::UnknownIssuer), "(`trust`, or `SSL_CERT_FILE`"),
            (certificate(CertificateError::Expired), "expired"),
            (certificate(CertificateError::NotValidYet), "not valid yet"),
            (certificate(CertificateError::NotValidForName), "(`Tls::server_name` of the library)"),
            (certificate(CertificateError::Revoked), "revoked"),
            (certificate(CertificateError::BadEncoding), "cannot be trusted"),
            (alert(AlertDescription::ProtocolVersion), "version"),
            (alert(AlertDescription::CertificateRequired), "(`Tls::identity` of the library)"),
            (alert(AlertDescription::UnknownCA), "does not trust"),
            (alert(AlertDescription::HandshakeFailure), "refused the TLS handshake"),
        ] {
            let told = lasting(&error).unwrap();
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(lasting(&alert(AlertDescription::InternalError)), None);
        assert_eq!(lasting(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }

    #[test]
    fn after_the_handshake_only_what_is_said_of_our_certificate_takes_the_request_back() {
        for (alert, refused) in [
            (AlertDescription::CertificateRequired, true),
            (AlertDescription::UnknownCA, true),
            (AlertDescription::InternalError, false),
            (AlertDescription::HandshakeFailure, false),
            (AlertDescription::CloseNotify, false),
        ] {
            assert_eq!(refused_client(&io(Error::AlertReceived(alert))).is_some(), refused, "{alert:?}");
        }
    }

    #[test]
    fn the_names_of_a_certificate_are_told_and_no_more_than_some() {
        let names: Vec<_> = (0..9).map(|n| format!("DnsName(\"{n}.example\")")).collect();
        assert!(other_name(&names).contains("(it is for `0.example`, `1.example`, `2.example`)"));
    }
}
