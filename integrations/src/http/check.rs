//! What is wrong with the arguments that an author wrote out, before anything runs: each mistake with its place. And what
//! permission is missing to reach a place. Sends nothing, looks nothing up.

use updraft_protocol::{Failure, Flaw, Value};
use url::Url;

use super::arguments::{Fields, check_headers, check_method, check_url};
use super::options::Options;
use super::payload::Payload;
use super::pools::Pools;

/// The flaws of arguments in which `null` stands where a template or a secret does.
pub(super) fn flaws(arguments: &Value) -> Vec<Flaw> {
    let Value::Object(fields) = arguments else { return Vec::new() };
    let mut found: Vec<Failure> = Vec::new();
    found.extend(check_method(fields).err());
    found.extend(check_url(fields).err());
    found.extend(check_headers(fields));
    found.extend(Options::mistakes(fields));
    found.extend(Payload::check(fields).err());
    found.iter().map(flaw).chain(holes(fields)).collect()
}

/// The permission that is missing to reach a place, as far as its text tells: a name is judged when it is looked up.
pub(super) fn missing_for(base: &str, pools: &Pools) -> Option<String> {
    let url = Url::parse(base).ok()?;
    pools.missing(url.scheme() == "https", url.host_str()?, url.port_or_known_default()?)
}

/// Names of `path` that the URL does not have.
fn holes(fields: &Fields) -> Vec<Flaw> {
    let (Some(Value::Object(path)), Some(Value::String(url))) = (fields.get("path"), fields.get("url"))
    else {
        return Vec::new();
    };
    let missing = path.keys().filter(|name| !url.contains(&format!("{{{name}}}")));
    let flaw = |name: &String| Flaw {
        place: format!("path.{}", name.escape_debug()),
        message: format!("the path of `url` has no `{{{name}}}`"),
    };
    missing.map(flaw).collect()
}

/// A mistake of a reader of arguments: `arguments.PLACE: MESSAGE`.
fn flaw(failure: &Failure) -> Flaw {
    let text = failure.message.strip_prefix("arguments").unwrap_or(&failure.message);
    let (place, message) = text.split_once(": ").unwrap_or(("", text));
    Flaw { place: place.trim_start_matches('.').to_owned(), message: message.to_owned() }
}
