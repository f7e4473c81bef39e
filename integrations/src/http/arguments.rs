//! The arguments of an HTTP step: from a rendered value to a checked request. Sends nothing. A mistake names
//! its place and what is needed there, never the value, which may be confidential.

use std::collections::BTreeMap;

use http::Method;
use http::header::{HeaderName, HeaderValue};
use updraft_protocol::limits::{HTTP_HEADER_BYTES, HTTP_HEADERS, HTTP_URL_BYTES};
use updraft_protocol::{Argument, Effect, Failure, FailureKind, Name, SecretReference, Value};
use url::Url;

use super::options::Options;

/// The fields of a map.
type Fields = BTreeMap<String, Value>;

/// What a step asks for, checked.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderText)>,
    pub(crate) body: Body,
    /// How the answer is judged and read.
    pub(crate) options: Options,
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

/// The arguments, each with how it is read.
pub(super) const KNOWN: [(&str, Argument); 17] = [
    ("method", Argument::Option),
    ("url", Argument::Url),
    ("headers", Argument::Headers),
    ("query", Argument::Fields),
    ("json", Argument::Data),
    ("form", Argument::Fields),
    ("expect", Argument::Option),
    ("retry_on", Argument::Option),
    ("response", Argument::Option),
    ("keep", Argument::Option),
    ("max_bytes", Argument::Option),
    ("effect", Argument::Option),
    ("require", Argument::Option),
    ("keep_headers", Argument::Option),
    ("acted", Argument::Option),
    ("not_acted", Argument::Option),
    ("redirects", Argument::Option),
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
    /// Reads the rendered arguments of a step, and the secrets that its author refers to. `null` is as good as nothing,
    /// but for `json`.
    pub(crate) fn read(arguments: Value, secrets: &[SecretReference]) -> Result<Self, Failure> {
        let Value::Object(mut fields) = arguments else { return Err(mistake("", "a map is needed")) };
        if let Some(unknown) = fields.keys().find(|name| !KNOWN.iter().any(|(known, _)| known == name)) {
            let known = KNOWN.map(|(known, _)| known).join(", ");
            return Err(mistake(
                &unknown.escape_debug().to_string(),
                format_args!("there is no such argument; there are {known}"),
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
        let options = Options::read(&fields, effect_in(&fields)?)?;
        Ok(Self {
            method: method(&fields)?,
            url,
            headers: headers(fields.remove("headers"), secrets)?,
            body: body(json, fields.remove("form"))?,
            options,
        })
    }
}

/// What the request does to the world: GET and HEAD look something up, unless `effect` says otherwise.
pub(super) fn effect_of(arguments: &Value) -> Effect {
    let fields = arguments.as_object();
    fields.and_then(|fields| effect_in(fields).ok()).unwrap_or(Effect::Write)
}

fn effect_in(fields: &Fields) -> Result<Effect, Failure> {
    if let Some(declared) = effect(fields)? {
        return Ok(declared);
    }
    let reads = matches!(method(fields)?, Method::GET | Method::HEAD);
    Ok(if reads { Effect::Read } else { Effect::Write })
}

fn effect(fields: &Fields) -> Result<Option<Effect>, Failure> {
    match text(fields, "effect")? {
        None => Ok(None),
        Some("read") => Ok(Some(Effect::Read)),
        Some("write") => Ok(Some(Effect::Write)),
        Some(_) => Err(mistake("effect", "one of read, write is needed")),
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(mistake(name, "a text is needed")),
    }
}

fn method(fields: &Fields) -> Result<Method, Failure> {
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

fn headers(
    given: Option<Value>,
    secrets: &[SecretReference],
) -> Result<Vec<(HeaderName, HeaderText)>, Failure> {
    let fields = match given {
        None => Fields::new(),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(mistake("headers", "a map from names to texts is needed")),
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
        let secret = secrets.iter().find(|secret| is_header(&secret.place, &name));
        let text = match (secret, value) {
            (Some(secret), _) => {
                HeaderText::Secret { name: secret.name.clone(), prefix: secret.prefix.clone() }
            }
            (None, Value::Null) => continue,
            (None, value) => {
                let text = scalar(value)
                    .ok_or_else(|| mistake(&place, "a text, a number, true or false is needed"))?;
                HeaderText::Plain(header_value(&place, &text)?)
            }
        };
        headers.push((header, text));
    }
    Ok(headers)
}

/// Whether the JSON pointer (RFC 6901) leads to the header of this name.
fn is_header(pointer: &str, name: &str) -> bool {
    let header = pointer.strip_prefix("/headers/");
    header.is_some_and(|header| header.replace("~1", "/").replace("~0", "~") == name)
}

/// The text as the value of a header, marked as one that nothing may print. What is beyond ASCII is sent as UTF-8.
pub(crate) fn header_value(place: &str, text: &str) -> Result<HeaderValue, Failure> {
    let fits = text.len() <= HTTP_HEADER_BYTES;
    let line = !text.chars().any(char::is_control);
    let value = HeaderValue::from_bytes(text.as_bytes()).ok().filter(|_| fits && line);
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

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
