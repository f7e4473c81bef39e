//! The journal as a log: the suite of the port, on a disk that forgets bytes that were not synced.

use async_trait::async_trait;

use super::super::testing::Fault;
use super::*;
use crate::log::conformance::{LogUnderTest, conformance};

/// A journal whose writer takes nothing until it is released.
struct JournalUnderTest {
    disk: MemoryDisk,
    rig: Option<Rig>,
    journal: Journal,
}

fn journal() -> JournalUnderTest {
    let disk = MemoryDisk::default();
    let (rig, _) = open_with(disk.clone(), Path::new(FOLDER), Config::default(), 1).unwrap();
    JournalUnderTest { disk, journal: rig.journal.clone(), rig: Some(rig) }
}

#[async_trait]
impl LogUnderTest for JournalUnderTest {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.journal.clone())
    }

    fn go_on(&mut self) {
        let Some(Rig { mut queue, stored, .. }) = self.rig.take() else { return };
        tokio::spawn(async move {
            while let Some(message) = queue.recv().await {
                match message {
                    Message::Groups(groups) => {
                        let last = groups.last().map_or(0, |group| group.lsn);
                        let _ = stored.advance(last + 1);
                    }
                    Message::Barrier(barrier) => barrier.answer(Ok(())),
                }
            }
        });
    }

    fn break_next(&self) {
        self.disk.fail(Fault::Sync);
    }

    fn after_power_loss(&self) -> Vec<(u64, Vec<Update>)> {
        reopen(&self.disk.after_power_loss(), Config::default()).1
    }
}

conformance!(journal());
