//! The arguments of an HTTP step: from a rendered value to a checked request. Sends nothing. A mistake names its place
//! and what is needed there, never the value, which may be confidential.

use std::ops::Range;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use updraft_protocol::limits::{HTTP_HEADERS, HTTP_URL_BYTES};
use updraft_protocol::{Argument, Effect, Failure, Value};
use url::Url;

use super::auth::{self, Auth};
use super::fields::{Fields, header_value, mistake, pairs, scalar};
use super::options::Options;
use super::payload::Payload;

/// What a step asks for, checked.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) auth: Auth,
    pub(crate) payload: Payload,
    /// How the answer is judged and read.
    pub(crate) options: Options,
}

/// The arguments, each with how it is read.
pub(super) const KNOWN: [(&str, Argument); 23] = [
    ("method", Argument::Option),
    ("url", Argument::Url),
    ("path", Argument::Secrets),
    ("auth", Argument::Map(&auth::KNOWN)),
    ("headers", Argument::Headers),
    ("query", Argument::Fields),
    ("json", Argument::Data),
    ("form", Argument::Fields),
    ("text", Argument::Text),
    ("bytes", Argument::Text),
    ("body_file", Argument::Data),
    ("multipart", Argument::Parts(&PART)),
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

/// The fields of a part in a multipart body.
const PART: [(&str, Argument); 4] = [
    ("content", Argument::Text),
    ("bytes", Argument::Text),
    ("filename", Argument::Text),
    ("content_type", Argument::Option),
];

const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];

/// Headers that belong to the connection or to Updraft: a playbook that set them could smuggle a second request, reach
/// another virtual host, request a decompression bomb, or act twice.
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

impl Arguments {
    /// Reads the rendered arguments of a step, with its secrets. `null` counts as missing, except for `json`.
    pub(crate) fn read(arguments: Value) -> Result<Self, Failure> {
        let Value::Object(mut fields) = arguments else { return Err(mistake("", "a map is needed")) };
        if let Some(unknown) = fields.keys().find(|name| !KNOWN.iter().any(|(known, _)| known == name)) {
            let known = KNOWN.map(|(known, _)| known).join(", ");
            return Err(mistake(
                &unknown.escape_debug().to_string(),
                format_args!("there is no such argument; there are {known}"),
            ));
        }
        let payload = Payload::take(&mut fields)?;
        fields.retain(|_, value| !value.is_null());
        let mut url = url(fields.get("url"), fields.get("path"))?;
        if let Some(query) = fields.remove("query") {
            let pairs = pairs("query", query)?;
            if !pairs.is_empty() {
                url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        fits(&url)?;
        let options = Options::read(&fields, effect_in(&fields)?)?;
        let headers = headers(fields.remove("headers"))?;
        let auth = Auth::read(fields.remove("auth"))?;
        auth.check_beside(&headers)?;
        if payload.has_own_content_type() && headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            return Err(mistake("headers.Content-Type", "of `multipart`, Updraft sets this header itself"));
        }
        Ok(Self { method: method(&fields)?, url, headers, auth, payload, options })
    }
}

/// The mistake in an author's method.
pub(super) fn check_method(fields: &Fields) -> Result<(), Failure> {
    method(fields).and(effect(fields)).map(drop)
}

/// The mistake in a URL without templates.
pub(super) fn check_url(fields: &Fields) -> Result<(), Failure> {
    // The schema requires a URL that is a text.
    match fields.get("url") {
        Some(text @ Value::String(_)) => url(Some(text), None).and_then(|url| fits(&url)),
        _ => Ok(()),
    }
}

/// The mistakes in an author's headers.
pub(super) fn check_headers(fields: &Fields) -> Vec<Failure> {
    let Some(Value::Object(all)) = fields.get("headers") else { return Vec::new() };
    // One by one, so that each mistake is reported; if a value is not known yet, its name is checked.
    let alone = |name: &String, value: &Value| {
        let value = if value.is_null() { Value::String(String::new()) } else { value.clone() };
        headers(Some(Value::Object([(name.clone(), value)].into()))).err()
    };
    let mut found: Vec<Failure> = all.iter().filter_map(|(name, value)| alone(name, value)).collect();
    if found.is_empty() {
        found.extend(headers(fields.get("headers").cloned()).err());
    }
    found
}

/// The effect of the request: GET and HEAD look something up, unless `effect` is set.
pub(super) fn effect_of(arguments: &Value) -> Effect {
    let fields = arguments.as_object();
    fields.and_then(|fields| effect_in(fields).ok()).unwrap_or(Effect::Write)
}

/// Whether the method may change something (RFC 9110, 9.2.1), whatever `effect` says.
pub(super) fn may_change(arguments: &Value) -> bool {
    let method = arguments.as_object().map(method);
    !matches!(method, Some(Ok(Method::GET | Method::HEAD)))
}

/// Whether a request with these arguments of an author writes or reads files of its execution.
pub(super) fn uses_files(arguments: &Value) -> bool {
    let Some(fields) = arguments.as_object() else { return false };
    fields.contains_key("body_file") || matches!(text(fields, "response"), Ok(Some("file")))
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

/// The destination of the first request of these arguments. Secrets that are not known yet are no part of its host.
pub(super) fn destination(arguments: &Value) -> Option<(Method, Url)> {
    let Value::Object(fields) = arguments else { return None };
    Some((method(fields).ok()?, url(fields.get("url"), None).ok()?))
}

fn method(fields: &Fields) -> Result<Method, Failure> {
    let Some(name) = text(fields, "method")? else { return Ok(Method::GET) };
    let known = METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name));
    known.ok_or_else(|| mistake("method", "one of GET, POST, PUT, PATCH, DELETE, HEAD is needed"))
}

fn url(given: Option<&Value>, path: Option<&Value>) -> Result<Url, Failure> {
    let Some(Value::String(text)) = given else { return Err(mistake("url", "a text is needed")) };
    let filled = path.map(|path| filled(text, path)).transpose()?;
    let text = filled.as_deref().unwrap_or(text);
    let url = Url::parse(text).map_err(|error| mistake("url", format_args!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(mistake("url", "a URL that starts with http:// or https:// is needed"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(mistake("url", "credentials belong into `auth` or a header, as a secret"));
    }
    Ok(url)
}

fn fits(url: &Url) -> Result<(), Failure> {
    let message = format_args!("with its query, at most {HTTP_URL_BYTES} bytes are allowed");
    if url.as_str().len() > HTTP_URL_BYTES { Err(mistake("url", message)) } else { Ok(()) }
}

/// The URL with the values of `path` in place of their `{name}`s, each encoded so that it stays within its segment.
fn filled(url: &str, path: &Value) -> Result<String, Failure> {
    let Value::Object(fields) = path else { return Err(mistake("path", "a map is needed")) };
    let within = path_in(url);
    let (head, tail) = (&url[..within.start], &url[within.end..]);
    let mut filled = url[within.clone()].to_owned();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let place = format!("path.{}", name.escape_debug());
        let (Value::String(text), true) = (value, is_variable(name)) else {
            return Err(mistake(&place, "a secret under a name of letters, digits, `_` and `-` is needed"));
        };
        let hole = format!("{{{name}}}");
        if !filled.contains(&hole) {
            return Err(mistake(&place, format_args!("the path of `url` has no `{hole}`")));
        }
        filled = filled.replace(&hole, &segment(text));
    }
    // No encoding keeps them from being steps in the path (WHATWG URL, 4.4): `%2E%2E` is one too.
    let steps = |text: &str| matches!(text.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    let slashes = ['/', '\\'];
    let mut segments = url[within].split(slashes).zip(filled.split(slashes));
    if segments.any(|(written, filled)| written != filled && steps(filled)) {
        return Err(mistake("path", "a secret makes `.` or `..` of a segment, which leads to another path"));
    }
    Ok([head, &filled, tail].concat())
}

/// The position of the path in a URL: after scheme and host, before query and fragment.
pub(super) fn path_in(url: &str) -> Range<usize> {
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[authority..].find(['?', '#']).map_or(url.len(), |at| authority + at);
    let begin = url[authority..end].find('/').map_or(end, |at| authority + at);
    begin..end
}

/// Whether a secret can be in a path under this name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A text with everything encoded except unreserved characters (RFC 3986, 2.3).
fn segment(text: &str) -> String {
    use std::fmt::Write;
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

fn headers(given: Option<Value>) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let fields = match given {
        None => Fields::new(),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(mistake("headers", "a map from names to texts is needed")),
    };
    if fields.len() > HTTP_HEADERS {
        return Err(mistake("headers", format_args!("at most {HTTP_HEADERS} are allowed")));
    }
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(fields.len());
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
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
        let text =
            scalar(value).ok_or_else(|| mistake(&place, "a text, a number, true or false is needed"))?;
        headers.push((header, header_value(&place, &text)?));
    }
    Ok(headers)
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
