//! Reads one segment frame by frame in bounded memory. Reports what it reads; never decides whether that is a torn tail
//! or corruption.

use std::io::{self, Read};
use std::path::Path;

use super::disk::Disk;
use super::frame::{HEADER_BYTES, Header};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// The content at the reader's position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A frame with a valid checksum.
    Frame(Header),
    /// The end of the file.
    End,
    /// Bytes that are no frame, and why.
    Bad(&'static str),
}

/// A segment being read.
pub(super) struct SegmentReader {
    file: Box<dyn Read + Send>,
    /// Bytes read ahead; at most one frame and one read.
    buffer: Vec<u8>,
    /// How much of the buffer was consumed.
    at: usize,
    /// The position of the buffer in the file.
    start: u64,
    ended: bool,
}

impl SegmentReader {
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        Ok(Self { file: disk.read(path)?, buffer: Vec::new(), at: 0, start: 0, ended: false })
    }

    /// The position of the reader in the file.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The next bytes; fewer than requested only at the end of the file.
    pub(super) fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < bytes && !self.ended {
            self.fill()?;
        }
        let end = self.buffer.len().min(self.at + bytes);
        Ok(&self.buffer[self.at..end])
    }

    /// Consumes bytes that were seen.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at = self.buffer.len().min(self.at + bytes);
    }

    /// Reads the content at this position.
    pub(super) fn look(&mut self) -> io::Result<Look> {
        let bytes = self.peek(HEADER_BYTES)?;
        if bytes.is_empty() {
            return Ok(Look::End);
        }
        if bytes.len() < HEADER_BYTES {
            return Ok(Look::Bad("the frame's header is cut short"));
        }
        let Some(header) = Header::parse(bytes) else {
            return Ok(Look::Bad("the frame's length is of no frame"));
        };
        let bytes = self.peek(header.frame_bytes())?;
        if bytes.len() < header.frame_bytes() {
            return Ok(Look::Bad("the frame is cut short"));
        }
        if !header.proves(&bytes[HEADER_BYTES..]) {
            return Ok(Look::Bad("the frame's checksum does not match"));
        }
        Ok(Look::Frame(header))
    }

    /// The payload of the frame at this position.
    pub(super) fn payload(&mut self, header: &Header) -> io::Result<&[u8]> {
        Ok(self.peek(header.frame_bytes())?.get(HEADER_BYTES..).unwrap_or_default())
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.at >= READ_BYTES {
            self.buffer.drain(..self.at);
            self.start += self.at as u64;
            self.at = 0;
        }
        let held = self.buffer.len();
        self.buffer.resize(held + READ_BYTES, 0);
        let read = loop {
            match self.file.read(&mut self.buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }
}
