//! Failures of sending mail: what the server said, and whether the mail may be on its way. Until its end is sent, no mail is
//! delivered: whatever fails before it has not acted.

use std::time::Duration;

use updraft_protocol::{Failure, FailureKind};

use super::dialog::{Broken, Reply};
use super::server::MailServer;
use crate::http::handshake;

/// What was asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// To take a mail from its sender.
    Mail,
    /// To take it for a recipient.
    Recipient(&'a str),
    /// To take its lines.
    Data,
    /// To take it as a whole.
    End,
}

/// The server was not reached, or does not let the engine in: nothing was sent.
pub(super) fn unreached(server: &MailServer, why: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("mail {server}: {why}"))
}

/// The same, for what stays so.
pub(super) fn lasting(server: &MailServer, why: impl std::fmt::Display) -> Failure {
    unreached(server, why).with_retryable(false)
}

/// No answer, before the end of the mail was sent.
pub(super) fn broken(server: &MailServer, broken: &Broken) -> Failure {
    match broken {
        Broken::Io(error) => match handshake::lasting(error) {
            Some(why) => lasting(server, why),
            None => unreached(server, broken),
        },
        _ => unreached(server, broken),
    }
}

/// No TLS.
pub(super) fn no_tls(server: &MailServer, error: &std::io::Error) -> Failure {
    match handshake::lasting(error) {
        Some(why) => lasting(server, why),
        None => unreached(server, format_args!("no TLS: {}", handshake::passing(error))),
    }
}

/// The server has refused what it was asked: it has not taken the mail.
///
/// It wants to be left alone where it says that it ends (421), and where it does not take a mail for now whose recipients it does not know
/// yet; what it says for now of a recipient or of the mail itself concerns no other mail.
pub(super) fn refused(server: &MailServer, asked: Asked<'_>, reply: &Reply) -> Failure {
    let is_busy = reply.code == 421 || (asked == Asked::Mail && reply.is_passing());
    let is_refusal = matches!(reply.code / 100, 4 | 5);
    let kind = match (is_busy, is_refusal) {
        (true, _) => FailureKind::RateLimited,
        (false, true) => FailureKind::Status,
        (false, false) => FailureKind::InvalidResponse,
    };
    let of = match asked {
        Asked::Mail => "the sender".to_owned(),
        Asked::Recipient(address) => format!("the recipient {address}"),
        Asked::Data | Asked::End => "the mail".to_owned(),
    };
    let message = format!("mail {server}: the server did not take {of}: {} {}", reply.code, reply.told());
    // No `status`: from 500 on that is a tool which does not work, and here one which does not take this mail.
    let answer = serde_json::json!({"body": {"response_code": reply.code, "response": reply.told()}});
    let failure = Failure::new(kind, message).with_retryable(reply.is_passing()).with_answer(answer.into());
    failure.with_may_have_acted(asked == Asked::End && !is_refusal)
}

/// The end of the mail was sent, and no answer came that says what became of it.
pub(super) fn lost(server: &MailServer, broken: &Broken) -> Failure {
    let kind = match broken {
        Broken::Io(_) | Broken::Closed => FailureKind::Interrupted,
        Broken::Late(_) => FailureKind::Timeout,
        Broken::Unreadable(_) => FailureKind::InvalidResponse,
    };
    let message =
        format!("mail {server}: {broken}, after the mail was sent as a whole; it may be on its way");
    Failure::new(kind, message).with_may_have_acted(true)
}

/// All that comes before the end of the mail has taken too long.
pub(super) fn late(server: &MailServer, within: Duration) -> Failure {
    unreached(server, format_args!("the mail was not sent within {within:?}"))
}

/// The call was withdrawn before the end of its mail was sent.
pub(super) fn withdrawn() -> Failure {
    Failure::new(FailureKind::Interrupted, "withdrawn before the mail was sent").with_may_have_acted(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whether_it_passes_and_never_that_the_mail_may_be_there() {
        let server: MailServer = "smtp://mail.example".parse().unwrap();
        let reply = |code| Reply { code, lines: vec!["4.7.1 no".to_owned(), "more".to_owned()] };
        for (code, asked, kind, retryable) in [
            (421, Asked::Recipient("a@b.example"), FailureKind::RateLimited, true),
            (450, Asked::Mail, FailureKind::RateLimited, true),
            (450, Asked::Recipient("a@b.example"), FailureKind::Status, true),
            (451, Asked::End, FailureKind::Status, true),
            (452, Asked::Data, FailureKind::Status, true),
            (550, Asked::Recipient("a@b.example"), FailureKind::Status, false),
            (554, Asked::End, FailureKind::Status, false),
            (250, Asked::Data, FailureKind::InvalidResponse, false),
        ] {
            let failure = refused(&server, asked, &reply(code));
            assert_eq!(
                (failure.kind, failure.retryable(), failure.may_have_acted()),
                (kind, retryable, false),
                "{code}"
            );
            assert!(failure.message.ends_with(&format!("{code} 4.7.1 no more")), "{failure}");
            assert_eq!(failure.answer.unwrap().value()["body"]["response_code"].as_i64(), Some(code.into()));
        }
        assert!(refused(&server, Asked::End, &reply(354)).may_have_acted());
    }
}
