//! The limits of tools, as a backend declares them. Owns their check at the start; counts nothing.

use std::collections::BTreeMap;

use updraft_actors::gates::ToolGate;
use updraft_protocol::{CallLimits, Name};

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::StartError;

impl Engine {
    /// How the gates stand at which calls wait for the limits of their tools: how many wait, how many run, and which tool is
    /// left alone for how long.
    pub fn tool_gates(&self) -> Vec<ToolGate> {
        self.context.gates.states()
    }

    /// How many targets are locked by steps with a `lock`, and how many steps wait for one.
    pub fn target_locks(&self) -> (usize, usize) {
        self.context.target_locks.state()
    }
}

impl Builder {
    /// The limits of an integration: how many of its calls run at once, and how many are made in a time.
    ///
    /// A call that has to wait for a limit has not been attempted, and its time has not begun: it waits for as long as
    /// its step and its execution may take, and fails for no limit. Tenants have turns, so that who floods a tool waits
    /// behind itself. Calls with other secrets are counted for themselves, unless the limits are shared, and calls to other
    /// hosts, where an argument is a URL. A tool that demands fewer requests
    /// ([`RateLimited`](updraft_protocol::FailureKind::RateLimited), or a failure that says when to try again) is left
    /// alone for that time by all calls that are counted together. By default nothing is limited.
    ///
    /// The limits are those of one engine; several processes count each for itself.
    #[must_use]
    pub fn call_limits(mut self, integration: impl Into<String>, limits: CallLimits) -> Self {
        self.call_limits.insert(integration.into(), limits);
        self
    }

    /// The declared limits, by integration.
    ///
    /// # Errors
    /// [`StartError::Configuration`]: limits of an integration that is not there, or that cannot be meant.
    pub(crate) fn limits(&self) -> Result<BTreeMap<Name, CallLimits>, StartError> {
        let limits = self.call_limits.iter().map(|(integration, limits)| {
            let wrong = |why: &dyn std::fmt::Display| {
                StartError::Configuration(format!("call_limits: {integration}: {why}"))
            };
            limits.checked().map_err(|error| wrong(&error))?;
            if !self.integrations.contains_key(integration) {
                return Err(wrong(&"no such integration"));
            }
            let name = Name::new(integration).map_err(|error| wrong(&error))?;
            Ok((name, limits.clone()))
        });
        limits.collect()
    }
}
