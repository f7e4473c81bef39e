//! The faults that a test has planned for the power-loss disk, and which of them were met. Plays none of them.

/// What goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// A write puts down this many bytes, and what follows it fails.
    Write(usize),
    /// A sync fails, and what it should have made durable never will be.
    Sync,
    /// A sync of a folder fails.
    SyncFolder,
    /// A file cannot be removed.
    Remove,
}

/// What is asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Write,
    Sync,
    SyncFolder,
    Remove,
}

impl DiskFault {
    fn meets(self, ask: Ask) -> bool {
        matches!(
            (self, ask),
            (Self::Write(_), Ask::Write)
                | (Self::Sync, Ask::Sync)
                | (Self::SyncFolder, Ask::SyncFolder)
                | (Self::Remove, Ask::Remove)
        )
    }
}

#[derive(Debug)]
struct Plan {
    /// A part of the name of the file that is meant.
    of: String,
    /// Asks that pass before.
    spare: usize,
    fault: DiskFault,
}

/// The plans, and what was met.
#[derive(Debug, Default)]
pub(super) struct Faults {
    plans: Vec<Plan>,
    /// Nothing may grow: the disk is full.
    pub(super) full: bool,
    pub(super) met: usize,
    /// Files that were to be synced again after their sync had failed.
    pub(super) synced_again: Vec<String>,
}

impl Faults {
    pub(super) fn plan(&mut self, of: &str, spare: usize, fault: DiskFault) {
        self.plans.push(Plan { of: of.to_owned(), spare, fault });
    }

    pub(super) fn clear(&mut self) {
        self.plans.clear();
        self.full = false;
    }

    /// What this ask, which has just come, meets.
    pub(super) fn draw(&mut self, ask: Ask, name: &str) -> Option<DiskFault> {
        let meant = |plan: &Plan| plan.fault.meets(ask) && name.contains(&plan.of);
        let at = self.plans.iter().position(meant)?;
        if self.plans[at].spare > 0 {
            self.plans[at].spare -= 1;
            return None;
        }
        self.met += 1;
        Some(self.plans.remove(at).fault)
    }
}
