//! A disk whose power can fail: it keeps for certain what was synced, files by their syncs and names by those of
//! their folders, and of the rest what luck leaves. A process of its own answers for it, which outlives those that are
//! killed on it, and with which it is gone. Knows nothing of journals and stores.
//!
//! Not in the process of the test: the system writes a mapped file back when its process ends, and would wait for ever
//! for an answer from that same process.

mod disk;
mod faults;
mod file;
mod folder;
mod image;
mod mount;
mod order;

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

pub use disk::serve;
pub use faults::DiskFault;
use order::Order;

/// The disk, mounted somewhere. Dropped, it is gone with all that was on it.
pub struct PowerLossDisk {
    /// One order at a time.
    line: RefCell<Line>,
    path: PathBuf,
}

struct Line {
    keeper: Child,
    says: BufReader<ChildStdout>,
}

impl PowerLossDisk {
    /// An empty one, whose luck follows from the seed, kept by this program; none, with the reason, where this process
    /// may not mount.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(program: impl AsRef<Path>, seed: u64) -> Result<Self, String> {
        let mut keeper = Command::new(program.as_ref())
            .arg(seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Not ended with the test from the keyboard: it has to unmount first.
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        let says = BufReader::new(keeper.stdout.take().unwrap());
        let mut line = Line { keeper, says };
        let path = PathBuf::from(line.hear()?);
        Ok(Self { line: RefCell::new(line), path })
    }

    /// Where it is. Another place after each loss of power.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Power fails and comes back: what was not synced is gone, torn or there, and nothing is open any more. Who had
    /// it open still has the disk of before, which takes nothing.
    pub fn lose_power(&mut self) {
        self.path = PathBuf::from(self.ask(&Order::LosePower));
    }

    /// Leaves what is on it in a directory of the machine, and stands there from then on.
    pub fn keep(&mut self) {
        self.path = PathBuf::from(self.ask(&Order::Keep));
    }

    /// The process that used it is gone: what it had removed needs no place any more.
    pub fn sweep(&self) {
        self.ask(&Order::Sweep);
    }

    /// After `spare` of its kind, what is asked of a file whose name has this part meets the fault.
    pub fn strike(&self, of: &str, spare: usize, fault: DiskFault) {
        self.ask(&Order::Strike { of: of.to_owned(), spare, fault });
    }

    /// From now on nothing can grow, or can again.
    pub fn fill(&self, full: bool) {
        self.ask(&Order::Fill(full));
    }

    /// Drops every fault that was not met.
    pub fn mend(&self) {
        self.ask(&Order::Mend);
    }

    /// How many faults were met since power last came.
    pub fn met(&self) -> usize {
        self.ask(&Order::Met).parse().unwrap()
    }

    /// The files that were synced again after a sync of theirs had failed, since power last came.
    pub fn synced_again(&self) -> Vec<String> {
        self.ask(&Order::SyncedAgain).split_whitespace().map(str::to_owned).collect()
    }

    fn ask(&self, order: &Order) -> String {
        let mut line = self.line.borrow_mut();
        writeln!(line.keeper.stdin.as_mut().unwrap(), "{order}").unwrap();
        line.hear().unwrap()
    }
}

impl Line {
    fn hear(&mut self) -> Result<String, String> {
        let mut said = String::new();
        self.says.read_line(&mut said).map_err(|error| error.to_string())?;
        match said.trim_end_matches('\n').split_once(' ') {
            Some(("done", answer)) => Ok(answer.to_owned()),
            Some((_, reason)) => Err(reason.to_owned()),
            None => Err("the keeper of the disk has gone".to_owned()),
        }
    }
}

impl Drop for PowerLossDisk {
    fn drop(&mut self) {
        let line = self.line.get_mut();
        // It ends when it hears nothing more.
        drop(line.keeper.stdin.take());
        let _ = line.keeper.wait();
    }
}
