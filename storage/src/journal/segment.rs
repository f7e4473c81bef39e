//! Segments: the files of the journal, their names and headers, and the active one. Never decides when one begins or is
//! deleted.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use updraft_protocol::limits::JOURNAL_RESERVE_BYTES;
use uuid::Uuid;

use super::disk::{Disk, JournalFile};
use super::error::is_full;

/// The format of segments.
pub const FORMAT: u8 = 2;
/// Bytes before the first frame: magic 8, format 1, zeros 3, CRC-32C of the other fields u32, first lsn u64, the id of the
/// journal 16.
pub(super) const HEADER_BYTES: usize = 40;
const MAGIC: &[u8; 8] = b"UPDRAFTJ";
const SUFFIX: &str = ".journal";
const DIGITS: usize = 20;

/// The name of the segment whose first frame is `first`.
pub(super) fn name(first: u64) -> String {
    format!("{first:0DIGITS$}{SUFFIX}")
}

/// The first lsn in a file name; `None` if the file is no segment.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let ours = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    ours.then(|| digits.parse().ok()).flatten()
}

/// The header of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It begins with this lsn, and belongs to the journal with this id.
    First(u64, Uuid),
    /// Another format.
    Format(u8),
    /// No header of a segment.
    Bad,
}

/// Reads a header.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else { return Head::Bad };
    if !bytes.starts_with(MAGIC) {
        return Head::Bad;
    }
    // Another format may differ in everything after its number.
    if bytes[8] != FORMAT {
        return Head::Format(bytes[8]);
    }
    let (mut first, mut id) = ([0; 8], [0; 16]);
    first.copy_from_slice(&bytes[16..24]);
    id.copy_from_slice(&bytes[24..]);
    let (first, id) = (u64::from_le_bytes(first), Uuid::from_bytes(id));
    if *bytes == head(first, id) { Head::First(first, id) } else { Head::Bad }
}

fn head(first: u64, id: Uuid) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = FORMAT;
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    bytes[24..].copy_from_slice(id.as_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Replaces a segment by a copy, up to `end` if more bytes follow: a file for which no sync has failed.
pub(super) fn write_anew(disk: &dyn Disk, folder: &Path, name: &str, end: Option<u64>) -> io::Result<()> {
    let path = folder.join(name);
    let mut from = disk.read(&path)?.take(end.unwrap_or(u64::MAX));
    let (mut file, new) = beside(disk, folder, name)?;
    let mut copied = Vec::with_capacity(COPY_BYTES);
    loop {
        copied.clear();
        from.by_ref().take(COPY_BYTES as u64).read_to_end(&mut copied)?;
        if copied.is_empty() {
            break;
        }
        file.append(&copied)?;
    }
    take_place(disk, folder, file, (&new, &path))
}

/// A new file that will replace a segment.
fn beside(disk: &dyn Disk, folder: &Path, name: &str) -> io::Result<(Box<dyn JournalFile>, PathBuf)> {
    let new = folder.join(format!("{name}.new"));
    match disk.remove(&new) {
        // An earlier start may have left one.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Ok((disk.create(&new)?, new))
}

/// Removes the remainder of an attempt to make a segment that ran out of space. A file with more than a header is never
/// such a remainder.
fn remove_begun(disk: &dyn Disk, path: &Path, exists: io::Error) -> io::Result<()> {
    let mut begun = Vec::new();
    disk.read(path)?.take(HEADER_BYTES as u64 + 1).read_to_end(&mut begun)?;
    if begun.len() > HEADER_BYTES { Err(exists) } else { disk.remove(path) }
}

/// Gives a file the name of another, durably: at every moment one of the two has the name.
fn take_place(
    disk: &dyn Disk,
    folder: &Path,
    mut file: Box<dyn JournalFile>,
    (new, path): (&Path, &Path),
) -> io::Result<()> {
    file.sync()?;
    drop(file);
    disk.rename(new, path)?;
    disk.sync_folder(folder)
}

/// A segment that is no longer written to.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// The lsn of its first frame.
    pub(super) first: u64,
    /// The lsn of its last frame.
    pub(super) last: u64,
}

/// Why frames were not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The disk has no space. The segment ends where it ended, and is as durable as it was.
    NoSpace(io::Error),
    /// The disk failed, and it is unknown which of them it has.
    Failed(io::Error),
}

/// The active segment.
pub(super) struct Segment {
    file: Box<dyn JournalFile>,
    path: PathBuf,
    name: String,
    first: u64,
    /// The end of the last good frame.
    bytes: u64,
    /// The end of the zeros that are reserved for frames; unlimited if the last reservation failed.
    reserved: u64,
    /// Frames since the last sync.
    unsynced: u32,
}

impl Segment {
    /// A new, empty, durable segment, in which no frame was ever written.
    pub(super) fn create(disk: &dyn Disk, folder: &Path, first: u64, id: Uuid) -> io::Result<Self> {
        let name = name(first);
        let path = folder.join(&name);
        let mut file = match disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove_begun(disk, &path, error)?;
                disk.create(&path)?
            }
            made => made?,
        };
        let written =
            file.append(&head(first, id)).and_then(|()| file.sync()).and_then(|()| disk.sync_folder(folder));
        if let Err(error) = written {
            // Best effort, since a full disk may have no space for that either: the next attempt tries again, and
            // recovery takes a segment with half a header for a torn tail.
            let _ = disk.remove(&path);
            return Err(error);
        }
        Ok(Self { file, path, name, first, bytes: HEADER_BYTES as u64, reserved: 0, unsynced: 0 })
    }

    /// Replaces a segment without frames by a new one with the same first number. The old file is not reused: a sync of
    /// it may have failed, and a later sync would not report what was dropped. A file of that name exists at every
    /// moment, since only its name records how many frames the journal has written.
    pub(super) fn replace(disk: &dyn Disk, folder: &Path, first: u64, id: Uuid) -> io::Result<Self> {
        let name = name(first);
        let path = folder.join(&name);
        let (mut file, new) = beside(disk, folder, &name)?;
        file.append(&head(first, id))?;
        take_place(disk, folder, file, (&new, &path))?;
        let file = disk.open(&path)?;
        Ok(Self { file, path, name, first, bytes: HEADER_BYTES as u64, reserved: 0, unsynced: 0 })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn unsynced(&self) -> u32 {
        self.unsynced
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == HEADER_BYTES as u64
    }

    /// Writes frames at the end, and syncs them if required. After an error none of them remains, as far as the disk
    /// still works.
    pub(super) fn append(&mut self, frames: &[u8], count: u32, sync: bool) -> Result<(), Unwritten> {
        if let Err(error) = self.file.append(frames) {
            return Err(self.take_back(error, sync));
        }
        if sync {
            self.reserve(frames.len());
            if let Err(error) = self.file.sync() {
                // These frames were not acknowledged: they should not reappear after a restart.
                let _ = self.file.cut(self.bytes);
                return Err(Unwritten::Failed(error));
            }
        }
        self.bytes += frames.len() as u64;
        self.unsynced = if sync { 0 } else { self.unsynced.saturating_add(count) };
        Ok(())
    }

    /// Cuts off the bytes of frames that failed with this error: they are refused, and must not reappear after a
    /// restart. The segment reserves its space again, so that smaller frames still fit.
    fn take_back(&mut self, error: io::Error, sync: bool) -> Unwritten {
        let ahead = self.ahead();
        let cut = self.file.cut(self.bytes);
        if !is_full(&error) {
            return Unwritten::Failed(error);
        }
        self.reserved = u64::MAX;
        if let Err(error) = cut.and_then(|()| if sync { self.file.sync() } else { Ok(()) }) {
            return Unwritten::Failed(error);
        }
        self.reserve_again(ahead);
        Unwritten::NoSpace(error)
    }

    /// The number of bytes that are reserved after the last frame.
    fn ahead(&self) -> u64 {
        if self.reserved == u64::MAX { 0 } else { self.reserved.saturating_sub(self.bytes) }
    }

    /// Reserves the same space as before. If another file has taken it, the journal waits as for any space.
    fn reserve_again(&mut self, bytes: u64) {
        let reserved = bytes > 0 && self.file.reserve(bytes as usize).is_ok();
        self.reserved = if reserved { self.bytes + bytes } else { u64::MAX };
    }

    /// Writes so many zeros after the last frame, as space for the next frames. Returns false if that fails; then the
    /// earlier reservation stays.
    pub(super) fn reserve_ahead(&mut self, bytes: usize) -> bool {
        let ahead = self.ahead();
        let reserved = self.file.reserve(bytes).is_ok();
        if reserved {
            self.reserved = self.bytes + bytes as u64;
        } else {
            self.reserve_again(ahead);
        }
        reserved
    }

    /// Gives back the reserved space, for other files that need it.
    pub(super) fn give_back(&mut self) -> io::Result<()> {
        self.reserved = u64::MAX;
        self.file.cut(self.bytes)
    }

    /// Reserves space, so that the syncs of the next appends write no new length, which costs a third of their time.
    /// Large writes pay for their own.
    fn reserve(&mut self, appended: usize) {
        let end = self.bytes + appended as u64;
        if end > self.reserved && appended < JOURNAL_RESERVE_BYTES / 4 {
            let reserved = self.file.reserve(JOURNAL_RESERVE_BYTES);
            self.reserved = reserved.map_or(u64::MAX, |()| end + JOURNAL_RESERVE_BYTES as u64);
        }
    }

    /// Makes all written bytes durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced > 0 {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Ends the segment, whose last frame is `last`, and gives back its reserved space.
    pub(super) fn seal(mut self, last: u64) -> Sealed {
        // Best effort: recovery accepts zeros after the last frame.
        let _ = self.file.cut(self.bytes);
        Sealed { path: self.path, name: self.name, first: self.first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_numbers_and_others_are_not_ours() {
        assert_eq!(name(7), "00000000000000000007.journal");
        assert_eq!(first_of(&name(u64::MAX)), Some(u64::MAX));
        for other in
            ["7.journal", "journal.lock", "0000000000000000000x.journal", "99999999999999999999.journal"]
        {
            assert_eq!(first_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_header_is_read_whole_or_refused() {
        let id = Uuid::from_u128(7);
        assert_eq!(read_head(&head(9, id)), Head::First(9, id));
        assert_eq!(read_head(&head(9, id)[..HEADER_BYTES - 1]), Head::Bad);
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = head(9, id);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let read = read_head(&bytes);
            assert!(matches!(read, Head::Bad | Head::Format(_)), "bit {bit}: {read:?}");
        }
        let mut newer = head(9, id);
        newer[8] = FORMAT + 1;
        assert_eq!(read_head(&newer), Head::Format(FORMAT + 1));
    }
}
