//! The arguments of an HTTP step: from a rendered value to a checked request. Sends nothing. A mistake names
//! its place and what is needed there, never the value, which may be confidential.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value};
use updraft_protocol::limits::{HTTP_HEADER_BYTES, HTTP_HEADERS, HTTP_URL_BYTES, RESPONSE_BYTES};
use updraft_protocol::{Failure, FailureKind, Name};

use super::keep::Keep;
use super::statuses::Statuses;

/// What a step asks for, checked.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderText)>,
    pub(crate) body: Body,
    pub(crate) expect: Statuses,
    pub(crate) retry_on: Statuses,
    pub(crate) response: Form,
    pub(crate) max_bytes: usize,
}

/// The text of a header.
#[derive(Debug)]
pub(crate) enum HeaderText {
    Plain(HeaderValue),
    Secret { name: Name, prefix: String },
}

/// What the request carries.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
}

/// What the answer is read as.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Json(Option<Keep>),
    Text,
    None,
}

const KNOWN: [&str; 11] = [
    "method",
    "url",
    "headers",
    "query",
    "json",
    "form",
    "expect",
    "retry_on",
    "response",
    "keep",
    "max_bytes",
];

const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];

/// Headers that belong to the connection or to Updraft: a playbook that set them could smuggle a second
/// request, reach another virtual host, ask for a compressed bomb, or act twice.
const RESERVED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A mistake in the arguments, at its place.
pub(crate) fn mistake(place: &str, message: impl std::fmt::Display) -> Failure {
    let dot = if place.is_empty() { "" } else { "." };
    Failure::new(FailureKind::InvalidArguments, format!("arguments{dot}{place}: {message}"))
}

impl Arguments {
    /// Reads the rendered arguments of a step. `null` is as good as nothing, but for `json`.
    pub(crate) fn read(arguments: Value) -> Result<Self, Failure> {
        let Value::Object(mut fields) = arguments else { return Err(mistake("", "a map is needed")) };
        if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(mistake(
                &unknown.escape_debug().to_string(),
                format_args!("there is no such argument; there are {}", KNOWN.join(", ")),
            ));
        }
        let json = fields.remove("json");
        fields.retain(|_, value| !value.is_null());
        let mut url = url(fields.get("url"))?;
        if let Some(query) = fields.remove("query") {
            let pairs = pairs("query", query)?;
            if !pairs.is_empty() {
                url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        if url.as_str().len() > HTTP_URL_BYTES {
            return Err(mistake(
                "url",
                format_args!("with its query, at most {HTTP_URL_BYTES} bytes are allowed"),
            ));
        }
        let expect = statuses(&fields, "expect")?.unwrap_or_else(Statuses::success);
        if expect.is_empty() {
            return Err(mistake("expect", "at least one status is needed"));
        }
        Ok(Self {
            method: method(&fields)?,
            url,
            headers: headers(fields.remove("headers"))?,
            body: body(json, fields.remove("form"))?,
            expect,
            retry_on: statuses(&fields, "retry_on")?.unwrap_or_else(Statuses::passing),
            response: response(&fields)?,
            max_bytes: max_bytes(&fields)?,
        })
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Failure> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(mistake(name, "a text is needed")),
    }
}

fn method(fields: &Map<String, Value>) -> Result<Method, Failure> {
    let Some(name) = text(fields, "method")? else { return Ok(Method::GET) };
    let known = METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name));
    known.ok_or_else(|| mistake("method", "one of GET, POST, PUT, PATCH, DELETE, HEAD is needed"))
}

fn url(given: Option<&Value>) -> Result<Url, Failure> {
    let Some(Value::String(text)) = given else { return Err(mistake("url", "a text is needed")) };
    let url = Url::parse(text).map_err(|error| mistake("url", format_args!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(mistake("url", "a URL that starts with http:// or https:// is needed"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(mistake("url", "credentials belong into a header, as a secret"));
    }
    Ok(url)
}

fn headers(given: Option<Value>) -> Result<Vec<(HeaderName, HeaderText)>, Failure> {
    let fields = match given {
        None => return Ok(Vec::new()),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(mistake("headers", "a map from names to texts or secrets is needed")),
    };
    if fields.len() > HTTP_HEADERS {
        return Err(mistake("headers", format_args!("at most {HTTP_HEADERS} are allowed")));
    }
    let mut headers: Vec<(HeaderName, HeaderText)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let place = format!("headers.{}", name.escape_debug());
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(mistake(&place, "not the name of a header"));
        };
        if RESERVED.contains(&header.as_str()) {
            return Err(mistake(&place, "Updraft sets this header itself"));
        }
        if headers.iter().any(|(other, _)| *other == header) {
            return Err(mistake(&place, "the header is named twice"));
        }
        if let Some(text) = header_text(&place, value)? {
            headers.push((header, text));
        }
    }
    Ok(headers)
}

fn header_text(place: &str, value: Value) -> Result<Option<HeaderText>, Failure> {
    let mut fields = match value {
        Value::Null => return Ok(None),
        Value::Object(fields) => fields,
        other => {
            let text = scalar(other).ok_or_else(|| mistake(place, "a text or {secret, prefix} is needed"))?;
            return header_value(place, &text).map(|value| Some(HeaderText::Plain(value)));
        }
    };
    let name = match fields.remove("secret") {
        Some(Value::String(name)) => Name::new(name).ok(),
        _ => None,
    };
    let name = name.ok_or_else(|| mistake(&format!("{place}.secret"), "the name of a secret is needed"))?;
    let prefix = match fields.remove("prefix") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(prefix)) => prefix,
        Some(_) => return Err(mistake(&format!("{place}.prefix"), "a text is needed")),
    };
    if let Some(unknown) = fields.keys().next() {
        let place = format!("{place}.{}", unknown.escape_debug());
        return Err(mistake(&place, "there is no such field; there are secret, prefix"));
    }
    Ok(Some(HeaderText::Secret { name, prefix }))
}

/// The text as the value of a header, marked as one that nothing may print.
pub(crate) fn header_value(place: &str, text: &str) -> Result<HeaderValue, Failure> {
    let fits = text.len() <= HTTP_HEADER_BYTES;
    let value = HeaderValue::from_str(text).ok().filter(|_| fits);
    let mut value = value.ok_or_else(|| mistake(place, "not a text that a header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn body(json: Option<Value>, form: Option<Value>) -> Result<Body, Failure> {
    match (json, form) {
        (Some(_), Some(_)) => Err(mistake("form", "either `json` or `form` is allowed, not both")),
        (Some(value), None) => Ok(Body::Json(value)),
        (None, Some(value)) => pairs("form", value).map(Body::Form),
        (None, None) => Ok(Body::None),
    }
}

/// A map of scalars and of lists of them, as the pairs that a query or form has. `null` is left out.
fn pairs(argument: &str, value: Value) -> Result<Vec<(String, String)>, Failure> {
    let Value::Object(fields) = value else { return Err(mistake(argument, "a map is needed")) };
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let items = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        for item in items.into_iter().filter(|item| !item.is_null()) {
            let needed = "a text, a number, true or false, or a list of them is needed";
            let text = scalar(item)
                .ok_or_else(|| mistake(&format!("{argument}.{}", name.escape_debug()), needed))?;
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn statuses(fields: &Map<String, Value>, name: &str) -> Result<Option<Statuses>, Failure> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    Statuses::read(value).map(Some).map_err(|(index, message)| match index {
        Some(index) => mistake(&format!("{name}[{index}]"), message),
        None => mistake(name, message),
    })
}

fn response(fields: &Map<String, Value>) -> Result<Form, Failure> {
    let keep = text(fields, "keep")?;
    let keep = keep.map(Keep::read).transpose().map_err(|message| mistake("keep", message))?;
    let form = match text(fields, "response")?.unwrap_or("json") {
        "json" => return Ok(Form::Json(keep)),
        "text" => Form::Text,
        "none" => Form::None,
        _ => return Err(mistake("response", "one of json, text, none is needed")),
    };
    if keep.is_some() { Err(mistake("keep", "only of JSON a part can be kept")) } else { Ok(form) }
}

fn max_bytes(fields: &Map<String, Value>) -> Result<usize, Failure> {
    let Some(value) = fields.get("max_bytes") else { return Ok(RESPONSE_BYTES) };
    let bytes = value.as_u64().and_then(|bytes| usize::try_from(bytes).ok());
    bytes
        .filter(|bytes| (1..=RESPONSE_BYTES).contains(bytes))
        .ok_or_else(|| mistake("max_bytes", format_args!("a number from 1 to {RESPONSE_BYTES} is needed")))
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
