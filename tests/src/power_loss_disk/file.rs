//! A file of the power-loss disk: what who reads it sees, what a sync has made durable, and what was changed since. Draws by
//! luck what of that a loss of power leaves; never decides when.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;

/// What a disk writes whole: all that was written to it before, or at an earlier moment.
const SECTOR_BYTES: usize = 512;

/// One change that was not made durable.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A file.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    /// As who made it called it.
    pub(super) name: String,
    now: Vec<u8>,
    /// What a loss of power leaves for certain.
    kept: Vec<u8>,
    /// What it may leave too, in the order in which it came.
    since: Vec<Change>,
    /// A sync of it has failed.
    pub(super) failed: bool,
}

impl File {
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.now
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let change = Change::Write { at, bytes: bytes.to_owned() };
        change.apply(&mut self.now);
        self.since.push(change);
    }

    pub(super) fn set_length(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.since.push(Change::Length(length));
    }

    /// Makes durable what is not.
    pub(super) fn sync(&mut self) {
        for change in self.since.drain(..) {
            change.apply(&mut self.kept);
        }
    }

    /// A sync that fails: some of it is durable, and the rest never will be, whatever the next sync says. Who reads
    /// still sees all of it. So do the systems on which this runs.
    pub(super) fn fail_sync(&mut self, luck: &mut StdRng) {
        self.kept = self.after_loss(luck);
        self.since.clear();
        self.failed = true;
    }

    /// The file as power that fails now leaves it.
    pub(super) fn survivor(&self, luck: &mut StdRng) -> Self {
        let bytes = self.after_loss(luck);
        Self { name: self.name.clone(), now: bytes.clone(), kept: bytes, ..Self::default() }
    }

    /// Of what was not synced: nothing, all, its beginning, or of each sector what it was at some moment since.
    fn after_loss(&self, luck: &mut StdRng) -> Vec<u8> {
        let changes = self.since.len();
        match luck.random_range(0..4) {
            0 => self.kept.clone(),
            1 => self.now.clone(),
            2 => {
                let whole = luck.random_range(0..=changes);
                let mut left = self.at(whole);
                if let Some(Change::Write { at, bytes }) = self.since.get(whole) {
                    // A sector is written whole.
                    let end = (at + luck.random_range(0..=bytes.len())) / SECTOR_BYTES * SECTOR_BYTES;
                    let torn = end.saturating_sub(*at);
                    Change::Write { at: *at, bytes: bytes[..torn].to_owned() }.apply(&mut left);
                }
                left
            }
            _ => self.scattered(luck),
        }
    }

    /// As it was after so many of the changes.
    fn at(&self, changes: usize) -> Vec<u8> {
        let mut left = self.kept.clone();
        self.since[..changes].iter().for_each(|change| change.apply(&mut left));
        left
    }

    /// Each sector as it was at a moment of its own, and so the length. A sector that was never written reads as
    /// zeros.
    fn scattered(&self, luck: &mut StdRng) -> Vec<u8> {
        let changes = self.since.len();
        let mut moments: BTreeMap<usize, usize> = BTreeMap::new();
        let (mut left, mut length, mut lengths) = (self.kept.clone(), self.kept.len(), Vec::new());
        for (at, change) in self.since.iter().enumerate() {
            match change {
                Change::Length(new) => {
                    length = *new;
                    left.iter_mut().skip(length).for_each(|byte| *byte = 0);
                }
                Change::Write { .. } => {
                    for (sector, part) in change.sectors() {
                        let moment = moments.entry(sector).or_insert_with(|| match luck.random_range(0..3) {
                            0 => 0,
                            1 => changes,
                            _ => luck.random_range(0..=changes),
                        });
                        if at < *moment {
                            part.apply(&mut left);
                        }
                        length = length.max(part.end());
                    }
                }
            }
            lengths.push(length);
        }
        if let Some(length) = lengths.get(luck.random_range(0..changes.max(1))) {
            left.resize(*length, 0);
        }
        left
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { bytes: new, .. } if new.is_empty() => {}
            Self::Write { at, bytes: new } => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }

    /// Where it ends.
    fn end(&self) -> usize {
        match self {
            Self::Write { at, bytes } => at + bytes.len(),
            Self::Length(length) => *length,
        }
    }

    /// What it writes in each sector, by the sector's number.
    fn sectors(&self) -> Vec<(usize, Self)> {
        let Self::Write { at, bytes } = self else { return Vec::new() };
        let (mut parts, mut from) = (Vec::new(), 0);
        while from < bytes.len() {
            let sector = (at + from) / SECTOR_BYTES;
            let to = bytes.len().min((sector + 1) * SECTOR_BYTES - at);
            parts.push((sector, Self::Write { at: at + from, bytes: bytes[from..to].to_owned() }));
            from = to;
        }
        parts
    }
}
