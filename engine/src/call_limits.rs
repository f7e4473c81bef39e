//! The limits of tools, as a backend declares them. Owns their check at the start; counts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use updraft_actors::gates::ToolGate;
use updraft_protocol::limits::{BLOCKING_THREADS, BLOCKING_THREADS_OF_ENGINE};
use updraft_protocol::{CallLimits, Integration, Name};

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
    /// alone for that time by all calls that are counted together. By default a tool has the bound of
    /// [`Builder::tool_calls_at_once`], and one that blocks has as many calls at once as it has
    /// [threads](updraft_protocol::Integration::blocking_threads).
    ///
    /// The limits are those of one engine; several processes count each for itself.
    #[must_use]
    pub fn call_limits(mut self, integration: impl Into<String>, limits: CallLimits) -> Self {
        self.call_limits.insert(integration.into(), limits);
        self
    }

    /// The declared limits, by integration, and those of tools that block.
    ///
    /// # Errors
    /// [`StartError::Configuration`]: limits of an integration that is not there, or that cannot be meant; threads that no tool
    /// can have.
    pub(crate) fn limits(&self) -> Result<BTreeMap<Name, CallLimits>, StartError> {
        let mut limits = BTreeMap::new();
        for (integration, declared) in &self.call_limits {
            let wrong = |why: &dyn std::fmt::Display| {
                StartError::Configuration(format!("call_limits: {integration}: {why}"))
            };
            declared.checked().map_err(|error| wrong(&error))?;
            if !self.integrations.contains_key(integration) {
                return Err(wrong(&"no such integration"));
            }
            limits.insert(Name::new(integration).map_err(|error| wrong(&error))?, declared.clone());
        }
        for (name, threads) in self.blocking()? {
            // Without other limits all tenants have turns at the threads.
            let declared = limits.remove(&name).unwrap_or_else(|| CallLimits::new().shared());
            limits.insert(name, declared.at_most_at_once(threads));
        }
        Ok(limits)
    }

    /// The threads of the tools that block.
    fn blocking(&self) -> Result<Vec<(Name, NonZeroU32)>, StartError> {
        let (mut blocking, mut of_all) = (Vec::new(), 0);
        for (integration, tool) in &self.integrations {
            let Some(threads) = tool.blocking_threads() else { continue };
            let wrong = |why: String| StartError::Configuration(format!("integration {integration}: {why}"));
            let number = u32::try_from(threads).ok().and_then(NonZeroU32::new);
            let Some(number) = number.filter(|_| threads <= BLOCKING_THREADS) else {
                return Err(wrong(format!("{threads} threads are not within 1 to {BLOCKING_THREADS}")));
            };
            of_all += threads;
            if of_all > BLOCKING_THREADS_OF_ENGINE {
                let why = "the threads of all integrations that block are more than";
                return Err(wrong(format!("{why} {BLOCKING_THREADS_OF_ENGINE}")));
            }
            if takes_permits(tool.as_ref()) {
                return Err(wrong("a tool that blocks takes no permits of its own".to_owned()));
            }
            blocking.push((Name::new(integration).map_err(|error| wrong(error.to_string()))?, number));
        }
        Ok(blocking)
    }

    /// The tools that have no limits, and take no permits.
    ///
    /// # Errors
    /// [`StartError::Configuration`]: a name that is not valid.
    pub(crate) fn bulkheads(&self) -> Result<BTreeSet<Name>, StartError> {
        let undeclared = self.integrations.iter().filter(|(name, tool)| {
            let is_declared = self.call_limits.contains_key(*name) || tool.blocking_threads().is_some();
            !is_declared && !takes_permits(tool.as_ref())
        });
        let named = undeclared.map(|(name, _)| {
            Name::new(name).map_err(|error| StartError::Configuration(format!("integration {error}")))
        });
        named.collect()
    }
}

fn takes_permits(tool: &dyn Integration) -> bool {
    tool.actions().iter().any(|action| tool.spec(action).takes_permit)
}
