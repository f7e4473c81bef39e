//! The body of an answer: from its bytes to the JSON output, or as much of it as can be read. Knows no connection and
//! no time; decides nothing about failures.

use std::io;

use http::header::{CONTENT_TYPE, HeaderMap};
use serde::Serialize;
use updraft_masking::Masker;
use updraft_protocol::execution_file::is_json_lines;
use updraft_protocol::limits::{
    HTTP_FAILURE_BODY_BYTES, HTTP_INLINE_BYTES, HTTP_KEEP_WORK, HTTP_READ_BYTES, NESTING,
};
use updraft_protocol::{FailureKind, Value};

use super::coding::{self, Coding};
use super::keep::{Keep, Kept};
use super::options::{Form, Options};
use super::problem::Problem;
use super::{charset, headers, json};

/// Space for a note beside a body.
const NOTE_BYTES: usize = 2 << 10;

/// Levels of an output: its body is inside of a map.
const OUTPUT_NESTING: usize = NESTING - 1;
/// Levels of a failure's body: it is inside of the answer, inside of the error of a step.
const FAILURE_NESTING: usize = NESTING - 4;

/// The received bytes of a body, with its headers.
pub(crate) struct Packed {
    bytes: Vec<u8>,
    codings: Vec<Coding>,
    content_type: Option<String>,
    /// Why the bytes are incomplete.
    problem: Option<Problem>,
}

/// The part of a body that could be read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Body {
    /// Compact JSON; `None` if there is no body, or it cannot be kept.
    pub(crate) json: Option<String>,
    /// The part that could not be read or kept, and why.
    pub(crate) problem: Option<Problem>,
}

impl From<Problem> for Body {
    fn from(problem: Problem) -> Self {
        Self { json: None, problem: Some(problem) }
    }
}

impl Packed {
    /// The bytes before the problem, if there was one.
    pub(crate) fn new(
        bytes: Vec<u8>,
        headers: &HeaderMap,
        problem: Option<Problem>,
    ) -> Result<Self, Problem> {
        let codings = match coding::declared(headers) {
            Ok(codings) => codings,
            // There is nothing to decompress.
            Err(_) if bytes.is_empty() && problem.is_none() => Vec::new(),
            Err(unknown) => return Err(problem.unwrap_or(unknown)),
        };
        let content_type = headers.get(CONTENT_TYPE).map(headers::text);
        Ok(Self { bytes, codings, content_type, problem })
    }

    /// Whether the bytes are complete and uncompressed.
    pub(crate) fn is_plain(&self) -> bool {
        self.codings.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The body in the form that the step asks for, in at most `room` bytes.
    pub(crate) fn read(self, options: &Options, masker: &Masker, room: usize) -> Body {
        let is_lines = matches!(options.form, Form::Lines(_)) || self.is_lines();
        let (bytes, content_type, problem) = self.unpacked(HTTP_READ_BYTES);
        let text = match charset::text(&bytes, content_type.as_deref()) {
            Ok(text) => text,
            Err(found) => return problem.unwrap_or(found).into(),
        };
        let came_cut = problem.is_some();
        let shaping = Shaping { masker, room, max_bytes: options.max_bytes, is_lines };
        let body = match &options.form {
            Form::File | Form::None => Body::default(),
            Form::Text => shaping.text(&text, problem),
            Form::Json(keep) | Form::Lines(keep) => {
                let (value, problem) = parsed(&text, is_lines, problem);
                shaping.json(value, keep.as_ref(), problem)
            }
        };
        match body.problem {
            Some(problem) if options.requires_body => {
                let begins = cut(&text, HTTP_INLINE_BYTES, usize::MAX);
                let is_cut = came_cut || begins.len() < text.len();
                Body { json: glance(begins, is_cut, masker).json, problem: Some(problem) }
            }
            problem => Body { problem, ..body },
        }
    }

    /// The part for a failure: JSON if it is JSON and small, else the beginning of the text.
    pub(crate) fn glance(self, masker: &Masker) -> Body {
        let (bytes, content_type, problem) = self.unpacked(HTTP_INLINE_BYTES);
        let text = match charset::text(&bytes, content_type.as_deref()) {
            Ok(text) => text,
            Err(found) => return problem.unwrap_or(found).into(),
        };
        let Body { json, problem: cut } = glance(&text, problem.is_some(), masker);
        Body { json, problem: cut.or(problem) }
    }

    fn is_lines(&self) -> bool {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        is_json_lines(content_type)
    }

    fn unpacked(self, limit: usize) -> (Vec<u8>, Option<String>, Option<Problem>) {
        if self.bytes.is_empty() {
            return (self.bytes, self.content_type, self.problem);
        }
        let (bytes, found) = coding::undo(&self.codings, self.bytes, limit);
        // If the bytes end too early, that is why they cannot be decompressed.
        (bytes, self.content_type, self.problem.or(found))
    }
}

/// The part of a text for a failure: JSON if it is JSON and small, else its beginning.
fn glance(text: &str, is_cut: bool, masker: &Masker) -> Body {
    if text.trim().is_empty() {
        return Body::default();
    }
    let value = if is_cut { None } else { json::value(text).ok() };
    if let Some(value) = value.filter(|value| depth(value) <= FAILURE_NESTING) {
        let json = masker.value(value).to_string();
        if json.len() <= HTTP_FAILURE_BODY_BYTES {
            return Body { json: Some(json), problem: None };
        }
    }
    let text = masker.beginning(text.to_owned(), is_cut);
    let kept = cut(&text, HTTP_FAILURE_BODY_BYTES, usize::MAX);
    let problem = (kept.len() < text.len())
        .then(|| Problem::too_large(format_args!("the body is cut after {HTTP_FAILURE_BODY_BYTES} bytes")));
    Body { json: Some(Value::String(kept.to_owned()).to_string()), problem }
}

/// The value of a text, as far as it is certain: of a text that was cut, only a value with an end of its own.
fn parsed(text: &str, is_lines: bool, problem: Option<Problem>) -> (Option<Value>, Option<Problem>) {
    if is_lines {
        let (values, found) = json::lines(text, problem.is_some());
        return (Some(Value::Array(values)), problem.or(found));
    }
    if text.trim().is_empty() {
        return (None, problem);
    }
    match json::value(text) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => (Some(value), problem),
        Ok(value) => (problem.is_none().then_some(value), problem),
        Err(found) => (None, problem.or(Some(found))),
    }
}

/// The limits for the part of a body that is kept.
struct Shaping<'a> {
    masker: &'a Masker,
    /// For the JSON that is kept.
    room: usize,
    /// The limit of the step.
    max_bytes: usize,
    /// Whether the answer is JSON lines, whose beginning is useful.
    is_lines: bool,
}

impl Shaping<'_> {
    fn text(&self, text: &str, problem: Option<Problem>) -> Body {
        if text.is_empty() {
            return Body { json: None, problem };
        }
        let text = self.masker.beginning(text.to_owned(), problem.is_some());
        let room = self.room.saturating_sub(NOTE_BYTES);
        let whole = problem.is_none() && text.len() <= self.max_bytes && escaped(&text) + 2 <= self.room;
        let kept = if whole { text.as_str() } else { cut(&text, self.max_bytes, room.saturating_sub(2)) };
        let cut = (kept.len() < text.len()).then(|| self.too_large());
        Body { json: Some(Value::String(kept.to_owned()).to_string()), problem: problem.or(cut) }
    }

    fn json(&self, value: Option<Value>, keep: Option<&Keep>, problem: Option<Problem>) -> Body {
        let Some(value) = value else {
            let list = problem.is_none() && keep.is_some_and(Keep::gives_list);
            return Body { json: list.then(|| "[]".to_owned()), problem };
        };
        let kept = match keep.map(|keep| keep.apply(&value, HTTP_KEEP_WORK)) {
            None => Kept::One(&value),
            Some(Ok(Some(kept))) => kept,
            Some(Ok(None)) => {
                return problem
                    .unwrap_or(Problem::invalid("the answer has nothing that `keep` asks for"))
                    .into();
            }
            Some(Err(_)) => {
                let message = "the path of `keep` takes more work on this answer than is allowed";
                return problem.unwrap_or(Problem::too_large(message)).into();
            }
        };
        match self.written(&kept, problem.is_some()) {
            Ok(json) => Body { json: Some(json), problem },
            Err(found) => {
                let lines =
                    if found.kind == FailureKind::TooLarge { self.first_lines(&value, keep) } else { None };
                Body { json: lines, problem: Some(problem.unwrap_or(found)) }
            }
        }
    }

    /// The first lines of JSON lines that are too large: as many as fit.
    fn first_lines(&self, value: &Value, keep: Option<&Keep>) -> Option<String> {
        let Value::Array(lines) = value else { return None };
        if !self.is_lines || keep.is_some() {
            return None;
        }
        let limit = self.max_bytes.min(self.room.saturating_sub(NOTE_BYTES));
        let mut json = String::from("[");
        for line in lines.iter().take_while(|line| depth(line) < OUTPUT_NESTING) {
            let line = match line {
                line if self.masker.is_empty() => line.to_string(),
                line => self.masker.value(line.clone()).to_string(),
            };
            if json.len() + line.len() + 2 > limit {
                break;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&line);
        }
        json.push(']');
        (json.len() <= limit).then_some(json)
    }

    /// The JSON that is kept. Written before it is masked: a path may match the same part of an answer many times.
    fn written(&self, kept: &Kept<'_>, with_note: bool) -> Result<String, Problem> {
        if levels(kept) > OUTPUT_NESTING {
            return Err(Problem::invalid(format_args!("the answer is nested deeper than {NESTING} levels")));
        }
        let room = if with_note { self.room.saturating_sub(NOTE_BYTES) } else { self.room };
        let limit = self.max_bytes.min(room);
        let mut writer = Bounded { bytes: Vec::new(), limit };
        kept.serialize(&mut serde_json::Serializer::new(&mut writer)).map_err(|_| self.too_large())?;
        let json = String::from_utf8(writer.bytes).map_err(|_| self.too_large())?;
        if self.masker.is_empty() {
            return Ok(json);
        }
        let value = Value::parse(&json).map_err(|_| self.too_large())?;
        let json = self.masker.value(value).to_string();
        if json.len() <= limit { Ok(json) } else { Err(self.too_large()) }
    }

    fn too_large(&self) -> Problem {
        let limit = self.max_bytes.min(self.room);
        Problem::too_large(format_args!("what is kept of the answer is larger than {limit} bytes"))
    }
}

/// The longest beginning of a text with so many bytes, which also fits when it is written as JSON.
fn cut(text: &str, bytes: usize, room: usize) -> &str {
    let (mut end, mut left) = (0, room);
    for c in text.chars() {
        match left.checked_sub(width(c)) {
            Some(rest) if end + c.len_utf8() <= bytes => left = rest,
            _ => break,
        }
        end += c.len_utf8();
    }
    text.get(..end).unwrap_or_default()
}

fn escaped(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The number of bytes of a character in a text of JSON.
fn width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        ..' ' => 6,
        c => c.len_utf8(),
    }
}

fn levels(kept: &Kept<'_>) -> usize {
    match kept {
        Kept::One(value) => depth(value),
        Kept::List(values) => 1 + values.iter().map(|value| depth(value)).max().unwrap_or(0),
        Kept::Named(parts) => 1 + parts.iter().map(|(_, part)| levels(part)).max().unwrap_or(0),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Accepts bytes up to a limit, and refuses more.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
