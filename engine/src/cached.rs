//! Kept answers of tools, as an operator is concerned with them: forgetting. Keeps none itself.

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_protocol::{Name, TenantCode};

use crate::engine::Engine;

/// The answers of tools that an engine keeps.
#[derive(Debug, Clone)]
pub struct CachedAnswers {
    context: Arc<EngineContext>,
}

impl Engine {
    /// The answers of tools that are kept for those who ask the same.
    pub fn cache(&self) -> CachedAnswers {
        CachedAnswers { context: self.context.clone() }
    }
}

impl CachedAnswers {
    /// Forgets what is kept for a tenant of a tool; with `action`, of that action alone. With `value`, such as a hash, what
    /// concerns it: the answers of calls that had it as their key, or among their first arguments, whichever action they are of.
    /// Answers that tenants share are forgotten for all of them. Who asks afterwards asks the tool.
    pub async fn forget(&self, tenant: &TenantCode, tool: &Name, action: Option<&Name>, value: Option<&str>) {
        self.context.answers.forget(tenant, tool, action, value).await;
    }
}
