//! Trouble for a run: a disk that fails in one of its ways, or a store that does. Drawn by luck; begun and ended
//! from outside the process.

use std::time::Duration;

use mongodb::bson::doc;
use rand::RngExt;
use rand::rngs::StdRng;

use super::environment::{Disk, Environment};
use crate::power_loss_disk;
use crate::proxy::{self, Of};

/// What goes wrong in a run.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// A file whose name has this part meets a fault of the disk, after so many asks of its kind.
    Disk(&'static str, usize, power_loss_disk::DiskFault),
    /// Nothing on the disk can grow.
    Full,
    /// So many commands to the store meet a fault of the network or the server.
    Store(Of, usize, proxy::WireFault),
    /// All connections to the store end.
    Cut,
    /// The store takes no connections, and those that there are end.
    Away,
    /// The store hears and says nothing.
    Frozen,
}

/// Refusals of the server that pass.
const PASSING: [i32; 6] = [50, 91, 112, 189, 10107, 11600];

impl Trouble {
    /// A segment of the journal cannot be synced. SQLite's own journal, `updraft.db-journal`, is none: what a run left of it
    /// that was killed as it opened is synced by the next, which takes the fault and goes on.
    pub(super) const NO_JOURNAL: Self = Self::Disk(".journal", 0, power_loss_disk::DiskFault::Sync);

    /// One of those that can happen on this environment.
    pub(super) fn draw(environment: &Environment, luck: &mut StdRng) -> Self {
        let disk = environment.can_lose_power();
        match (disk, environment.proxy.is_some()) {
            (true, true) if luck.random() => Self::of_disk(luck),
            (_, true) => Self::of_store(luck),
            (_, false) => Self::of_disk(luck),
        }
    }

    fn of_disk(luck: &mut StdRng) -> Self {
        let of = ["journal", "journal", "updraft.db-wal", "updraft.db"][luck.random_range(0..4)];
        let spare = luck.random_range(0..10);
        match luck.random_range(0..10) {
            0..3 => Self::Disk(of, spare, power_loss_disk::DiskFault::Sync),
            3..6 => Self::Disk(of, spare, power_loss_disk::DiskFault::Write(luck.random_range(0..6_000))),
            6 => Self::Disk("", spare % 6, power_loss_disk::DiskFault::SyncFolder),
            7 => Self::Disk("journal", spare % 2, power_loss_disk::DiskFault::Remove),
            _ => Self::Full,
        }
    }

    fn of_store(luck: &mut StdRng) -> Self {
        let of = if luck.random() { Of::Writes } else { Of::Any };
        let times = luck.random_range(1..6);
        let code = PASSING[luck.random_range(0..PASSING.len())];
        match luck.random_range(0..12) {
            0 => Self::Store(of, times, proxy::WireFault::CutRequest(luck.random_range(0..400))),
            1 | 2 => Self::Store(of, times, proxy::WireFault::CutReply(luck.random_range(0..60))),
            3 => Self::Store(of, times, proxy::WireFault::Hang),
            4 => {
                let late = Duration::from_millis(luck.random_range(1..200));
                Self::Store(of, times, proxy::WireFault::Delay(late))
            }
            5 => {
                let refusal = doc! { "ok": 0, "code": code, "errmsg": "as the test wants it" };
                Self::Store(of, times, proxy::WireFault::Answer(refusal))
            }
            6 | 7 => Self::Store(Of::Writes, times, proxy::WireFault::RefuseEach(code)),
            8 => {
                let error = doc! { "code": 64, "errmsg": "as the test wants it" };
                Self::Store(Of::Writes, times, proxy::WireFault::Amend(doc! { "writeConcernError": error }))
            }
            9 => Self::Cut,
            10 => Self::Away,
            _ => Self::Frozen,
        }
    }

    /// Begins on this environment.
    pub(super) fn begin(&self, environment: &Environment) {
        match (self, &environment.disk, &environment.proxy) {
            (Self::Disk(of, spare, fault), Disk::PowerLossDisk(power_loss_disk), _) => {
                power_loss_disk.strike(of, *spare, *fault)
            }
            (Self::Full, Disk::PowerLossDisk(power_loss_disk), _) => power_loss_disk.fill(true),
            (Self::Store(of, times, fault), _, Some(proxy)) => proxy.strike(*of, *times, fault.clone()),
            (Self::Cut, _, Some(proxy)) => proxy.cut(),
            (Self::Away, _, Some(proxy)) => {
                proxy.refuse();
                proxy.cut();
            }
            (Self::Frozen, _, Some(proxy)) => proxy.freeze(),
            (trouble, ..) => panic!("{trouble:?} cannot happen here"),
        }
    }

    /// Its name, for the count.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Disk(_, _, power_loss_disk::DiskFault::Sync) => "failed syncs",
            Self::Disk(_, _, power_loss_disk::DiskFault::Write(_)) => "short and failed writes",
            Self::Disk(_, _, power_loss_disk::DiskFault::SyncFolder) => "failed syncs of folders",
            Self::Disk(_, _, power_loss_disk::DiskFault::Remove) => "failed removals",
            Self::Full => "full disks",
            Self::Store(_, _, proxy::WireFault::CutRequest(_)) => "lost requests",
            Self::Store(_, _, proxy::WireFault::CutReply(_)) => "lost replies",
            Self::Store(_, _, proxy::WireFault::Hang) => "silence",
            Self::Store(_, _, proxy::WireFault::Freeze | proxy::WireFault::Delay(_)) => "late requests",
            Self::Store(_, _, proxy::WireFault::Answer(_)) => "refused batches",
            Self::Store(_, _, proxy::WireFault::RefuseEach(_)) => "refused writes",
            Self::Store(_, _, proxy::WireFault::Amend(_)) => "unconfirmed writes",
            Self::Cut => "cut connections",
            Self::Away => "store outages",
            Self::Frozen => "store hangs",
        }
    }
}
