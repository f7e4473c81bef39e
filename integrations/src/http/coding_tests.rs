//! Compressed answers: valid, invalid, and decompression bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::header::HeaderValue;

use super::*;

const LIMIT: usize = 1 << 20;

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let level = Compression::best();
    let mut to = Vec::new();
    match coding {
        "gzip" => GzEncoder::new(&mut to, level).write_all(bytes).unwrap(),
        "zlib" => ZlibEncoder::new(&mut to, level).write_all(bytes).unwrap(),
        "raw" => DeflateEncoder::new(&mut to, level).write_all(bytes).unwrap(),
        "zstd" => to = zstd::encode_all(bytes, 19).unwrap(),
        // A Brotli stream of one uncompressed block (RFC 7932, 9.2).
        "br" => {
            let length = bytes.len() - 1;
            assert!(length < 1 << 16);
            let head = 0b1_u32 << 20 | (length as u32) << 4;
            to.extend_from_slice(&head.to_le_bytes()[..3]);
            to.extend_from_slice(bytes);
            to.push(0b11);
        }
        _ => to.extend_from_slice(bytes),
    }
    to
}

fn codings(text: &str) -> Vec<Coding> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_str(text).unwrap());
    declared(&headers).unwrap()
}

const TEXT: &[u8] = b"{\"list\": [1, 2, 3], \"text\": \"again and again and again\"}";

#[test]
fn each_coding_is_undone_and_several_from_the_last() {
    for (declared, how) in [
        ("gzip", &["gzip"][..]),
        ("X-GZIP", &["gzip"]),
        ("deflate", &["zlib"]),
        ("deflate", &["raw"]),
        ("zstd", &["zstd"]),
        ("br", &["br"]),
        ("identity", &[]),
        ("gzip, zstd", &["gzip", "zstd"]),
        ("deflate,identity , br,gzip", &["zlib", "br", "gzip"]),
    ] {
        let bytes = how.iter().fold(TEXT.to_vec(), |bytes, how| packed(how, &bytes));
        let (unpacked, problem) = undo(&codings(declared), bytes, LIMIT);
        assert_eq!((unpacked.as_slice(), problem), (TEXT, None), "{declared} {how:?}");
    }
}

#[test]
fn gzip_has_members_one_after_the_other_and_padding_behind_the_last() {
    let two = [packed("gzip", &TEXT[..9]), packed("gzip", &TEXT[9..])].concat();
    for behind in [&b""[..], b"\0\0\0\0", b"\x1f", b"trailing"] {
        let (unpacked, problem) = undo(&codings("gzip"), [&two, behind].concat(), LIMIT);
        assert_eq!((unpacked.as_slice(), problem), (TEXT, None), "{behind:?}");
    }
    let (unpacked, problem) = undo(&codings("gzip"), two, 12);
    assert_eq!((unpacked.as_slice(), problem), (&TEXT[..12], Some(Problem::too_large_to_read(12))));
}

#[test]
fn what_is_cut_is_interrupted_and_what_is_no_such_thing_is_invalid() {
    for (declared, how) in [("gzip", "gzip"), ("deflate", "zlib"), ("zstd", "zstd"), ("br", "br")] {
        let bytes = packed(how, TEXT);
        for length in [bytes.len() / 2, bytes.len() - 1] {
            let (_, problem) = undo(&codings(declared), bytes[..length].to_vec(), LIMIT);
            assert_eq!(problem.unwrap().kind, FailureKind::Interrupted, "{declared} {length}");
        }
        let (_, problem) = undo(&codings(declared), b"plain text, not packed at all".to_vec(), LIMIT);
        let problem = problem.unwrap();
        assert_eq!(problem.kind, FailureKind::InvalidResponse, "{declared}");
        assert!(problem.message.contains(declared), "{}", problem.message);
    }
}

#[test]
fn no_more_than_the_limit_comes_out_however_little_goes_in() {
    let zeros = vec![0; 8 * LIMIT];
    for (declared, how) in [
        ("gzip", &["gzip"][..]),
        ("deflate", &["raw"]),
        ("zstd", &["zstd"]),
        ("gzip, gzip", &["gzip", "gzip"]),
    ] {
        let bytes = how.iter().fold(zeros.clone(), |bytes, how| packed(how, &bytes));
        assert!(bytes.len() < LIMIT / 64);
        let (unpacked, problem) = undo(&codings(declared), bytes, LIMIT);
        assert_eq!((unpacked.len(), problem.unwrap().kind), (LIMIT, FailureKind::TooLarge), "{declared}");
    }
}

#[test]
fn a_coding_that_nobody_knows_and_too_many_of_them_are_problems() {
    for text in ["compress", "gzip, snappy", "gzip,gzip,gzip,gzip", "\"gzip\""] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(text).unwrap());
        assert_eq!(declared(&headers).unwrap_err().kind, FailureKind::InvalidResponse, "{text}");
    }
}
