//! The workload: the engine under load, its playbook, its tenants and its tools.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use updraft::limits::EXECUTIONS_IN_FLIGHT_OF_TENANT;
use updraft::{Engine, Handle, Name, Playbook, PlaybookId, Resume, Submission, TenantCode};

use crate::enrichment::{Enrichment, PLAYBOOKS};
use crate::error::Error;
use crate::latencies::Tally;
use crate::options::{LoadOptions, SubmitBy};
use crate::random::Random;
use crate::run_store::RunStore;
use crate::scenario::LoadScenario;
use crate::tools::Toolkit;
use crate::webhook::{self, Hooks};

/// Attempts of a tool call, the first pause between them, and how long a hanging tool is waited for.
pub(crate) const ATTEMPTS: u32 = 3;
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// Calls under way, all of which tools take.
const ALL_CALLS: NonZeroU32 = NonZeroU32::MAX;
/// A pile needs no more places than these.
const PLACES: usize = 100_000;
/// The name of the playbook of each tenant.
const PLAYBOOK: &str = "stress";
pub(crate) const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// What an execution takes on average where only its tools take time: with the attempts that fail, and with the
/// pauses before others, which are half of their bounds.
pub(crate) fn ideal(options: &LoadOptions) -> Duration {
    let attempt = options.latency.mean_of_slowest(options.width);
    // How likely one of the calls beside each other fails as often in a row.
    let any_fails =
        |times: i32| 1.0 - (1.0 - options.failure_rate.powi(times)).powi(i32::from(options.width));
    let (second, third, last) = (any_fails(1), any_fails(2), any_fails(3));
    let step = attempt.mul_f64(1.0 + second + third) + PAUSE.mul_f64(second / 2.0 + third);
    // A step that fails for good is the last.
    let steps: f64 = (0..options.steps).map(|before| (1.0 - last).powi(i32::from(before))).sum();
    step.mul_f64(steps)
}

/// What runs.
pub struct Workload {
    /// The engine.
    pub engine: Engine,
    /// Of each tenant.
    playbooks: Vec<(TenantCode, PlaybookId)>,
    pub(crate) tally: Tally,
    /// Which tenant submits next.
    random: Random,
    /// Whether nothing more is to be submitted.
    stop: watch::Sender<bool>,
    /// Whether tools answer.
    gate: watch::Sender<bool>,
    pub(crate) kit: Toolkit,
    /// How many executions the engine accepts.
    places: usize,
    /// Who asks for what, in a scenario that enriches.
    enrichment: Option<Enrichment>,
    /// The way in, if it is not the engine's own.
    hooks: Option<Hooks>,
}

impl Workload {
    /// Starts an engine in this directory. What others left there, or in a database that was named, is left alone, unless it
    /// is resumed.
    pub async fn start(options: &LoadOptions, directory: &Path, store: &RunStore) -> Result<Self, Error> {
        let resume = if options.resumes { Resume::default() } else { Resume::Nothing };
        let (gate, open) = watch::channel(!options.resumes);
        let builder = match store {
            RunStore::Memory => Engine::builder(),
            _ => Engine::builder().data(directory).durability(options.durability),
        };
        let builder = store.apply(builder).resume(resume);
        let set = options.settings(store.is_server());
        let builder = builder
            .shards(set.shards)
            .tasks_at_once(set.tasks_at_once)
            .executions_in_flight(set.executions_in_flight)
            // What is measured is the engine: its tools take as many calls as come.
            .tool_calls_at_once(ALL_CALLS, ALL_CALLS)
            .flush_delay(set.flush_delay);
        // Where no profile is named, the store has its own.
        let builder = if options.profile.is_some() { builder.batch_limit(set.batches) } else { builder };
        let enrichment = (options.scenario == LoadScenario::Enrichment).then(Enrichment::default);
        let looked_up = enrichment.as_ref().map(|enrichment| enrichment.calls.clone());
        let kit = Toolkit::start(options, open, looked_up.unwrap_or_default())?;
        let builder = match options.limits() {
            Some(limits) => builder.call_limits(kit.integration.as_str(), limits),
            None => builder,
        };
        let builder = match options.submit {
            SubmitBy::Process => builder,
            SubmitBy::Http => webhook::configure(builder, tenants(options)?.into_iter())?,
        };
        let engine = builder.shared_integration(kit.integration.as_str(), kit.tool.clone()).start().await?;
        let playbooks = playbooks(options, &kit, &engine).await?;
        let hooks = match options.submit {
            SubmitBy::Process => None,
            SubmitBy::Http => Some(Hooks::serve(&engine, tenants(options)?.into_iter(), PLAYBOOK).await?),
        };
        Ok(Self {
            engine,
            playbooks,
            tally: Tally::new()?,
            random: Random::new(options.seed, 2),
            stop: watch::channel(false).0,
            gate,
            kit,
            places: set.executions_in_flight,
            enrichment,
            hooks,
        })
    }

    /// Lets tools answer, or has them hang.
    pub fn let_tools_answer(&self, answer: bool) {
        let _ = self.gate.send_replace(answer);
    }

    /// How many executions may pile up: four fifths of those that the engine accepts.
    pub(crate) fn pile(&self) -> usize {
        let of_tenants = EXECUTIONS_IN_FLIGHT_OF_TENANT.saturating_mul(self.playbooks.len());
        self.places.min(of_tenants).min(PLACES) / 5 * 4
    }

    /// Any tenant, or any but the first.
    pub(crate) fn anyone(&self, but_first: bool) -> usize {
        let first = usize::from(but_first);
        first + self.random.below(self.playbooks.len().saturating_sub(first))
    }

    /// A tenant by its number, and its playbook.
    pub(crate) fn playbook(&self, tenant: usize) -> &(TenantCode, PlaybookId) {
        &self.playbooks[tenant % self.playbooks.len()]
    }

    /// Submits an execution of a tenant by its number, until it is durable.
    pub(crate) async fn submit(&self, tenant: usize) -> Result<Handle, Error> {
        match &self.hooks {
            None => {
                let submitted = self.engine.submit(self.submission(tenant)).await;
                submitted.map_err(|error| Error::Failed(error.to_string()))
            }
            Some(hooks) => hooks.submit(&self.engine, &self.playbook(tenant).0).await,
        }
    }

    /// A submission of a tenant by its number.
    pub fn submission(&self, tenant: usize) -> Submission {
        let Some(enrichment) = &self.enrichment else {
            let (tenant, pid) = self.playbook(tenant);
            return Submission::new(tenant.clone(), *pid);
        };
        let (number, input) = enrichment.next();
        let (tenant, pid) = self.playbook(number);
        Submission::new(tenant.clone(), *pid).input(input)
    }

    /// How often was asked for an indicator, and how often the tool was called for that.
    pub(crate) fn enriched(&self) -> Option<(u64, u64)> {
        self.enrichment.as_ref().map(Enrichment::counted)
    }

    /// Ends the run before its time.
    pub(crate) fn end(&self) {
        let _ = self.stop.send_replace(true);
        self.let_tools_answer(true);
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
}

/// The tenants of a run.
fn tenants(options: &LoadOptions) -> Result<Vec<TenantCode>, Error> {
    (0..u64::from(options.tenants)).map(tenant_of).collect()
}

fn tenant_of(number: u64) -> Result<TenantCode, Error> {
    TenantCode::new(format!("tenant-{number}")).map_err(|error| Error::of("the load", error))
}

/// The playbooks of a run, each with its tenant: one of each tenant, or those of one tenant that enrich.
async fn playbooks(
    options: &LoadOptions,
    kit: &Toolkit,
    engine: &Engine,
) -> Result<Vec<(TenantCode, PlaybookId)>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::of("the load", error);
    let enriches = options.scenario == LoadScenario::Enrichment;
    let count = if enriches { PLAYBOOKS } else { options.tenants.into() };
    let text = playbook((options.steps, options.width), &kit.call(), enriches.then_some(&*kit.look_up));
    let mut playbooks = Vec::new();
    for number in 0..count {
        let (tenant, name) =
            if enriches { (0, format!("enrich-{number}")) } else { (number, PLAYBOOK.to_owned()) };
        let tenant = tenant_of(tenant)?;
        let mut playbook = Playbook::parse(text.as_bytes()).map_err(|error| failed(&error))?;
        playbook.name = Name::new(name).map_err(|error| failed(&error))?;
        playbooks.push((tenant.clone(), engine.playbooks().put(&tenant, playbook).await?));
    }
    Ok(playbooks)
}

/// A chain of steps, the first of which may look something up; where the width is above one, each is a `parallel` of so many calls.
fn playbook((steps, width): (u16, u16), call: &str, look_up: Option<&str>) -> String {
    let policy = format!(
        "retry: {{attempts: {ATTEMPTS}, initial: {}ms, max: 50ms}}, timeout: {}s",
        PAUSE.as_millis(),
        TIMEOUT.as_secs()
    );
    let mut text = format!("format: 1\nname: stress\nversion: 1\ntasks_at_once: {}\nsteps:\n", width.max(10));
    if let Some(look_up) = look_up {
        text += &format!("  - {look_up}\n    cache: {{ttl: 1h}}\n");
    }
    for step in 0..steps {
        if width == 1 {
            text += &format!("  - {{id: s{step}, {call}, {policy}}}\n");
            continue;
        }
        text += &format!("  - id: s{step}\n    parallel: all\n    branches:\n");
        for branch in 0..width {
            text += &format!("      b{branch}: [{{id: s{step}b{branch}, {call}, {policy}}}]\n");
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
            let playbook =
                Playbook::parse(playbook((steps, width), "integration: tool, action: act", None).as_bytes())
                    .unwrap();
            assert_eq!(playbook.walk().len(), nodes);
        }
    }
}
