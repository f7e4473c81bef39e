//! Content codings (RFC 9110, 8.4.1): the decompression of an answer within a bound on its output, however small the
//! input is.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, HeaderMap};
use updraft_protocol::FailureKind;
use updraft_protocol::limits::{HTTP_CODINGS, HTTP_ZSTD_WINDOW_LOG};

use super::problem::Problem;

/// The supported codings, as the request names them.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// The buffer of the decoder of Brotli.
const BUFFER_BYTES: usize = 16 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The first bytes of the format.
    fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Deflate | Self::Brotli => &[],
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The codings that an answer declares, in the order in which they were applied.
pub(crate) fn declared(headers: &HeaderMap) -> Result<Vec<Coding>, Problem> {
    let unknown = |name| Problem::unknown("content coding", name);
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_| unknown(""))?;
        for name in value.split(',').map(str::trim) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            if codings.len() == HTTP_CODINGS {
                return Err(Problem::invalid(format_args!(
                    "the answer declares more than {HTTP_CODINGS} content codings"
                )));
            }
            codings.push(Coding::named(name).ok_or_else(|| unknown(name))?);
        }
    }
    Ok(codings)
}

/// Decodes the codings, the last first, up to `limit` bytes. If there is a problem, returns the output before it.
pub(crate) fn undo(codings: &[Coding], packed: Vec<u8>, limit: usize) -> (Vec<u8>, Option<Problem>) {
    let mut bytes = packed;
    let mut problem = None;
    for coding in codings.iter().rev() {
        let (unpacked, found) = unpack(*coding, &bytes, limit);
        bytes = unpacked;
        // Of nested problems the outer one is the cause.
        problem = problem.or(found);
    }
    (bytes, problem)
}

/// A reader of what is packed in these codings, the last first: for what is not held. Its bound is its caller's.
pub(crate) fn reader<'r>(codings: &[Coding], packed: impl Read + 'r) -> Result<Box<dyn Read + 'r>, Problem> {
    let mut reader: Box<dyn Read + 'r> = Box::new(packed);
    for coding in codings.iter().rev() {
        let mut packed = BufReader::new(reader);
        let begins = packed.fill_buf().map_err(|error| problem(*coding, &error))?;
        if begins.is_empty() {
            return Ok(Box::new(io::empty()));
        }
        // Too short for a header, so it would be reported as cut.
        if !begins.iter().zip(coding.magic()).all(|(byte, magic)| byte == magic) {
            return Err(problem(*coding, &io::ErrorKind::InvalidData.into()));
        }
        let is_zlib = has_zlib_header(begins);
        reader = match coding {
            Coding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Coding::Deflate if is_zlib => Box::new(flate2::bufread::ZlibDecoder::new(packed)),
            Coding::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
            Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, BUFFER_BYTES)),
            Coding::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed);
                let mut decoder = decoder.map_err(|error| problem(*coding, &error))?;
                let limited = decoder.window_log_max(HTTP_ZSTD_WINDOW_LOG);
                limited.map_err(|error| problem(*coding, &error))?;
                Box::new(decoder)
            }
        };
    }
    Ok(reader)
}

/// Why a body cannot be read that is packed in these codings.
pub(crate) fn unreadable(codings: &[Coding], error: &io::Error) -> Problem {
    match codings.last() {
        Some(coding) => problem(*coding, error),
        None => Problem::new(FailureKind::Interrupted, "the answer ends before it is whole"),
    }
}

fn unpack(coding: Coding, packed: &[u8], limit: usize) -> (Vec<u8>, Option<Problem>) {
    // Too short for a header, so it would be reported as cut.
    if !packed.iter().zip(coding.magic()).all(|(byte, magic)| byte == magic) {
        return (Vec::new(), Some(problem(coding, &io::ErrorKind::InvalidData.into())));
    }
    match coding {
        Coding::Gzip => gzip(packed, limit),
        // "deflate" is zlib's format; some servers send the raw data within it.
        Coding::Deflate if has_zlib_header(packed) => drain(coding, ZlibDecoder::new(packed), limit),
        Coding::Deflate => drain(coding, DeflateDecoder::new(packed), limit),
        Coding::Brotli => brotli(packed, limit),
        Coding::Zstd => match zstd(packed) {
            Ok(decoder) => drain(coding, decoder, limit),
            Err(error) => (Vec::new(), Some(problem(coding, &error))),
        },
    }
}

/// One member after the other; bytes after the last that begin none are padding (gzip's manual, "trailing garbage").
fn gzip(packed: &[u8], limit: usize) -> (Vec<u8>, Option<Problem>) {
    let (mut bytes, mut rest) = (Vec::new(), packed);
    loop {
        let mut decoder = GzDecoder::new(rest);
        let found = append(Coding::Gzip, &mut decoder, limit, &mut bytes);
        rest = decoder.into_inner();
        if found.is_some() || !rest.starts_with(Coding::Gzip.magic()) {
            return (bytes, found);
        }
    }
}

/// Its decoder does not distinguish an early end from invalid data: only with an early end it asks for more.
fn brotli(packed: &[u8], limit: usize) -> (Vec<u8>, Option<Problem>) {
    let mut ended = false;
    let input = Watched { rest: packed, ended: &mut ended };
    let (bytes, found) =
        drain(Coding::Brotli, brotli_decompressor::Decompressor::new(input, BUFFER_BYTES), limit);
    let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
    match found {
        Some(found) if ended && found.kind == FailureKind::InvalidResponse => {
            (bytes, Some(problem(Coding::Brotli, &cut)))
        }
        found => (bytes, found),
    }
}

/// Bytes, and whether a read went beyond their end.
struct Watched<'a> {
    rest: &'a [u8],
    ended: &'a mut bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.rest.read(buffer)?;
        *self.ended |= bytes == 0;
        Ok(bytes)
    }
}

fn zstd(packed: &[u8]) -> io::Result<impl Read + '_> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(HTTP_ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

fn has_zlib_header(packed: &[u8]) -> bool {
    let &[method, flags, ..] = packed else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]) % 31 == 0
}

fn drain(coding: Coding, decoder: impl Read, limit: usize) -> (Vec<u8>, Option<Problem>) {
    let mut bytes = Vec::new();
    let found = append(coding, decoder, limit, &mut bytes);
    (bytes, found)
}

/// Continues to read up to `limit` bytes.
fn append(coding: Coding, decoder: impl Read, limit: usize, bytes: &mut Vec<u8>) -> Option<Problem> {
    let room = limit.saturating_sub(bytes.len());
    let read = decoder.take(room as u64 + 1).read_to_end(bytes);
    if bytes.len() > limit {
        bytes.truncate(limit);
        return Some(Problem::too_large_to_read(limit));
    }
    read.err().map(|error| problem(coding, &error))
}

fn problem(coding: Coding, error: &io::Error) -> Problem {
    let name = coding.name();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let message = format!("the answer, packed as {name}, ends before it is whole");
        return Problem::new(FailureKind::Interrupted, message);
    }
    Problem::invalid(format_args!("the answer is declared to be packed as {name}, and is not"))
}

#[cfg(test)]
#[path = "coding_tests.rs"]
mod tests;
