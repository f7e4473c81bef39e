//! `ssh` where nothing is called: playbooks are checked against its declaration, whatever machines and keys there are. Starts nothing.

use updraft_protocol::{ActionSpec, Answer, Call, Failure, FailureKind, Flaw, Integration, Value};

/// Declares what [`SshIntegration`](super::SshIntegration) does, and reaches no machine: for dry runs, tests and replays, which need
/// neither known hosts nor keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeclaredSsh;

impl Integration for DeclaredSsh {
    fn actions(&self) -> &[&str] {
        &["run"]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        super::spec()
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        super::flaws(arguments, None)
    }

    fn call(&self, _call: Call) -> Answer<'_> {
        let message = "missing here: permission to run commands on other machines";
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::NotConfigured, message))))
    }
}
