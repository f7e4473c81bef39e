//! Plain scalars of YAML by its JSON schema (YAML 1.2.2, 10.2): null, true, false and the numbers of JSON; all others
//! are texts. A constant of other YAML readers is refused, since its meaning would differ.

use super::node::Kind;
use crate::value::Number;

/// The value of a plain scalar.
///
/// # Errors
/// What to write instead.
pub(super) fn plain(text: &str) -> Result<Kind, String> {
    match text {
        "null" => return Ok(Kind::Null),
        "true" => return Ok(Kind::Bool(true)),
        "false" => return Ok(Kind::Bool(false)),
        "" => return Err("a value is missing; write `null`, or `\"\"` for an empty text".to_owned()),
        "~" => return Err("write `null`, or `\"~\"` for the text".to_owned()),
        _ => {}
    }
    if let Some(constant) = ["null", "true", "false"].iter().find(|known| text.eq_ignore_ascii_case(known)) {
        return Err(format!("write `{constant}`, or `\"{text}\"` for the text"));
    }
    Ok(Number::parse(text).map_or_else(|| Kind::Text(text.to_owned()), Kind::Number))
}

/// The name of a field without quotes: always a text, as in JSON.
///
/// # Errors
/// What to write instead.
pub(super) fn name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("the name of a field is missing; write `\"\"` for the empty one".to_owned()),
        "~" => Err("a name is a text; write `\"~\"` or `\"null\"`".to_owned()),
        "<<" => Err("fields are not merged here; write them out, or `\"<<\"` for the name".to_owned()),
        _ => Ok(text.to_owned()),
    }
}
