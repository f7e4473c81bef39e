//! Golden files on the disk: where they are, which versions are in them, copies to try things on. Writes them where
//! it is asked to; knows nothing of what is in the documents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// A golden file, which is named for the versions of the formats in it.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/files").join(name)
}

/// All golden files by their names.
pub(crate) fn all() -> Vec<String> {
    let entries = fs::read_dir(folder("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Whether golden files are to be written, rather than read.
pub(crate) fn are_written() -> bool {
    std::env::var_os("UPDRAFT_WRITE_GOLDEN").is_some()
}

/// Every file below a folder, but for locks and what SQLite keeps beside its file while it is open.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if !["lock", "db-shm", "db-wal"].iter().any(|end| path.to_string_lossy().ends_with(end)) {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Copies the files of a folder that `wanted` picks by their names.
pub(crate) fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_file() && wanted(&name) {
            fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

/// A copy of a golden data directory, as the process that wrote it left it.
pub(crate) fn data(name: &str) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    let data = folder(name).join("data");
    copy(&data, copied.path(), |_| true);
    copy(&data.join("journal"), &copied.path().join("journal"), |_| true);
    copied
}

/// Brings what SQLite's log has into its file, and removes the log.
pub(crate) fn fold(database: &Path) {
    let connection = Connection::open(database).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// The version of a store, from the file's own header.
pub(crate) fn schema_of(data: &Path) -> u32 {
    let bytes = fs::read(data.join("updraft.db")).unwrap();
    u32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

/// The segments of a journal.
pub(crate) fn segments(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = contents(&data.join("journal")).into_iter();
    files.filter(|(path, _)| path.extension().is_some_and(|end| end == "journal")).collect()
}

/// Where the payloads of a segment's frames stand.
pub(crate) fn payloads(segment: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut payloads, mut at) = (Vec::new(), SEGMENT_HEADER);
    while let Some(length) = segment.get(at..at + 4) {
        let begin = at + FRAME_HEADER;
        at = begin + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        payloads.push(begin..at);
    }
    payloads
}

const SEGMENT_HEADER: usize = 40;
const FRAME_HEADER: usize = 20;

/// Makes a frame's checksum right again after its payload was changed.
pub(crate) fn seal(segment: &mut [u8], payload: std::ops::Range<usize>) {
    let header = payload.start - FRAME_HEADER;
    let mut proven = segment[payload].to_vec();
    proven.extend_from_slice(&segment[header + 8..header + FRAME_HEADER]);
    proven.extend_from_slice(&segment[header..header + 4]);
    segment[header + 4..header + 8].copy_from_slice(&crc32c(&proven).to_le_bytes());
}

/// CRC-32C, bit by bit: the journal's own is not asked whether the journal is right.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}
