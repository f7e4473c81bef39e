//! The journal's reader: whatever stands in a folder is recovered, with a torn tail cut off once and for all, or
//! refused at its place with every file left as it was.
//!
//! The first byte of an input says what is mended in the rest, so that checksums do not keep everything behind
//! them from being tried. Then come the segments, each behind its length in two bytes but for the last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use updraft_protocol::Update;
use updraft_storage::journal::{Error, Replay, Torn};

use crate::disk::{Files, MemoryDisk};
use crate::shape::check_message;

const FOLDER: &str = "journal";
const HEADER_BYTES: usize = 40;
const FRAME_HEADER_BYTES: usize = 20;

/// Checksums are made right.
const MEND_CHECKSUMS: u8 = 1;
/// Frames are numbered in order.
const MEND_NUMBERS: u8 = 2;
/// The first bytes are those of a segment that begins with 1.
const MEND_HEADERS: u8 = 4;
/// There are two segments.
const TWO_SEGMENTS: u8 = 8;

/// All of the first three: what stands in the payloads is what is tried.
pub const MEND_ALL: u8 = MEND_CHECKSUMS | MEND_NUMBERS | MEND_HEADERS;

/// What a recovery gives.
type Groups = Vec<(u64, Vec<Update>)>;

/// Takes one or two segments.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    let files = segments(bytes);
    let disk = MemoryDisk::of(files.clone());
    match recover(&disk) {
        Ok((groups, torn)) => {
            if let Some(torn) = torn {
                let whole = files.get(&Path::new(FOLDER).join(&torn.segment)).map_or(0, Vec::len);
                assert!(torn.offset <= whole as u64, "cut at {} of {whole}", torn.offset);
            }
            let numbers: Vec<u64> = groups.iter().map(|(lsn, _)| *lsn).collect();
            assert!(
                numbers.windows(2).all(|two| two[1] == two[0] + 1),
                "in order, none missing: {numbers:?}"
            );
            let again = recover(&disk).map_err(|error| error.to_string());
            assert_eq!(again, Ok((groups, None)), "what was mended is whole");
        }
        Err(error) => {
            check_refusal(&error, &files);
            assert_eq!(*disk.files(), files, "what is refused is left as it was");
        }
    }
}

/// The updates that are recovered from an input; none where it is refused.
pub fn recovered(input: &[u8]) -> Option<Vec<Vec<Update>>> {
    let disk = MemoryDisk::of(segments(input));
    let (groups, _) = recover(&disk).ok()?;
    Some(groups.into_iter().map(|(_, updates)| updates).collect())
}

/// The last segment of an input, mended as it asks for.
pub fn mended(input: &[u8]) -> Vec<u8> {
    segments(input).into_values().last().unwrap_or_default()
}

/// An input of one segment in which nothing is mended.
pub fn as_it_is(segment: &[u8]) -> Vec<u8> {
    [&[0], segment].concat()
}

/// Proven at the opening, or while it is read: a frame whose updates cannot be is found then.
fn recover(disk: &MemoryDisk) -> Result<(Groups, Option<Torn>), Error> {
    let before = disk.files().clone();
    let recovered = Replay::of(Arc::new(disk.clone()), Path::new(FOLDER))?;
    let (frames, torn) = (recovered.frames(), recovered.torn().cloned());
    let groups =
        recovered.map(|group| group.map(|group| (group.lsn, group.updates))).collect::<Result<Groups, _>>();
    match groups {
        Ok(groups) => {
            assert_eq!(groups.len() as u64, frames, "every frame that was counted is given");
            Ok((groups, torn))
        }
        Err(error) => {
            // What ends the journal is mended at the opening, before updates are looked into.
            *disk.files() = before;
            Err(error)
        }
    }
}

fn check_refusal(error: &Error, files: &Files) {
    check_message(&error.to_string());
    assert!(!error.retryable());
    match error {
        Error::Corrupt { segment, offset, reason } => {
            check_message(reason);
            let whole = files.get(&Path::new(FOLDER).join(segment)).map(|bytes| bytes.len() as u64);
            assert!(whole.is_some_and(|whole| *offset <= whole), "{segment} at {offset} of {whole:?}");
        }
        Error::Format { found, known, .. } => assert_ne!(found, known, "the format that is known is read"),
        Error::Codec { found, known, .. } => assert_ne!(found, known, "the version that is known is read"),
        other => assert!(matches!(other, Error::Corrupt { .. }), "{other}"),
    }
}

fn segments(bytes: &[u8]) -> Files {
    let Some((&flags, mut rest)) = bytes.split_first() else { return Files::new() };
    let mut segments = Vec::new();
    if flags & TWO_SEGMENTS != 0
        && let Some((length, after)) = rest.split_first_chunk::<2>()
    {
        let (first, last) = after.split_at(after.len().min(usize::from(u16::from_le_bytes(*length))));
        segments.push(first.to_vec());
        rest = last;
    }
    segments.push(rest.to_vec());
    let mut next = 1;
    let mut files = Files::new();
    for mut segment in segments {
        mend(&mut segment, flags, &mut next);
        let first = segment.get(16..24).and_then(|first| first.try_into().ok());
        files.insert(path(first.map_or(1, u64::from_le_bytes)), segment);
    }
    files
}

fn path(first: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("{first:020}.journal"))
}

/// Makes right what `flags` say: written after what is documented of the layout, not with the code that writes it.
fn mend(segment: &mut [u8], flags: u8, next: &mut u64) {
    let Some((header, mut frames)) = segment.split_at_mut_checked(HEADER_BYTES) else { return };
    if flags & MEND_HEADERS != 0 {
        header.fill(0);
        header[..8].copy_from_slice(b"UPDRAFTJ");
        header[8] = 2;
        header[16..24].copy_from_slice(&next.to_le_bytes());
    }
    if flags & MEND_CHECKSUMS != 0 {
        header[12..16].fill(0);
        let crc = crc32c::crc32c(header);
        header[12..16].copy_from_slice(&crc.to_le_bytes());
    }
    while let Some((header, rest)) = frames.split_at_mut_checked(FRAME_HEADER_BYTES) {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let Some((payload, behind)) = rest.split_at_mut_checked(length as usize) else { return };
        if flags & MEND_NUMBERS != 0 {
            header[8..16].copy_from_slice(&next.to_le_bytes());
            *next += 1;
        }
        if flags & MEND_CHECKSUMS != 0 {
            let numbers: Vec<u8> = header[8..20].iter().chain(&header[..4]).copied().collect();
            let crc = crc32c::crc32c_append(crc32c::crc32c(payload), &numbers);
            header[4..8].copy_from_slice(&crc.to_le_bytes());
        }
        frames = behind;
    }
}
