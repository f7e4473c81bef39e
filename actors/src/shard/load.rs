//! The revival of all that the start found: read in groups, one after another, since each call of the store costs
//! more than what it reads of one execution.

use std::sync::Arc;

use updraft_protocol::limits::REVIVALS_AT_ONCE;

use super::Shard;
use super::message::{SlotEvent, SlotReport};
use crate::entry::RegistryEntry;
use crate::load::find_all;

impl Shard {
    /// Reads executions back that are as the start found them; each goes on as soon as its group is read.
    pub(super) fn load_all(&self, mut found: Vec<(Arc<RegistryEntry>, SlotReport)>) {
        if found.is_empty() {
            return;
        }
        // The oldest goes first; the list has it last.
        let (context, loads, member) = (self.context.clone(), self.loads.clone(), self.scope.member());
        let loading = async move {
            while !found.is_empty() {
                let (entries, reports): (Vec<_>, Vec<_>) =
                    found.split_off(found.len().saturating_sub(REVIVALS_AT_ONCE)).into_iter().rev().unzip();
                // As many as may be read at once: nobody else reads meanwhile.
                let turns = u32::try_from(REVIVALS_AT_ONCE).unwrap_or(1);
                let _turns = loads.acquire_many(turns).await;
                for (report, found) in reports.into_iter().zip(find_all(&context, &entries).await) {
                    report.give(SlotEvent::Found(found));
                }
            }
        };
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.cancelled() => {}
                () = loading => {}
            }
        });
    }
}
