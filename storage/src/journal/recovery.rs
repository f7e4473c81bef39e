//! Recovery: verifies every segment from its first byte to its last, cuts a torn tail, and returns the frames in order.
//! Refuses corruption and names its place; never skips it.

use std::path::Path;

use updraft_protocol::{Update, codec};
use uuid::Uuid;

use super::Error;
use super::disk::Disk;
use super::reader::{Look, SegmentReader};
use super::segment::{self, FORMAT, HEADER_BYTES, Head, Sealed};
use super::torn::{self, Verdict};

/// An incomplete write, cut off the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub segment: String,
    /// The position of the cut.
    pub offset: u64,
}

/// The content of the segments.
pub(super) struct Scan {
    /// The id of their journal; `None` if there is no segment.
    pub(super) id: Option<Uuid>,
    /// Segments with frames, oldest first.
    pub(super) sealed: Vec<Sealed>,
    /// The number of the next frame.
    pub(super) next: u64,
    /// The number of the first frame; of the next one, if there is none.
    pub(super) begins: u64,
    /// The number of frames.
    pub(super) frames: u64,
    /// The highest epoch of an update in them; 0 if there is none.
    pub(super) epoch: u64,
    /// Whether the last segment holds no frame: the next one replaces it.
    pub(super) replaced: bool,
    pub(super) torn: Option<Torn>,
}

impl Scan {
    /// Whether there is a segment, with or without frames.
    pub(super) fn there(&self) -> bool {
        self.replaced || !self.sealed.is_empty()
    }
}

/// Verifies all segments of the folder, and leaves them as they will be read: without a torn tail, without a last
/// segment that was never written, and durable. An empty last segment stays: only its name records how many frames the
/// journal has written.
pub(super) fn scan(disk: &dyn Disk, folder: &Path) -> Result<Scan, Error> {
    let mut names = disk.list(folder).map_err(Error::disk("listing its folder"))?;
    names.retain(|name| segment::first_of(name).is_some());
    names.sort_unstable();
    let (id, sealed, torn) = (None, Vec::new(), None);
    let mut scan = Scan { id, sealed, next: 1, begins: 1, frames: 0, epoch: 0, replaced: false, torn };
    let count = names.len();
    for (index, name) in names.into_iter().enumerate() {
        let first = segment::first_of(&name).unwrap_or_default();
        if index == 0 && first > 0 {
            (scan.next, scan.begins) = (first, first);
        }
        if first != scan.next {
            let reason =
                format!("begins with {first} where {} was expected: a segment is missing", scan.next);
            return Err(corrupt(&name, 0, reason));
        }
        let last_of_all = index + 1 == count;
        let segment = Proof { disk, name: &name, path: &folder.join(&name) }.prove(first, last_of_all)?;
        if !last_of_all && segment.next == first {
            // Its content is missing, which must not be forgotten with it.
            return Err(corrupt(&name, HEADER_BYTES as u64, "holds no frame and is not the last".to_owned()));
        }
        if let (Some(id), Some(found)) = (scan.id, segment.journal)
            && id != found
        {
            let reason = format!("is a segment of the journal {found}, those before it are of {id}");
            return Err(corrupt(&name, 0, reason));
        }
        mend(disk, folder, &name, &segment, last_of_all)?;
        scan.id = scan.id.or(segment.journal);
        let next = segment.next;
        scan.frames += next - first;
        scan.epoch = scan.epoch.max(segment.epoch);
        scan.torn = segment.torn_at().map(|offset| Torn { segment: name.clone(), offset });
        if next > first {
            scan.sealed.push(Sealed { path: folder.join(&name), name, first, last: next - 1 });
        }
        scan.replaced = segment.journal.is_some() && next == first;
        scan.next = next;
    }
    Ok(scan)
}

/// The content of one segment.
struct Proven {
    next: u64,
    /// The highest epoch of an update in it.
    epoch: u64,
    /// The id in its header; `None` if the header is incomplete.
    journal: Option<Uuid>,
    /// The end of its frames, if more bytes follow: zeros that were written ahead of frames, or a torn write.
    end: Option<u64>,
    /// Whether these bytes are a torn write.
    torn: bool,
}

impl Proven {
    fn torn_at(&self) -> Option<u64> {
        self.end.filter(|_| self.torn)
    }
}

struct Proof<'a> {
    disk: &'a dyn Disk,
    name: &'a str,
    path: &'a Path,
}

impl Proof<'_> {
    fn prove(&self, first: u64, last_of_all: bool) -> Result<Proven, Error> {
        let reading = || Error::disk(format!("reading {}", self.name));
        let mut reader = SegmentReader::open(self.disk, self.path).map_err(reading())?;
        let journal = match segment::read_head(reader.peek(HEADER_BYTES).map_err(reading())?) {
            Head::First(found, id) if found == first => Some(id),
            Head::First(found, _) => {
                return Err(corrupt(self.name, 0, format!("the header says that it begins with {found}")));
            }
            Head::Format(found) => {
                return Err(Error::Format { segment: self.name.to_owned(), found, known: FORMAT });
            }
            Head::Bad => {
                return if last_of_all && never_written(&mut reader).map_err(reading())? {
                    Ok(Proven { next: first, epoch: 0, journal: None, end: Some(0), torn: true })
                } else {
                    Err(corrupt(self.name, 0, "the header is not that of a segment".to_owned()))
                };
            }
        };
        reader.advance(HEADER_BYTES);
        let (mut next, mut epoch) = (first, 0);
        loop {
            let offset = reader.offset();
            match reader.look().map_err(reading())? {
                Look::End => return Ok(Proven { next, epoch, journal, end: None, torn: false }),
                Look::Frame(header) if header.lsn == next => {
                    let payload = reader.payload(&header).map_err(reading())?;
                    epoch = epoch.max(self.epoch(payload, offset)?);
                    reader.advance(header.frame_bytes());
                    next = next.saturating_add(1);
                }
                Look::Frame(header) => {
                    let reason = format!("frame {} where {next} was expected", header.lsn);
                    return Err(corrupt(self.name, offset, reason));
                }
                Look::Bad(reason) => {
                    return match torn::judge(&mut reader, next).map_err(reading())? {
                        Verdict::Unwritten => {
                            Ok(Proven { next, epoch, journal, end: Some(offset), torn: false })
                        }
                        Verdict::Torn if last_of_all => {
                            Ok(Proven { next, epoch, journal, end: Some(offset), torn: true })
                        }
                        Verdict::Torn | Verdict::Corrupt => {
                            Err(corrupt(self.name, offset, reason.to_owned()))
                        }
                    };
                }
            }
        }
    }

    /// The highest epoch of a frame's updates. Refuses a frame of another version, and one that is no group of updates,
    /// before anything is repaired, replayed or written after it.
    fn epoch(&self, payload: &[u8], offset: u64) -> Result<u64, Error> {
        match codec::decode::<Vec<Update>>(payload) {
            Ok(updates) => Ok(updates.iter().map(|update| update.revision().epoch).max().unwrap_or(0)),
            Err(codec::Error::Version { found }) => {
                let known = codec::VERSION;
                Err(Error::Codec { segment: self.name.to_owned(), offset, found, known })
            }
            Err(error) => Err(corrupt(self.name, offset, error.to_string())),
        }
    }
}

/// Whether a segment without a header was just being made when power failed: it is short, or all zeros.
fn never_written(reader: &mut SegmentReader) -> std::io::Result<bool> {
    if reader.peek(HEADER_BYTES)?.len() < HEADER_BYTES {
        return Ok(true);
    }
    loop {
        let bytes = reader.peek(HEADER_BYTES)?;
        let length = bytes.len();
        if length == 0 || bytes.iter().any(|&byte| byte != 0) {
            return Ok(length == 0);
        }
        reader.advance(length);
    }
}

/// Repairs the last segment, so that another may follow it.
fn mend(disk: &dyn Disk, folder: &Path, name: &str, proven: &Proven, last_of_all: bool) -> Result<(), Error> {
    let path = folder.join(name);
    let has_frames = segment::first_of(name).is_some_and(|first| proven.next > first);
    let mended = if proven.journal.is_none() {
        // It never held a frame, and the next segment has its name.
        disk.remove(&path).and_then(|()| disk.sync_folder(folder))
    } else if last_of_all && has_frames {
        // Frames of a killed process may be in memory only, and a failed sync may have dropped them from there: a later
        // sync would not report it. So they are written again, to a new file.
        segment::write_anew(disk, folder, name, proven.end)
    } else if last_of_all {
        // A segment without frames is replaced by another of its name.
        proven.end.map_or(Ok(()), |offset| disk.open(&path)?.cut(offset))
    } else {
        Ok(())
    };
    mended.map_err(Error::disk(format!("mending {name}")))
}

pub(super) fn corrupt(segment: &str, offset: u64, reason: String) -> Error {
    Error::Corrupt { segment: segment.to_owned(), offset, reason }
}
