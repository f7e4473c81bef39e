//! Samples: a playbook of five steps, its executions, and their updates. The same at every run.

use std::sync::Arc;

use serde_json::json;
use updraft_kernel::machine::{Act, Machine, MachineEvent, Terms};
use updraft_kernel::plan::Plan;
use updraft_protocol::{
    Catalogue, ExecutionHead, ExecutionId, Json, Name, Playbook, PlaybookId, Priority, TenantCode, Timestamp,
    Update,
};

/// Steps of the playbook.
pub(crate) const STEPS: usize = 5;
pub(crate) const NOW: Timestamp = Timestamp(1_760_000_000_000);

pub(crate) fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_names(Name::new("tool").unwrap(), &["act"]);
    catalogue
}

/// A chain of steps, each with arguments that name the step before.
pub(crate) fn playbook(steps: usize) -> Playbook {
    let mut text = "format: 1\nname: sample\nversion: 1\nsteps:\n".to_owned();
    for step in 0..steps {
        let arguments = if step == 0 {
            "{hash: '{{ input.hash }}'}".to_owned()
        } else {
            format!(
                "{{hash: '{{{{ input.hash }}}}', verdict: '{{{{ steps.s{}.output.verdict }}}}'}}",
                step - 1
            )
        };
        text += &format!("  - {{id: s{step}, action: tool.act, arguments: {arguments}}}\n");
    }
    Playbook::parse(text.as_bytes()).unwrap()
}

pub(crate) fn plan(steps: usize) -> Arc<Plan> {
    Arc::new(Plan::check(&playbook(steps), &catalogue()).unwrap())
}

pub(crate) fn head() -> Arc<ExecutionHead> {
    Arc::new(ExecutionHead {
        tenant_code: TenantCode::new("acme").unwrap(),
        pid: PlaybookId::from_bytes([1; 16]),
        playbook_name: Name::new("sample").unwrap(),
        playbook_version: 1,
        uid: None,
        alert_id: Some("alert-1".into()),
        priority: Priority::Normal,
        createddate: NOW,
        input: Json::from(json!({"hash": "44d88612fea8a8f36de82e1278abb02f", "host": "ws-17"})),
        variables: Json::from(json!({})),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: updraft_protocol::CacheMode::Use,
    })
}

pub(crate) fn peid(number: u64) -> ExecutionId {
    ExecutionId::from_bytes((u128::from(NOW.0) << 80 | 7 << 76 | 2 << 62 | u128::from(number)).to_be_bytes())
}

pub(crate) fn answer() -> Json {
    Json::from(json!({"verdict": "malicious", "engines": 61}))
}

/// Runs an execution to its end; returns its writes, step by step.
pub(crate) fn run(
    plan: &Arc<Plan>,
    head: &Arc<ExecutionHead>,
    number: u64,
    answer: &Json,
) -> Vec<Vec<Update>> {
    let (mut machine, mut effects) =
        Machine::start(plan.clone(), peid(number), head.clone(), Terms::default(), NOW);
    let mut written = Vec::with_capacity(STEPS + 1);
    loop {
        let started = effects.acts.iter().find_map(|act| match act {
            Act::Start(attempt) => Some((attempt.task, attempt.call)),
            _ => None,
        });
        written.push(effects.writes);
        let Some((task, call)) = started else { return written };
        effects = machine.apply(MachineEvent::AttemptEnded { task, call, outcome: Ok(answer.clone()) }, NOW);
    }
}
