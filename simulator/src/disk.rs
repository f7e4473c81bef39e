//! The disk of a directory: the files of one journal, and how far they are durable. Mirrors the calls of
//! `storage/src/journal/disk.rs`. A write survives the death of its process; it survives a power loss only if it was
//! synced, otherwise wholly, in part or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chance::Dice;
use crate::event::NodeId;

/// A frame of the journal on the disk.
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

/// Why a disk operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The disk failed.
    Failed,
    /// The disk belongs to another process by now.
    Fenced,
}

/// The files of one journal.
#[derive(Debug, Default)]
pub struct SimulatedDisk {
    /// The process that may write.
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

    /// Writes frames at a segment's end. After an error some of them may be written nevertheless.
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

    /// A write that was cut short: some frames are whole, one may be torn, the others are missing.
    pub fn tear(&mut self, segment: u64, mut frames: Vec<SimulatedFrame>, dice: &mut Dice) {
        frames.truncate(dice.below(frames.len() as u64 + 1) as usize);
        if let Some(last) = frames.last_mut() {
            last.whole = dice.one_in(2);
        }
        self.segments.entry(segment).or_default().extend(frames);
    }

    /// Makes the content of a segment durable.
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

    /// A power loss: content that was not synced is lost, torn, or kept by chance.
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
