//! The disk of a directory: the files of one journal, as far as they are durable. Mirrors what
//! `storage/src/journal/disk.rs` asks of a file system. A write stays when its process dies; it survives a power
//! loss only when it was synced, and otherwise whole, in part or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chance::Dice;
use crate::event::NodeId;

/// A frame of the journal as the disk has it.
#[derive(Debug, Clone)]
pub struct SimulatedFrame {
    /// Its number.
    pub lsn: u64,
    /// Frames before it since the last sync.
    pub place: u32,
    /// The encoded updates.
    pub payload: Arc<[u8]>,
    /// Whether its checksum would match.
    pub whole: bool,
    /// Whether it survives a power loss.
    pub synced: bool,
}

impl SimulatedFrame {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        20 + self.payload.len()
    }
}

/// Why the disk did not do what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It failed.
    Failed,
    /// It belongs to another process by now.
    Fenced,
}

/// The files of one journal.
#[derive(Debug, Default)]
pub struct SimulatedDisk {
    /// Who may write.
    pub owner: NodeId,
    /// Whether the next write fails.
    pub write_fails: bool,
    /// Whether the next sync fails.
    pub sync_fails: bool,
    /// The segments by the number of their first frame.
    pub segments: BTreeMap<u64, Vec<SimulatedFrame>>,
}

impl SimulatedDisk {
    /// Makes an empty, durable segment.
    pub fn create(&mut self, node: NodeId, first: u64) -> Result<(), Broken> {
        self.may(node)?;
        self.segments.insert(first, Vec::new());
        Ok(())
    }

    /// Writes frames behind a segment's end. After an error some of them may be there nevertheless.
    pub fn append(
        &mut self,
        node: NodeId,
        segment: u64,
        frames: Vec<SimulatedFrame>,
        dice: &mut Dice,
    ) -> Result<(), Broken> {
        self.may(node)?;
        if std::mem::take(&mut self.write_fails) {
            self.tear(segment, frames, dice);
            return Err(Broken::Failed);
        }
        self.segments.entry(segment).or_default().extend(frames);
        Ok(())
    }

    /// A write that was cut short: some frames are whole, one may be torn, the rest is not there.
    pub fn tear(&mut self, segment: u64, mut frames: Vec<SimulatedFrame>, dice: &mut Dice) {
        frames.truncate(dice.below(frames.len() as u64 + 1) as usize);
        if let Some(last) = frames.last_mut() {
            last.whole = dice.one_in(2);
        }
        self.segments.entry(segment).or_default().extend(frames);
    }

    /// Makes what a segment has durable.
    pub fn sync(&mut self, node: NodeId, segment: u64) -> Result<(), Broken> {
        self.may(node)?;
        if std::mem::take(&mut self.sync_fails) {
            return Err(Broken::Failed);
        }
        for frame in self.segments.entry(segment).or_default() {
            frame.synced = true;
        }
        Ok(())
    }

    /// Cuts a segment after so many frames.
    pub fn cut(&mut self, node: NodeId, segment: u64, frames: usize) -> Result<(), Broken> {
        self.may(node)?;
        self.segments.entry(segment).or_default().truncate(frames);
        Ok(())
    }

    /// Deletes a segment, durably.
    pub fn remove(&mut self, node: NodeId, segment: u64) -> Result<(), Broken> {
        self.may(node)?;
        self.segments.remove(&segment);
        Ok(())
    }

    /// What was not synced is lost, torn, or there by luck.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        for frames in self.segments.values_mut() {
            let durable = frames.iter().take_while(|frame| frame.synced).count();
            let rest = (frames.len() - durable) as u64;
            frames.truncate(durable + dice.below(rest + 1) as usize);
            for frame in frames.iter_mut().skip(durable) {
                frame.whole &= dice.one_in(2);
            }
        }
    }

    fn may(&self, node: NodeId) -> Result<(), Broken> {
        if self.owner == node { Ok(()) } else { Err(Broken::Fenced) }
    }
}
