//! `mail` where nothing is called: playbooks are checked against its declaration, whatever server there is. Connects to nothing.

use updraft_protocol::limits::MAIL_ANSWER;
use updraft_protocol::{ActionSpec, Answer, Call, Failure, FailureKind, Flaw, Integration, Value};

use super::attachment;
use super::letter;

/// Declares what [`MailIntegration`](super::MailIntegration) does, and reaches no server: for dry runs, tests and replays, which need
/// neither a server nor a password.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeclaredMail;

impl Integration for DeclaredMail {
    fn actions(&self) -> &[&str] {
        &[super::SEND]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        super::spec(MAIL_ANSWER)
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        letter::flaws(arguments, None)
    }

    fn uses_files(&self, _action: &str, arguments: &Value) -> bool {
        attachment::uses_files(arguments)
    }

    fn call(&self, _call: Call) -> Answer<'_> {
        let message = "missing here: a server that sends mail";
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::NotConfigured, message))))
    }
}
