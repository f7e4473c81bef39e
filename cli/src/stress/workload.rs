//! The workload: the engine under load, its playbook, its tenants and its tools.

use std::path::Path;

use tokio::sync::watch;
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{Engine, Playbook, PlaybookId, Submission, TenantCode};

use crate::exit::Error;
use crate::stress::chance::Chance;
use crate::stress::measure::Tally;
use crate::stress::options::{Options, Tools};
use crate::stress::server::Server;
use crate::stress::tool::{Fate, Tool};

/// Attempts of a tool call, the pauses between them, and how long a hanging tool is waited for.
const POLICY: &str = "retry: {attempts: 3, initial: 10ms, max: 50ms}, timeout: 1day";

/// What runs.
pub(crate) struct Workload {
    pub(crate) engine: Engine,
    playbooks: Vec<(TenantCode, PlaybookId)>,
    pub(crate) tally: Tally,
    /// Which tenant submits next.
    chance: Chance,
    /// Whether nothing more is to be submitted.
    stop: watch::Sender<bool>,
    /// Whether tools answer.
    pub(crate) gate: watch::Sender<bool>,
    _server: Option<Server>,
}

impl Workload {
    /// Starts the engine in this directory.
    pub(crate) async fn start(options: &Options, directory: &Path) -> Result<Self, Error> {
        let (gate, open) = watch::channel(true);
        let fate = Fate::new(options.latency, options.failure_rate, options.seed, open);
        let builder = Engine::builder().data(directory).durability(options.durability);
        let builder = builder.tasks_at_once(usize::from(options.width).max(updraft::limits::TASKS_AT_ONCE));
        let builder = match options.shards {
            Some(shards) => builder.shards(usize::from(shards)),
            None => builder,
        };
        let (builder, call, server) = match options.tools {
            Tools::Process => (builder.integration("tool", Tool(fate)), CALL_PROCESS.to_owned(), None),
            Tools::Http => {
                let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("the tools: {error}"));
                let server = Server::start(fate).await.map_err(|error| failed(&error))?;
                let allow: Allow = server.addr.to_string().parse().map_err(|error| failed(&error))?;
                let open = usize::from(options.concurrency);
                let http = HttpIntegration::builder().allow(allow).open_per_host(open, open).build();
                let http = http.map_err(|error| failed(&error))?;
                let call = format!(
                    "integration: http, action: request, arguments: {{method: POST, url: 'http://{}/act'}}",
                    server.addr
                );
                (builder.integration("http", http), call, Some(server))
            }
        };
        let engine = builder.start().await?;
        let playbook = playbook(options.steps, options.width, &call);
        let mut playbooks = Vec::new();
        for number in 0..options.tenants {
            let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("the load: {error}"));
            let tenant = TenantCode::new(format!("tenant-{number}")).map_err(|error| failed(&error))?;
            let playbook = Playbook::parse(playbook.as_bytes()).map_err(|error| failed(&error))?;
            playbooks.push((tenant.clone(), engine.playbooks().put(&tenant, playbook).await?));
        }
        Ok(Self {
            engine,
            playbooks,
            tally: Tally::new()?,
            chance: Chance::new(options.seed, 2),
            stop: watch::channel(false).0,
            gate,
            _server: server,
        })
    }

    /// Any tenant.
    pub(crate) fn anyone(&self) -> usize {
        self.chance.below(self.playbooks.len())
    }

    /// Any tenant but the first.
    pub(crate) fn anyone_else(&self) -> usize {
        1 + self.chance.below(self.playbooks.len().saturating_sub(1))
    }

    /// A submission of a tenant by its number.
    pub(crate) fn submission(&self, tenant: usize) -> Submission {
        let (tenant, pid) = &self.playbooks[tenant % self.playbooks.len()];
        Submission::new(tenant.clone(), *pid)
    }

    /// Ends the run before its time.
    pub(crate) fn end(&self) {
        let _ = self.stop.send_replace(true);
        let _ = self.gate.send_replace(true);
    }

    /// Whether the run was ended before its time.
    pub(crate) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits for that.
    pub(crate) async fn stopping(&self) {
        // The sender is held here, so that it is never closed.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }

    pub(crate) fn tenants(&self) -> usize {
        self.playbooks.len()
    }
}

const CALL_PROCESS: &str = "integration: tool, action: act";

/// A chain of steps; where the width is above one, each is a `parallel` of so many calls.
fn playbook(steps: u16, width: u16, call: &str) -> String {
    let mut text = format!("format: 1\nname: stress\nversion: 1\ntasks_at_once: {}\nsteps:\n", width.max(10));
    for step in 0..steps {
        let next = if step + 1 < steps { format!(", on_success: s{}", step + 1) } else { String::new() };
        if width == 1 {
            text += &format!("  - {{id: s{step}, type: action, {call}, {POLICY}{next}}}\n");
            continue;
        }
        let branches: Vec<String> = (0..width).map(|branch| format!("s{step}b{branch}")).collect();
        text += &format!("  - {{id: s{step}, type: parallel, branches: [{}]{next}}}\n", branches.join(", "));
        for branch in branches {
            text += &format!("  - {{id: {branch}, type: action, {call}, {POLICY}}}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playbook_has_the_steps_and_the_width_asked_for() {
        for (steps, width, nodes) in [(1, 1, 1), (5, 1, 5), (3, 4, 15), (1, 900, 901)] {
            let playbook = Playbook::parse(playbook(steps, width, CALL_PROCESS).as_bytes()).unwrap();
            assert_eq!(playbook.steps.len(), nodes);
        }
    }
}
