//! The options of an HTTP step: how its answer is judged and read. From the author's values to checked ones; reads no
//! answer. A mistake names its place and what is needed there.

use std::collections::BTreeMap;

use http::header::HeaderName;
use updraft_protocol::limits::{HTTP_KEEP_HEADERS, HTTP_REDIRECTS, RESPONSE_BYTES};
use updraft_protocol::{Effect, Failure, Value};

use super::fields::mistake;
use super::keep::Keep;
use super::statuses::Statuses;

/// How an answer is judged and read.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) effect: Effect,
    /// The statuses of success.
    pub(crate) expect: Statuses,
    /// Other statuses after which another attempt may help.
    pub(crate) retry_on: Statuses,
    /// Other statuses that show, or leave open, that the tool acted.
    pub(crate) acted: Statuses,
    /// Other statuses that show that it did not.
    pub(crate) not_acted: Statuses,
    pub(crate) form: Form,
    /// Whether an unreadable answer makes the attempt fail.
    pub(crate) requires_body: bool,
    pub(crate) keep_headers: Vec<HeaderName>,
    /// The most bytes of the body that are kept.
    pub(crate) max_bytes: usize,
    /// The most redirects that are followed.
    pub(crate) redirects: u8,
}

/// The form in which the answer is read.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Json(Option<Keep>),
    /// JSON lines, as a list.
    Lines(Option<Keep>),
    Text,
    /// To a file of the execution.
    File,
    None,
}

type Fields = BTreeMap<String, Value>;

impl Options {
    pub(crate) fn read(fields: &Fields, effect: Effect) -> Result<Self, Failure> {
        let expect = statuses(fields, "expect")?.unwrap_or_else(|| Statuses::success(effect));
        if expect.is_empty() {
            return Err(mistake("expect", "at least one status is needed"));
        }
        Ok(Self {
            effect,
            expect,
            retry_on: statuses(fields, "retry_on")?.unwrap_or_else(Statuses::passing),
            acted: statuses(fields, "acted")?.unwrap_or_default(),
            not_acted: statuses(fields, "not_acted")?.unwrap_or_default(),
            form: form(fields)?,
            requires_body: requires_body(fields, effect)?,
            keep_headers: keep_headers(fields)?,
            max_bytes: max_bytes(fields)?,
            redirects: redirects(fields)?,
        })
    }

    /// The mistakes in an author's options.
    pub(crate) fn mistakes(fields: &Fields) -> Vec<Failure> {
        let expect = match statuses(fields, "expect") {
            Ok(Some(expect)) if expect.is_empty() => Some(mistake("expect", "at least one status is needed")),
            expect => expect.err(),
        };
        let lists = ["retry_on", "acted", "not_acted"].map(|name| statuses(fields, name).err());
        let others = [
            form(fields).err(),
            requires_body(fields, Effect::Read).err(),
            keep_headers(fields).err(),
            max_bytes(fields).err(),
            redirects(fields).err(),
        ];
        [expect].into_iter().chain(lists).chain(others).flatten().collect()
    }

    /// The parts of the JSON that are kept, if some are named.
    pub(crate) fn keep(&self) -> Option<&Keep> {
        match &self.form {
            Form::Json(keep) | Form::Lines(keep) => keep.as_ref(),
            Form::Text | Form::File | Form::None => None,
        }
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(mistake(name, "a text is needed")),
    }
}

fn statuses(fields: &Fields, name: &str) -> Result<Option<Statuses>, Failure> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    Statuses::read(value).map(Some).map_err(|(index, message)| match index {
        Some(index) => mistake(&format!("{name}[{index}]"), message),
        None => mistake(name, message),
    })
}

fn form(fields: &Fields) -> Result<Form, Failure> {
    let keep = fields.get("keep").filter(|value| !value.is_null()).map(Keep::read).transpose();
    let keep = keep.map_err(|(name, message)| match name {
        Some(name) => mistake(&format!("keep.{name}"), message),
        None => mistake("keep", message),
    })?;
    let form = match text(fields, "response")?.unwrap_or("json") {
        "json" => return Ok(Form::Json(keep)),
        "ndjson" => return Ok(Form::Lines(keep)),
        "text" => Form::Text,
        "file" => Form::File,
        "none" => Form::None,
        _ => return Err(mistake("response", "one of json, ndjson, text, file, none is needed")),
    };
    if keep.is_some() { Err(mistake("keep", "only of JSON a part can be kept")) } else { Ok(form) }
}

fn requires_body(fields: &Fields, effect: Effect) -> Result<bool, Failure> {
    match text(fields, "require")? {
        None => Ok(effect == Effect::Read),
        Some("body") => Ok(true),
        Some("nothing") => Ok(false),
        Some(_) => Err(mistake("require", "one of body, nothing is needed")),
    }
}

fn keep_headers(fields: &Fields) -> Result<Vec<HeaderName>, Failure> {
    let items = match fields.get("keep_headers") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(mistake("keep_headers", "a list of names of headers is needed")),
    };
    if items.len() > HTTP_KEEP_HEADERS {
        return Err(mistake("keep_headers", format_args!("at most {HTTP_KEEP_HEADERS} are allowed")));
    }
    let name = |(index, item): (usize, &Value)| {
        let name = item.as_str().and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        name.ok_or_else(|| mistake(&format!("keep_headers[{index}]"), "the name of a header is needed"))
    };
    items.iter().enumerate().map(name).collect()
}

fn max_bytes(fields: &Fields) -> Result<usize, Failure> {
    let Some(value) = fields.get("max_bytes").filter(|value| !value.is_null()) else {
        return Ok(RESPONSE_BYTES);
    };
    let bytes = value.as_u64().and_then(|bytes| usize::try_from(bytes).ok());
    bytes
        .filter(|bytes| (1..=RESPONSE_BYTES).contains(bytes))
        .ok_or_else(|| mistake("max_bytes", format_args!("a number from 1 to {RESPONSE_BYTES} is needed")))
}

fn redirects(fields: &Fields) -> Result<u8, Failure> {
    let Some(value) = fields.get("redirects").filter(|value| !value.is_null()) else { return Ok(0) };
    let hops = value.as_u64().and_then(|hops| u8::try_from(hops).ok()).filter(|hops| *hops <= HTTP_REDIRECTS);
    hops.ok_or_else(|| mistake("redirects", format_args!("a number from 0 to {HTTP_REDIRECTS} is needed")))
}
