//! The revival of all that the start found: read in groups, one after another, since each call of the store costs
//! more than what it reads of one execution.

use std::sync::Arc;

use updraft_protocol::limits::REVIVALS_AT_ONCE;

use super::Shard;
use super::news::{Messenger, News};
use crate::live::Live;
use crate::revive::find_all;

impl Shard {
    /// Reads executions back that are as the start found them; each goes on as soon as its group is read.
    pub(super) fn revive_all(&self, mut found: Vec<(Arc<Live>, Messenger)>) {
        if found.is_empty() {
            return;
        }
        // The oldest goes first; the list has it last.
        let (core, revivals, member) = (self.core.clone(), self.revivals.clone(), self.parent.member());
        let reviving = async move {
            while !found.is_empty() {
                let (lives, messengers): (Vec<_>, Vec<_>) =
                    found.split_off(found.len().saturating_sub(REVIVALS_AT_ONCE)).into_iter().rev().unzip();
                // As many as may be read at once: nobody else reads meanwhile.
                let turns = u32::try_from(REVIVALS_AT_ONCE).unwrap_or(1);
                let _turns = revivals.acquire_many(turns).await;
                for (messenger, found) in messengers.into_iter().zip(find_all(&core, &lives).await) {
                    messenger.bring(News::Found(found));
                }
            }
        };
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.orphaned() => {}
                () = reviving => {}
            }
        });
    }
}
