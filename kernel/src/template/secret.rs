//! References to secrets: `{$secret: NAME, prefix: "Bearer "}` in what an author wrote. Knows no secret; data is never
//! read as a reference.

use std::collections::BTreeMap;

use updraft_protocol::{Name, SecretReference, Value};

use super::compile::field;
use super::line;
use super::text::Text;
use crate::plan::Mistake;

/// The field that makes a map a reference.
pub(crate) const KEY: &str = "$secret";

/// The mistake of a reference in any other place.
pub(crate) const ELSEWHERE: &str = "a secret may stand only as the value of a header: `headers: {Authorization: {$secret: NAME, prefix: \"Bearer \"}}`";

/// The reference that the map at `path` is; `pointer` is its place in the arguments.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(
    path: &str,
    pointer: &str,
    map: &BTreeMap<String, Value>,
) -> Result<SecretReference, Mistake> {
    if let Some(unknown) = map.keys().find(|name| !matches!(name.as_str(), KEY | "prefix")) {
        let message = "there is no such field; there are `$secret` and `prefix`";
        return Err(Mistake::new(field(path, unknown), message));
    }
    let name = map.get(KEY).and_then(Value::as_str).filter(|name| !Text::is_template(name));
    let Some(name) = name.and_then(|name| Name::new(name).ok()) else {
        return Err(Mistake::new(field(path, KEY), "the name of a secret is needed, written out"));
    };
    let prefix = match map.get("prefix") {
        None | Some(Value::Null) => "",
        Some(Value::String(prefix)) if !Text::is_template(prefix) => prefix,
        Some(_) => return Err(Mistake::new(field(path, "prefix"), "a text is needed, written out")),
    };
    // The secret goes on behind it: only there may it have blanks.
    let sent = format!("{prefix}…");
    line::check(&sent).map_err(|message| Mistake::new(field(path, "prefix"), message))?;
    Ok(SecretReference { place: pointer.to_owned(), name, prefix: prefix.to_owned() })
}

/// The place of a header in the arguments, as a JSON pointer (RFC 6901).
pub(super) fn pointer(argument: &str, header: &str) -> String {
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    format!("/{}/{}", escape(argument), escape(header))
}

/// Whether a reference stands anywhere in `value`.
pub(crate) fn stands_in(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) if map.contains_key(KEY) => return true,
            Value::Object(map) => open.extend(map.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    false
}
