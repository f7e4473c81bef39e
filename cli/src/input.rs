//! Reading what people hand over: files and standard input, never more than is allowed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use updraft::limits::INPUT_BYTES;
use updraft::{Value, text, value};

/// The text of an input may have this many times its bytes of space around its values.
const SPACE: usize = 8;

/// The bytes of a file, `limit` at most.
pub(crate) fn bytes(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory; a file is needed"));
    }
    read(file, limit)
}

/// The bytes of standard input, `limit` at most.
pub(crate) fn standard(limit: usize) -> io::Result<Vec<u8>> {
    read(io::stdin().lock(), limit)
}

fn read(source: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// The JSON value in a file, or in standard input where the path is `-`.
///
/// # Errors
/// The mistake with its file, line and column.
pub(crate) fn json(path: &Path) -> Result<Value, String> {
    let stdin = path.as_os_str() == "-";
    let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
    let limit = INPUT_BYTES * SPACE;
    let bytes = if stdin { standard(limit) } else { bytes(path, limit) };
    let bytes = bytes.map_err(|error| format!("{name}: {error}"))?;
    let text = text::decode(&bytes).map_err(|error| format!("{name}: {error}"))?;
    Value::parse(&text).map_err(|error| match error {
        value::Error::Syntax { line, column, message } => {
            format!("{name}: line {line}, column {column}: not JSON: {message}")
        }
        error => format!("{name}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_allowed() {
        assert_eq!(read(&b"abc"[..], 3).unwrap(), b"abc");
        assert_eq!(read(io::repeat(b' '), 3).unwrap_err().to_string(), "more than 3 bytes");
    }

    #[test]
    fn a_mistake_has_its_file_line_and_column() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alert.json");
        std::fs::write(&path, "{\n  \"a\": x\n}").unwrap();
        let error = json(&path).unwrap_err();
        assert!(error.contains("alert.json: line 2, column 8: not JSON: `x` is no value"), "{error}");
        std::fs::write(&path, r#"{"v":1, "v":2}"#).unwrap();
        let error = json(&path).unwrap_err();
        assert!(error.ends_with("alert.json: line 1, column 9: the field \"v\" is there already"), "{error}");
    }

    #[test]
    fn a_file_is_read_alike_whatever_wrote_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alert.json");
        let text = "{\"a\":\r\n [123456789012345678901234567890, \"ü🦀\"]}\r\n";
        let utf16: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes(), utf16] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(json(&path).unwrap().to_string(), "{\"a\":[123456789012345678901234567890,\"ü🦀\"]}");
        }
        std::fs::write(&path, b"{\n\"a\": \"\xFC\"}").unwrap();
        let error = json(&path).unwrap_err();
        assert!(
            error.ends_with("alert.json: line 2, column 7: UTF-8 ends here; save the file as UTF-8"),
            "{error}"
        );
    }
}
