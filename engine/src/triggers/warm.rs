//! The warm-up: the playbooks that triggers start are loaded before the first event asks for them. Fires nothing; what cannot be
//! loaded now is loaded by the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_protocol::limits::PLANS_WARMED;
use updraft_protocol::{Name, TenantCode};

use super::{PlannedTrigger, TriggerKey};

/// The playbook of a trigger.
pub(super) type Wanted = (TenantCode, Name, Option<u32>);

/// What the plan of a trigger wants.
pub(super) fn wanted(key: &TriggerKey, planned: &PlannedTrigger) -> Wanted {
    let definition = planned.definition();
    (key.tenant.clone(), definition.playbook.clone(), definition.playbook_version)
}

/// Loads playbooks, one after the other: executions that go on after the start need the store more.
pub(super) async fn load(context: Arc<EngineContext>, wanted: BTreeSet<Wanted>) {
    let store = context.store.as_ref();
    for (tenant, name, version) in wanted.into_iter().take(PLANS_WARMED) {
        let loaded = async {
            match context.plans.id(store, &tenant, &name, version).await? {
                Some(pid) => context.plans.get(store, &tenant, pid).await.map(drop),
                None => Ok(()),
            }
        };
        if let Err(error) = loaded.await {
            tracing::debug!(%tenant, playbook = %name, %error, "the playbook of a trigger is not loaded yet");
        }
    }
}
