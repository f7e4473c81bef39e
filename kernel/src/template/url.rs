//! URLs with templates in them. Owns the rules: scheme, host and prefix are the author's, each value is one segment of
//! the path or one value of the query, and more needs a filter. Sends nothing.

mod encode;
mod endpoint;
mod head;
mod spelling;
mod structure;
mod writer;

use updraft_protocol::limits::HTTP_URL_BYTES;

pub(crate) use encode::encode;
pub(crate) use endpoint::{base, host};
pub(super) use head::endpoints;
pub(crate) use head::{Endpoint, Gives, Key};
pub(crate) use structure::Asked;
pub(super) use structure::uses;
pub(super) use writer::Writer;

/// The message for a changed output of `urlencode`: its mark covers exactly that output.
pub(super) const ENCODED_AGAIN: &str = "what `urlencode` gave would be encoded again with what is made of it here: print it \
    in a `{{ … }}` of its own, or leave `urlencode` away; each value of a URL is encoded by its place";

/// Scheme, host and port of a URL whose author wrote all of them as constants.
pub(super) fn written_base(text: &str) -> Option<&str> {
    if !endpoint::begins_as_url(text) {
        return None;
    }
    let host = text.find("://")? + "://".len();
    let rest = text.get(host..)?;
    let end = rest.find(['/', '?', '#', '{']).unwrap_or(rest.len());
    // A template in it gives a part of the host.
    if rest.get(end..)?.starts_with('{') { None } else { text.get(..host + end) }
}

/// Checks a URL without templates.
///
/// # Errors
/// Why it is no URL, or would be read as another.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut writer = Writer::default();
    if !endpoint::begins_as_url(text) {
        return Err("a URL that starts with http:// or https:// is needed".to_owned());
    }
    check_literal(text)?;
    let written = writer.literal(text).and_then(|_| writer.end());
    written.map_err(|refusal| refusal.to_string())
}

/// Checks an author's text in a URL, between its templates.
///
/// # Errors
/// The part of it that would be read as something else.
pub(super) fn check_literal(text: &str) -> Result<(), String> {
    if text.len() > HTTP_URL_BYTES {
        return Err(format!("at most {HTTP_URL_BYTES} bytes are allowed"));
    }
    endpoint::unfit(text).map_or(Ok(()), |mistake| Err(mistake.to_owned()))
}
