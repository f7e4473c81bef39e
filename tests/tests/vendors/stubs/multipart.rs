//! A multipart body (RFC 7578) as strict servers read it.

use crate::served::Asked;

/// One part.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content: Vec<u8>,
}

/// The parts of a request; `None` where its body is none of them.
pub(crate) fn parts(asked: &Asked) -> Option<Vec<Part>> {
    let boundary =
        asked.header("content-type")?.strip_prefix("multipart/form-data; boundary=")?.trim_matches('"');
    let (delimiter, mut rest) = (format!("\r\n--{boundary}").into_bytes(), asked.body.as_ref());
    // The first delimiter has no line before it.
    rest = rest.strip_prefix(&delimiter[2..])?;
    let mut parts = Vec::new();
    while rest != b"--\r\n" && rest != b"--" {
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = find(rest, b"\r\n\r\n")?;
        let (head, body) = (std::str::from_utf8(&rest[..head_end]).ok()?, &rest[head_end + 4..]);
        let content_end = find(body, &delimiter)?;
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let parameter = |name: &str| {
            let (_, value) = disposition.strip_prefix("form-data")?.split_once(&format!("; {name}=\""))?;
            Some(value.split_once('"')?.0.to_owned())
        };
        let content = body[..content_end].to_vec();
        parts.push(Part { name: parameter("name")?, filename: parameter("filename"), content });
        rest = &body[content_end + delimiter.len()..];
    }
    Some(parts)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
