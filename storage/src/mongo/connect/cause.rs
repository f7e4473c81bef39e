//! Causes: what the driver's errors say to a person, in one line, without what was asked or answered.

use mongodb::error::{Error, ErrorKind};

/// What is told of a server that says nothing.
pub(super) const SILENT: &str = "no answer";
/// What is told where the driver has nobody to ask.
const NOBODY: &str = "no server was found in time";
/// What is told where the driver gave up all that it had open to a server.
const LOST: &str = "the connection was lost";

/// Whether a cause says no more than that servers are not reached: why, the looks at them have found.
pub(in crate::mongo) fn is_of_contact(why: &str) -> bool {
    [NOBODY, LOST].contains(&why)
}

/// Why something failed.
pub(in crate::mongo) fn of(error: &Error) -> String {
    let text = match &*error.kind {
        ErrorKind::Authentication { message, .. } => message.clone(),
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Command(error) => format!("{} ({}): {}", error.code_name, error.code, error.message),
        ErrorKind::DnsResolve { message, .. } => format!("name look-up: {message}"),
        ErrorKind::InvalidTlsConfig { message, .. } => format!("TLS: {message}"),
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::ServerSelection { .. } => NOBODY.to_owned(),
        ErrorKind::IncompatibleServer { message, .. } => message.clone(),
        ErrorKind::ConnectionPoolCleared { .. } => LOST.to_owned(),
        kind => kind.to_string(),
    };
    text.lines().collect::<Vec<_>>().join(" ")
}

/// Codes that say so: Unauthorized, AuthenticationFailed.
pub(in crate::mongo) const DENIED: [i32; 2] = [13, 18];

/// Whether a server refused to let us in, or to let us do what was asked.
pub(in crate::mongo) fn is_authentication(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(error) => DENIED.contains(&error.code),
        _ => false,
    }
}

/// The cause of a start that failed, with what it often means. Later a server that hangs up has other reasons.
pub(super) fn hinted(why: String, tls: bool) -> String {
    /// What the two sides hear where one of them alone speaks TLS.
    const SIGNS: [&str; 6] =
        ["InvalidContentType", "corrupt message", "eof", "end of file", "Connection reset", "server closed"];
    // A server that takes a greeting of TLS for the head of a message waits for the rest of it.
    if SIGNS.iter().any(|sign| why.contains(sign)) || (tls && why == SILENT) {
        return format!("{why} (does one side alone speak TLS?)");
    }
    why
}
