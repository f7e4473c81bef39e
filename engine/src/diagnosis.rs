//! A diagnosis: the faults of a data directory and its store, as data, each with its remedy. Examines nothing itself,
//! and repairs nothing.

use std::fmt;

use serde::Serialize;
use updraft_kernel::pairing::{Loss, Mismatch};
use updraft_protocol::Timestamp;
use updraft_storage::store::Trouble;

/// The result of an examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The data directory.
    pub data: String,
    /// The store's place, without credentials.
    pub store: String,
    /// The faults, in the order in which they are to be repaired; empty if a start would succeed.
    pub findings: Vec<Finding>,
    /// The groups in the journal, first and last, if there are any.
    pub journal: Option<(u64, u64)>,
    /// The last group that the store has noted.
    pub taken: Option<u64>,
    /// Bytes that are free beside the journal.
    pub free_bytes: Option<u64>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// There is no data directory, or its path is not a directory.
    NoDirectory {
        /// The state of the path.
        cause: String,
    },
    /// An engine runs there: nothing more was examined.
    InUse {
        /// The lock that it holds.
        lock: String,
    },
    /// An engine has the database on its server.
    Owned {
        /// Its process and machine.
        who: String,
        /// Since when, by its clock.
        since: Timestamp,
        /// Whether it renewed its lease during the examination.
        lives: bool,
    },
    /// The disk of the data directory has little room, or none.
    NoRoom {
        /// The free space.
        free_bytes: u64,
        /// The space that the journal may need at once.
        wanted_bytes: u64,
    },
    /// The journal's note of its store cannot be read.
    Note {
        /// The file and the error.
        cause: String,
    },
    /// The journal cannot be read.
    Journal {
        /// The place and the error.
        cause: String,
    },
    /// The journal ends in an incomplete write. A start cuts it off: it was never acknowledged as durable.
    Torn {
        /// The segment.
        segment: String,
        /// The position in it.
        offset: u64,
    },
    /// The store cannot be opened, or reports a fault.
    Store {
        /// The place and the error.
        cause: String,
    },
    /// The journal has updates for a store at another place.
    OtherStore {
        /// The noted place.
        noted: String,
    },
    /// The journal and the store do not belong together.
    Mismatch {
        /// The findings, their meaning, and the remedies.
        what: String,
        /// The loss that may be accepted, if one may.
        acceptable: Option<Whose>,
    },
    /// Containments are past their end, and no engine runs that would undo them.
    Overdue {
        /// How many; of more than 1,000 that are looked at, so many.
        containments: usize,
        /// Since when the first of them is.
        since: Timestamp,
    },
    /// Other users than its owner may open the data directory.
    OpenToOthers {
        /// Their permissions, as `chmod` writes them: `055`.
        mode: String,
    },
}

/// The side whose loss is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Data that the store no longer has.
    Store,
    /// Updates that the journal no longer has.
    Journal,
}

impl From<Mismatch> for Finding {
    fn from(mismatch: Mismatch) -> Self {
        let acceptable = mismatch.acceptable().map(|loss| match loss {
            Loss::OfStore => Whose::Store,
            Loss::OfJournal => Whose::Journal,
        });
        Self::Mismatch { what: mismatch.to_string(), acceptable }
    }
}

impl From<&Trouble> for Finding {
    fn from(trouble: &Trouble) -> Self {
        Self::Store { cause: trouble.to_string() }
    }
}

impl Finding {
    /// Whether it prevents an engine from starting.
    pub fn stops_a_start(&self) -> bool {
        match self {
            Self::InUse { .. }
            | Self::Note { .. }
            | Self::Journal { .. }
            | Self::Store { .. }
            | Self::OtherStore { .. }
            | Self::Mismatch { .. } => true,
            Self::Owned { lives, .. } => *lives,
            Self::NoRoom { free_bytes, .. } => *free_bytes == 0,
            Self::NoDirectory { .. }
            | Self::Torn { .. }
            | Self::Overdue { .. }
            | Self::OpenToOthers { .. } => false,
        }
    }

    /// The remedy.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoDirectory { .. } => "name the directory of an engine; a start makes one that is missing",
            Self::InUse { .. } => "stop that engine, or ask it",
            Self::Owned { lives: true, .. } => "stop that engine, or start with another database",
            Self::Owned { lives: false, .. } => {
                "nothing: it is gone; a start from another data directory waits ten seconds for it"
            }
            Self::NoRoom { .. } => {
                "make room on that disk; a running engine waits for it and goes on by itself"
            }
            Self::Note { .. } => "mend what it says: it names the journal's store, and the ids of both",
            Self::Journal { .. } => {
                "put the file back from where it is whole, or start with the version of Updraft that wrote it"
            }
            Self::Torn { .. } => "nothing: the next start cuts it off",
            Self::Store { .. } => "mend what it says; put a damaged database back from a backup",
            Self::OtherStore { .. } => {
                "start with that store once, and then with this one; or move the journal away"
            }
            Self::Mismatch { acceptable: Some(_), .. } => {
                "put back what is missing, or accept its loss for one start"
            }
            Self::Mismatch { acceptable: None, .. } => {
                "do one of what it says; what only a journal has that is moved away is not brought anywhere"
            }
            Self::Overdue { .. } => "start an engine here, or run `updraft recover`: it undoes them",
            Self::OpenToOthers { .. } => "chmod go= the directory, unless they are meant to",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory { cause } => write!(f, "no data directory: {cause}"),
            Self::InUse { lock } => write!(f, "an engine runs here: it holds {lock}"),
            Self::Owned { who, since, lives } => {
                let lives = if *lives { "has" } else { "had" };
                write!(f, "another engine {lives} the database: {who}, since {since}")
            }
            Self::NoRoom { free_bytes, wanted_bytes } => {
                write!(f, "the disk has {free_bytes} bytes left; the journal may want {wanted_bytes} at once")
            }
            Self::Note { cause } | Self::Journal { cause } | Self::Store { cause } => f.write_str(cause),
            Self::Torn { segment, offset } => {
                write!(f, "the journal ends in a write that never finished: {segment} at byte {offset}")
            }
            Self::OtherStore { noted } => {
                write!(f, "the journal has updates that the store {noted} does not have yet")
            }
            Self::Mismatch { what, .. } => f.write_str(what),
            Self::Overdue { containments, since } => {
                write!(
                    f,
                    "containments past their end that are not undone: {containments}, the first since {since}"
                )
            }
            Self::OpenToOthers { mode } => {
                write!(f, "others than its owner may open the data directory ({mode})")
            }
        }
    }
}

impl Diagnosis {
    /// Whether there is no fault.
    pub fn is_well(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "data directory {}, store {}", self.data, self.store)?;
        if let Some((first, last)) = self.journal {
            writeln!(f, "the journal holds the groups {first} to {last}")?;
        }
        if let Some(taken) = self.taken {
            writeln!(f, "the database has taken the groups up to {taken}")?;
        }
        for finding in &self.findings {
            let weight = if finding.stops_a_start() { "stops a start" } else { "does not stop a start" };
            writeln!(f, "- {finding}\n  {weight}; {}", finding.remedy())?;
        }
        if self.is_well() {
            writeln!(f, "nothing is wrong")?;
        }
        Ok(())
    }
}
