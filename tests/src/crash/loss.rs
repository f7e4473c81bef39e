//! Lives after which power fails for certain, with something that the disk does not have.

use std::collections::HashMap;

use rand::RngExt;

use super::ChildMessage;
use super::crash_test::{CrashTest, IDLE};
use super::environment::Disk;
use crate::power_loss_disk::DiskFault;
use crate::timeouts::soon;

/// The embedded store's latest writes.
const WAL: &str = "updraft.db-wal";
/// Syncs that fail, which are more than a run asks for.
const SYNCS: usize = 500;

impl CrashTest {
    /// So many runs that sync nothing, each of which ends with a loss of power, with so many executions in all; then
    /// one that runs what is left of them to its end. Every one starts. Says how many executions were left. A task of
    /// theirs may have lost its end, where the execution's own was kept.
    ///
    /// # Panics
    /// A run does not start, or something that is left does not end.
    pub async fn live_unsynced(&mut self, runs: usize, executions: usize) -> usize {
        for run in 1..=runs {
            let submit: Vec<usize> = ((run - 1) * executions / runs..run * executions / runs).collect();
            let mut process = self.begin("os", &submit, "stay");
            self.hear_until(&mut process, |said| *said == ChildMessage::Submitted).await;
            let acts = self.random.random_range(1..60);
            self.hear_while_acting(&mut process, acts, IDLE).await;
            self.end_life(process).await;
            self.lose_power();
            // What was told before may have been lost.
            (self.told, self.seen) = (HashMap::new(), HashMap::new());
        }
        self.finish(&[]).await;
        let (stored, _) = self.read().await;
        assert!(stored.iter().all(|(execution, _)| execution.state.execution_status.ended()));
        stored.len()
    }

    /// A run whose store is not synced, which the system forgets: what it wrote is in memory and nowhere else. A run
    /// that finds it there. Then power fails. The playbooks are stored before, or nothing is accepted.
    ///
    /// # Panics
    /// The disk is not one whose power can fail, no sync fails, or nothing is accepted.
    pub async fn live_unstored(&mut self, submit: &[usize]) {
        let (accepted, met) = (self.accepted.len(), self.met());
        self.in_trouble = true;
        let mut run = self.begin("fsync", submit, "stay");
        self.hear_until(&mut run, |said| matches!(said, ChildMessage::Started(_))).await;
        let Disk::PowerLossDisk(power_loss_disk) = &self.environment.disk else {
            panic!("power fails on a power-loss disk only")
        };
        for _ in 0..SYNCS {
            power_loss_disk.strike(WAL, 0, DiskFault::Sync);
        }
        soon(async {
            while self.met() == met || self.accepted.len() == accepted {
                self.hear_while_acting(&mut run, 1, IDLE).await;
            }
        })
        .await;
        self.end_life(run).await;
        self.environment.sweep();
        self.environment.mend();
        self.in_trouble = false;
        let mut run = self.begin("fsync", &[], "stay");
        self.hear_until(&mut run, |said| matches!(said, ChildMessage::Started(_))).await;
        self.hear_while_acting(&mut run, usize::MAX / 2, 5 * IDLE).await;
        self.end_life(run).await;
        self.lose_power();
    }
}
