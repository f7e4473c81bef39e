//! References to secrets: `{$secret: NAME, prefix: "Bearer "}` in an author's value. Knows no secret; data is never
//! read as a reference.

use std::collections::BTreeMap;

use updraft_protocol::{Name, SecretReference, Value};

use super::at::{At, field};
use super::line;
use super::text::Text;
use crate::mistake::Mistake;

/// The field that makes a map a reference.
pub(crate) const KEY: &str = "$secret";

/// The mistake of a reference outside of a step's arguments.
pub(crate) const ELSEWHERE: &str = "a secret may stand only as a value in the arguments of a step: `headers: {Authorization: {$secret: NAME, prefix: \"Bearer \"}}`";

/// The mistake of a reference in arguments of an action that takes none.
pub(super) const NOT_TAKEN: &str = "this action takes no secrets";

/// The mistake of a reference in place of a map.
pub(super) const WHOLE: &str =
    "a map from names to values is needed; a secret may stand as one of its values";

/// The mistake of a reference in place of an option.
pub(super) const NO_OPTION: &str = "no secret may stand here: it says how the call is made";

/// The mistake of a reference in place of a URL.
pub(super) const NO_URL: &str = "no secret may stand here: a URL is a text; a secret may be a value of `query`, or of `path` for a `{name}` in the URL";

/// The mistake of a reference in place of a command.
pub(super) const NO_COMMAND: &str = "no secret may stand here: a command line is read by others on the machine; a secret may be a value of `secrets`, whose name the command reads: `\"$NAME\"`";

/// The reference in a map.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(
    at: &At,
    map: &BTreeMap<String, Value>,
    in_header: bool,
) -> Result<SecretReference, Mistake> {
    let path = at.path.as_str();
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
    if in_header {
        // The secret follows it: only before the secret may it have blanks.
        let sent = format!("{prefix}…");
        line::check(&sent).map_err(|message| Mistake::new(field(path, "prefix"), message))?;
    }
    Ok(SecretReference { place: at.pointer.clone(), name, prefix: prefix.to_owned() })
}

/// Whether a map would be a reference with a `$` before its name.
pub(super) fn is_lookalike(map: &BTreeMap<String, Value>) -> bool {
    let is_name = |name: &Value| name.as_str().is_some_and(|name| Name::new(name).is_ok());
    map.get("secret").is_some_and(is_name)
        && map.keys().all(|name| matches!(name.as_str(), "secret" | "prefix"))
}

/// Whether `value` contains a reference anywhere.
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
