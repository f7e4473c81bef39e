//! The body of a request: JSON, a form, text, bytes, parts. From an argument to the bytes of a body; sends nothing.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::Method;
use http::header::HeaderValue;
use updraft_protocol::limits::HTTP_PARTS;
use updraft_protocol::{ExecutionFile, Failure, FileId, TaskId, Value};
use url::Url;

use super::fields::{Fields, mistake, pairs, scalar};

/// Base64 as people paste it: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Payload {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    Raw {
        bytes: Vec<u8>,
        content_type: &'static str,
    },
    /// A file of the execution, before it is looked at.
    File(FileId),
    Multipart(Vec<Part>),
}

/// One part of a multipart body (RFC 7578).
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    bytes: Vec<u8>,
}

/// The arguments of which one is the body.
const BODIES: [&str; 6] = ["json", "form", "text", "bytes", "body_file", "multipart"];

impl Payload {
    /// The mistakes in an author's bodies.
    pub(crate) fn mistakes(fields: &Fields) -> Vec<Failure> {
        // A value that is not known yet is not checked.
        let written = |name: &&&str| fields.get(**name).is_some_and(|value| !value.is_null());
        let mut found = Vec::new();
        if let [first, second, ..] = BODIES.iter().filter(written).collect::<Vec<_>>().as_slice() {
            let message = format_args!("either `{first}` or `{second}` is allowed, not both");
            found.push(mistake(second, message));
        }
        if let Some(text @ Value::String(_)) = fields.get("bytes") {
            found.extend(decoded("bytes", text.clone()).err());
        }
        if let Some(Value::Object(parts)) = fields.get("multipart") {
            found.extend(too_many(parts.len()).err());
            found.extend(parts.iter().take(HTTP_PARTS).filter_map(|(name, value)| part_mistake(name, value)));
        }
        found
    }

    /// Takes the body out of the arguments; `null` counts as missing, except for `json`.
    pub(crate) fn take(fields: &mut Fields) -> Result<Self, Failure> {
        let given: Vec<(&str, Value)> = BODIES
            .iter()
            .filter_map(|name| Some((*name, fields.remove(*name)?)))
            .filter(|(name, value)| *name == "json" || !value.is_null())
            .collect();
        if let [(first, _), (second, _), ..] = given.as_slice() {
            let message = format_args!("either `{first}` or `{second}` is allowed, not both");
            return Err(mistake(second, message));
        }
        let Some((name, value)) = given.into_iter().next() else { return Ok(Self::None) };
        match name {
            "json" => Ok(Self::Json(value)),
            "form" => pairs("form", value).map(Self::Form),
            "text" => {
                let text = scalar(value).ok_or_else(|| mistake("text", "a text is needed"))?;
                Ok(Self::Raw { bytes: text.into_bytes(), content_type: "text/plain; charset=utf-8" })
            }
            "bytes" => {
                Ok(Self::Raw { bytes: decoded("bytes", value)?, content_type: "application/octet-stream" })
            }
            "body_file" => {
                let message = "a file of the execution is needed, such as `steps.ID.output.file`";
                let id = ExecutionFile::id_in(&value).ok_or_else(|| mistake("body_file", message))?;
                Ok(Self::File(id))
            }
            _ => parts(value).map(Self::Multipart),
        }
    }

    /// The default of `Content-Type`.
    pub(crate) fn content_type(&self, task: TaskId) -> Option<HeaderValue> {
        match self {
            Self::None | Self::File(_) => None,
            Self::Json(_) => Some(HeaderValue::from_static("application/json")),
            Self::Form(_) => Some(HeaderValue::from_static("application/x-www-form-urlencoded")),
            Self::Raw { content_type, .. } => Some(HeaderValue::from_static(content_type)),
            Self::Multipart(parts) => {
                let boundary = boundary(parts, task);
                HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}")).ok()
            }
        }
    }

    /// Whether `Content-Type` cannot be the author's: a boundary is ours.
    pub(crate) fn has_own_content_type(&self) -> bool {
        matches!(self, Self::Multipart(_))
    }

    /// Whether a request of this method announces an empty body: some servers refuse one that does not (RFC 9110, 8.6).
    pub(crate) fn says_empty(&self, method: &Method) -> bool {
        let has_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        match self {
            Self::None => has_body,
            // A requested body is announced, even if it is empty.
            Self::Form(pairs) => pairs.is_empty(),
            Self::Raw { bytes, .. } => bytes.is_empty(),
            Self::Json(_) | Self::File(_) | Self::Multipart(_) => false,
        }
    }

    /// The bytes that are sent.
    pub(crate) fn into_bytes(self, task: TaskId) -> Bytes {
        match self {
            Self::None | Self::File(_) => Bytes::new(),
            Self::Json(value) => value.to_string().into(),
            Self::Form(pairs) => form(pairs),
            Self::Raw { bytes, .. } => bytes.into(),
            Self::Multipart(parts) => multipart(&parts, &boundary(&parts, task)),
        }
    }
}

fn form(pairs: Vec<(String, String)>) -> Bytes {
    let Ok(mut form) = Url::parse("http://form/?") else { return Bytes::new() };
    form.query_pairs_mut().extend_pairs(pairs);
    Bytes::from(form.query().unwrap_or_default().to_owned())
}

fn decoded(place: &str, value: Value) -> Result<Vec<u8>, Failure> {
    let text = match value {
        Value::String(text) => text,
        _ => return Err(mistake(place, "a text of base64 is needed")),
    };
    BASE64.decode(text.trim()).map_err(|_| mistake(place, "a text of base64 is needed"))
}

fn parts(value: Value) -> Result<Vec<Part>, Failure> {
    let Value::Object(fields) = value else { return Err(mistake("multipart", "a map is needed")) };
    too_many(fields.len())?;
    let named = fields.into_iter().filter(|(_, value)| !value.is_null());
    named.map(|(name, value)| part(name, value)).collect()
}

fn too_many(parts: usize) -> Result<(), Failure> {
    let message = format_args!("at most {HTTP_PARTS} parts are allowed");
    if parts > HTTP_PARTS { Err(mistake("multipart", message)) } else { Ok(()) }
}

/// The mistake in an author's part.
fn part_mistake(name: &str, value: &Value) -> Option<Failure> {
    let value = match value {
        Value::Null => return None,
        Value::Object(fields) => {
            let mut known = fields.clone();
            known.retain(|_, value| !value.is_null());
            let has = |fields: &Fields| fields.contains_key("content") || fields.contains_key("bytes");
            if has(fields) && !has(&known) {
                // A value that is not known yet will be a text.
                known.insert("content".to_owned(), Value::String(String::new()));
            }
            Value::Object(known)
        }
        other => other.clone(),
    };
    part(name.to_owned(), value).err()
}

fn part(name: String, value: Value) -> Result<Part, Failure> {
    let place = format!("multipart.{}", name.escape_debug());
    let Value::Object(mut fields) = value else {
        let text =
            scalar(value).ok_or_else(|| mistake(&place, "a text, or a map that has `content`, is needed"))?;
        return Ok(Part { name, filename: None, content_type: None, bytes: text.into_bytes() });
    };
    let mut take = |field: &str| fields.remove(field).filter(|value| !value.is_null());
    let bytes = match (take("content"), take("bytes")) {
        (Some(content), None) => {
            let place = format!("{place}.content");
            scalar(content).ok_or_else(|| mistake(&place, "a text is needed"))?.into_bytes()
        }
        (None, Some(bytes)) => decoded(&format!("{place}.bytes"), bytes)?,
        _ => return Err(mistake(&place, "one of `content` and `bytes` is needed")),
    };
    let filename = match take("filename") {
        None => None,
        Some(text) => {
            Some(scalar(text).ok_or_else(|| mistake(&format!("{place}.filename"), "a text is needed"))?)
        }
    };
    let content_type = match take("content_type") {
        None => None,
        Some(Value::String(text)) if is_media_type(&text) => Some(text),
        Some(_) => {
            return Err(mistake(&format!("{place}.content_type"), "such as `application/pdf` is needed"));
        }
    };
    Ok(Part { name, filename, content_type, bytes })
}

/// One line, valid in a header, with a type and a subtype.
fn is_media_type(text: &str) -> bool {
    text.contains('/') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A line between parts that is contained in none of them: the same in every attempt, so that a repeated request is the
/// same. Reads each part once, whatever its content, and is never longer than a boundary may be (RFC 2046, 5.1.1).
fn boundary(parts: &[Part], task: TaskId) -> String {
    let own = format!("updraft-{}", task.uuid().simple());
    let found = || parts.iter().flat_map(|part| behind(&part.bytes, own.as_bytes()));
    if found().next().is_none() {
        return own;
    }
    let numbered = |number: usize| format!("-{number:08x}");
    let taken: BTreeSet<&[u8]> = found().map(|rest| rest.get(..numbered(0).len()).unwrap_or(rest)).collect();
    // With one more number than are taken, one is free.
    let free = (0..taken.len()).map(numbered).find(|number| !taken.contains(number.as_bytes()));
    own + &free.unwrap_or_else(|| numbered(taken.len()))
}

/// The bytes after each occurrence of `part`.
fn behind<'b>(bytes: &'b [u8], part: &[u8]) -> impl Iterator<Item = &'b [u8]> {
    let places = bytes.windows(part.len()).enumerate().filter(move |(_, window)| *window == part);
    places.filter_map(move |(at, _)| bytes.get(at + part.len()..))
}

fn multipart(parts: &[Part], boundary: &str) -> Bytes {
    let mut body = Vec::new();
    for part in parts {
        let mut head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
        if let Some(filename) = &part.filename {
            // Writing into a string cannot fail.
            let _ = write!(head, "; filename=\"{}\"", quoted(filename));
        }
        let of_file = part.filename.as_ref().map(|_| "application/octet-stream");
        if let Some(content_type) = part.content_type.as_deref().or(of_file) {
            let _ = write!(head, "\r\nContent-Type: {content_type}");
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body.into()
}

/// A name as browsers quote it (WHATWG HTML, multipart/form-data encoding): it cannot end its quotes or its line.
fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' => text.push_str("%22"),
            '\r' => text.push_str("%0D"),
            '\n' => text.push_str("%0A"),
            c if c.is_control() => text.push('_'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task() -> TaskId {
        "0190aaaa-bbbb-7111-8222-000000000001".parse().unwrap()
    }

    fn payload(fields: serde_json::Value) -> Result<Payload, Failure> {
        let Value::Object(mut fields) = fields.into() else { panic!("a map") };
        Payload::take(&mut fields)
    }

    fn bytes(fields: serde_json::Value) -> Vec<u8> {
        payload(fields).unwrap().into_bytes(task()).to_vec()
    }

    #[test]
    fn text_and_bytes_are_sent_as_they_are() {
        assert_eq!(bytes(json!({"text": "a\r\n{\"b\": ä}"})), "a\r\n{\"b\": ä}".as_bytes());
        for given in ["AP8KeA==", "AP8KeA", " AP8KeA==\n"] {
            assert_eq!(bytes(json!({"bytes": given})), b"\x00\xff\nx", "{given:?}");
        }
        assert_eq!(bytes(json!({"text": null, "form": null})), b"");
        let failure = payload(json!({"bytes": "no base64!"})).unwrap_err();
        assert_eq!(failure.message, "arguments.bytes: a text of base64 is needed");
        let both = payload(json!({"form": {}, "text": "a"})).unwrap_err();
        assert_eq!(both.message, "arguments.text: either `form` or `text` is allowed, not both");
    }

    #[test]
    fn parts_are_told_apart_whatever_is_in_them() {
        let hostile = "x\"\r\nContent-Type: text/html\r\n\r\n--updraft-0190aaaabbbb71118222000000000001--";
        let body = payload(json!({"multipart": {
            "note": hostile,
            "sample": {"bytes": "AP8=", "filename": "a\"b\r\nc.exe", "content_type": "application/x-dosexec"},
            "plain": {"content": 5, "filename": "ä.txt"},
        }}))
        .unwrap();
        let told = body.content_type(task()).unwrap();
        let boundary =
            told.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
        let bytes = body.into_bytes(task()).to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 5, "{text}");
        assert!(parts[1].ends_with(&format!("name=\"note\"\r\n\r\n{hostile}\r\n")), "{text}");
        assert!(parts[2].contains(
            "name=\"plain\"; filename=\"ä.txt\"\r\nContent-Type: application/octet-stream\r\n\r\n5\r\n"
        ));
        assert!(
            parts[3].contains("filename=\"a%22b%0D%0Ac.exe\"\r\nContent-Type: application/x-dosexec\r\n\r\n")
        );
        assert_eq!(parts[4], "--\r\n");
    }

    #[test]
    fn a_boundary_stays_short_and_in_no_part_whatever_is_in_them() {
        let own = format!("updraft-{}", task().uuid().simple());
        let boundary = |parts: &[&str]| {
            let part =
                |(n, text): (usize, &&str)| part(n.to_string(), Value::String((*text).to_owned())).unwrap();
            let parts: Vec<Part> = parts.iter().enumerate().map(part).collect();
            boundary(&parts, task())
        };
        let long = format!("{own}{}", "x".repeat(90));
        let some: String = (0..300).map(|number| format!("{own}-{number:08x} {own}")).collect();
        for parts in [&["a", "b"][..], &[&own], &[&long, &own[1..]], &["a", &some], &[&some[7..], &long]] {
            let found = boundary(parts);
            assert!(parts.iter().all(|part| !part.contains(&found)), "{found}");
            assert!(found.len() <= 70, "{found}");
            assert_eq!(found, boundary(parts), "the same in every attempt");
        }
        assert_eq!(boundary(&["a"]), own);
    }

    #[test]
    fn a_part_without_content_or_with_a_type_of_two_lines_is_a_mistake() {
        for (part, message) in [
            (json!({"filename": "a"}), "arguments.multipart.p: one of `content` and `bytes` is needed"),
            (json!({"content": "a", "bytes": "YQ=="}), "arguments.multipart.p: one of `content` and `bytes`"),
            (
                json!({"content": "a", "content_type": "a/b\r\nX: 1"}),
                "arguments.multipart.p.content_type: such as",
            ),
            (json!(["a"]), "arguments.multipart.p: a text, or a map that has `content`, is needed"),
        ] {
            let failure = payload(json!({"multipart": {"p": part}})).unwrap_err();
            assert!(failure.message.starts_with(message), "{failure}");
        }
    }

    #[test]
    fn a_method_that_has_a_body_says_that_none_comes() {
        let none = Payload::None;
        assert!([Method::POST, Method::PUT, Method::PATCH].iter().all(|method| none.says_empty(method)));
        assert!(!none.says_empty(&Method::GET) && !none.says_empty(&Method::DELETE));
        for (fields, empty) in [
            (json!({"form": {}}), true),
            (json!({"form": {"a": null}}), true),
            (json!({"text": ""}), true),
            (json!({"bytes": ""}), true),
            (json!({"form": {"a": ""}}), false),
            (json!({"text": " "}), false),
            (json!({"json": null}), false),
            (json!({"multipart": {}}), false),
        ] {
            assert_eq!(payload(fields.clone()).unwrap().says_empty(&Method::POST), empty, "{fields}");
        }
    }
}
