//! What a journal held when it was opened: its groups, read again one by one. The journal accepts nothing new,
//! and deletes nothing, before they were all given.

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

/// The groups that a journal held when it was opened, oldest first, read as they are asked for.
///
/// Whoever opens a journal gives them to the writer before anything else, with [`Replay::replay`] or one by
/// one; until the last was taken the journal refuses appends.
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
    /// Set when everything was given.
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

    /// What a folder holds, proven and mended as it is when a journal is opened there, which this does not do.
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

    /// How many frames there are.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The number of the first frame; of the next one, where there is none.
    pub fn begins(&self) -> u64 {
        self.begins
    }

    /// The number of the last frame that the journal ever held; 0 where it never held any.
    pub fn ends(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Whether there was a segment, with or without frames: it was not made by this opening.
    pub fn there(&self) -> bool {
        self.there
    }

    /// The highest epoch of an update that the journal holds; 0 where it holds none.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The write that had not finished and was cut off, if there was one.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Gives everything to the writer, waiting for it as it asks; says how many groups there were.
    ///
    /// # Errors
    /// What can no longer be read, and [`log::Error::Closed`] where the writer is gone.
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

    /// The next groups: so many that the writer's whole queue of them stays in the journal's bound.
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
            // What follows a frame that cannot be read is not given without it.
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

    /// The next group; none behind the last frame that was proven at the opening.
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
