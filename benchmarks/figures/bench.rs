//! The bench: an engine with its tool, its tenants and their playbook.

use std::path::Path;

use updraft::{Builder, Durability, Engine, Playbook, PlaybookId, Submission, TenantCode};

use crate::tool::Tool;

/// Steps of the playbook.
pub(crate) const STEPS: usize = 5;
/// Tenants, so that every shard has work.
const TENANTS: usize = 16;

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    playbooks: Vec<(TenantCode, PlaybookId)>,
}

impl Bench {
    /// Steps one after another, durable in this directory.
    pub(crate) async fn durable(directory: &Path, tool: Tool) -> Self {
        Self::of(Engine::builder().data(directory).durability(Durability::Fsync), tool, &chain()).await
    }

    /// The same, kept nowhere.
    pub(crate) async fn in_memory(shards: Option<usize>, tool: Tool) -> Self {
        let builder = Engine::builder().in_memory();
        let builder = match shards {
            Some(shards) => builder.shards(shards),
            None => builder,
        };
        Self::of(builder, tool, &chain()).await
    }

    pub(crate) async fn of(builder: Builder, tool: Tool, playbook: &str) -> Self {
        let engine = builder.integration("tool", tool).start().await.expect("an engine");
        let mut playbooks = Vec::new();
        for number in 0..TENANTS {
            let tenant = TenantCode::new(format!("tenant-{number}")).expect("a tenant");
            let playbook = Playbook::parse(playbook.as_bytes()).expect("a playbook");
            let pid = engine.playbooks().put(&tenant, playbook).await.expect("put");
            playbooks.push((tenant, pid));
        }
        Self { engine, playbooks }
    }

    /// The submission with this number; tenants take turns.
    pub(crate) fn submission(&self, number: usize) -> Submission {
        let (tenant, pid) = &self.playbooks[number % TENANTS];
        Submission::new(tenant.clone(), *pid)
    }
}

/// A chain of steps.
pub(crate) fn chain() -> String {
    let mut text = "format: 1\nname: chain\nversion: 1\nsteps:\n".to_owned();
    for step in 0..STEPS {
        let next = if step + 1 < STEPS { format!(", on_success: s{}", step + 1) } else { String::new() };
        text += &format!(
            "  - {{id: s{step}, type: action, integration: tool, action: act, timeout: 24h{next}}}\n"
        );
    }
    text
}

/// One step that opens into this many calls.
pub(crate) fn fan(width: usize) -> String {
    let branches: Vec<String> = (0..width).map(|branch| format!("b{branch}")).collect();
    let mut text = format!(
        "format: 1\nname: fan\nversion: 1\ntasks_at_once: {width}\nsteps:\n  \
         - {{id: open, type: parallel, branches: [{}]}}\n",
        branches.join(", ")
    );
    for branch in branches {
        text += &format!("  - {{id: {branch}, type: action, integration: tool, action: act}}\n");
    }
    text
}
