//! The groups of a journal when it was opened, read again one by one. The journal accepts no appends, and deletes
//! nothing, before all of them were taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use updraft_protocol::limits::{JOURNAL_QUEUE, JOURNAL_QUEUE_BYTES, WRITER_QUEUE};
use updraft_protocol::{Update, codec};
use uuid::Uuid;

use super::disk::Disk;
use super::error::Error;
use super::reader::{Look, SegmentReader};
use super::recovery::{Scan, Torn, corrupt};
use super::segment::{HEADER_BYTES, Sealed};
use crate::handoff::{Group, Message, Room};
use crate::log;

/// The groups of a journal when it was opened, oldest first, read on demand.
///
/// The opener passes them to the writer before anything else, with [`Replay::replay`] or one by one; until the last was
/// taken the journal refuses appends.
pub struct Replay {
    disk: Arc<dyn Disk>,
    segments: VecDeque<Sealed>,
    reading: Option<Reading>,
    id: Uuid,
    begins: u64,
    next: u64,
    frames: u64,
    there: bool,
    epoch: u64,
    torn: Option<Torn>,
    failed: bool,
    /// Set when all groups were taken.
    replayed: Arc<AtomicBool>,
}

struct Reading {
    reader: SegmentReader,
    segment: Sealed,
    next: u64,
}

impl Replay {
    pub(super) fn new(disk: Arc<dyn Disk>, id: Uuid, scan: &Scan, replayed: Arc<AtomicBool>) -> Self {
        replayed.store(scan.frames == 0, Ordering::Release);
        Self {
            disk,
            segments: scan.sealed.iter().cloned().collect(),
            reading: None,
            id,
            begins: scan.begins,
            next: scan.next,
            frames: scan.frames,
            there: scan.there(),
            epoch: scan.epoch,
            torn: scan.torn.clone(),
            failed: false,
            replayed,
        }
    }

    /// The content of a folder, verified and repaired as when a journal is opened there, but without opening one.
    ///
    /// # Errors
    /// As [`super::Journal::open`].
    #[cfg(feature = "fuzzing")]
    pub fn of(disk: Arc<dyn Disk>, folder: &std::path::Path) -> Result<Self, Error> {
        let scan = super::recovery::scan(&*disk, folder)?;
        Ok(Self::new(disk, scan.id.unwrap_or_default(), &scan, Arc::default()))
    }

    /// The id of the journal.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The number of frames.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The number of the first frame; of the next one, if there is none.
    pub fn begins(&self) -> u64 {
        self.begins
    }

    /// The number of the last frame that the journal ever held; 0 if it never held any.
    pub fn ends(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Whether a segment existed before this opening, with or without frames.
    pub fn there(&self) -> bool {
        self.there
    }

    /// The highest epoch of an update in the journal; 0 if there is none.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The incomplete write that was cut off, if there was one.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Passes all groups to the writer, at its pace; returns the number of groups.
    ///
    /// # Errors
    /// A frame that can no longer be read, and [`log::Error::Closed`] if the writer is gone.
    pub async fn replay(mut self, writer: mpsc::Sender<Message>) -> Result<u64, Error> {
        let replay = tokio::task::spawn_blocking(move || {
            loop {
                let (groups, last) = self.chunk()?;
                if !groups.is_empty() {
                    writer.blocking_send(Message::Groups(groups)).map_err(|_| log::Error::Closed)?;
                }
                if last {
                    return Ok(self.frames);
                }
            }
        });
        replay.await.unwrap_or(Err(log::Error::Closed.into()))
    }

    /// The next groups: so many that the writer's full queue stays within the journal's bound.
    fn chunk(&mut self) -> Result<(Vec<Group<Room>>, bool), Error> {
        let (mut groups, mut bytes) = (Vec::new(), 0);
        while groups.len() < JOURNAL_QUEUE && bytes < JOURNAL_QUEUE_BYTES / WRITER_QUEUE {
            let Some(group) = self.next() else { return Ok((groups, true)) };
            let group = group?;
            bytes += group.updates.iter().map(Update::bytes).sum::<usize>();
            groups.push(group);
        }
        Ok((groups, false))
    }

    fn read(&mut self) -> Result<Option<Group<Room>>, Error> {
        loop {
            if self.reading.is_none() {
                let Some(segment) = self.segments.pop_front() else { return Ok(None) };
                self.reading = Some(Reading::begin(&*self.disk, segment)?);
            }
            if let Some(reading) = &mut self.reading
                && let Some(group) = reading.read()?
            {
                return Ok(Some(group));
            }
            self.reading = None;
        }
    }
}

impl Iterator for Replay {
    type Item = Result<Group<Room>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            // The frames after one that cannot be read are not returned without it.
            return None;
        }
        let group = self.read().transpose();
        match &group {
            None => self.replayed.store(true, Ordering::Release),
            Some(Err(_)) => self.failed = true,
            Some(Ok(_)) => {}
        }
        group
    }
}

impl Reading {
    fn begin(disk: &dyn Disk, segment: Sealed) -> Result<Self, Error> {
        let failed = Error::disk(format!("reading {}", segment.name));
        let mut reader = SegmentReader::open(disk, &segment.path).map_err(failed)?;
        reader.peek(HEADER_BYTES).map_err(Error::disk(format!("reading {}", segment.name)))?;
        reader.advance(HEADER_BYTES);
        let next = segment.first;
        Ok(Self { reader, segment, next })
    }

    /// The next group; `None` after the last frame that was verified at the opening.
    fn read(&mut self) -> Result<Option<Group<Room>>, Error> {
        if self.next > self.segment.last {
            return Ok(None);
        }
        let (name, offset) = (self.segment.name.as_str(), self.reader.offset());
        let reading = || Error::disk(format!("reading {name}"));
        let header = match self.reader.look().map_err(reading())? {
            Look::Frame(header) if header.lsn == self.next => header,
            Look::Frame(_) | Look::End => {
                return Err(corrupt(name, offset, "changed while it was read".into()));
            }
            Look::Bad(reason) => return Err(corrupt(name, offset, reason.to_owned())),
        };
        let payload = self.reader.payload(&header).map_err(reading())?;
        let updates = codec::decode(payload).map_err(|error| corrupt(name, offset, error.to_string()))?;
        self.reader.advance(header.frame_bytes());
        self.next += 1;
        Ok(Some(Group::new(header.lsn, updates)))
    }
}
