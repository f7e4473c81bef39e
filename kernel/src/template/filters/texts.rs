//! Filters of texts, and those that turn any value into a text.

use updraft_protocol::Json;
use updraft_protocol::limits::{TEMPLATE_INDENT_SPACES, TEMPLATE_TRIM_BYTES};

use super::{argument, text, text_argument, whole_argument};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};
use crate::references::WantedPart;
use crate::template::attribute::Attribute;
use crate::template::json::{self, Style};
use crate::template::one::text_of;
use crate::template::operators::listed;
use crate::template::printer::{GROWTH, printed};
use crate::template::read::read;
use crate::template::url::encode;
use crate::template::value::{Growing, Operand};

/// The cost of a character that is looked up in the tables of Unicode.
const CHARACTER_WORK: u64 = 16;
/// The cost of each byte of a text that is checked to be JSON, and the memory of the check.
const PARSE_WORK: u64 = 24;
const PARSE_BYTES: usize = 1 << 10;
/// How much longer a text may become in upper or lower case.
const CASE_BYTES: usize = 3;

pub(in crate::template) fn lower(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    cased(meter, "lower", value, str::to_lowercase)
}

pub(in crate::template) fn upper(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    cased(meter, "upper", value, str::to_uppercase)
}

pub(in crate::template) fn capitalize(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    cased(meter, "capitalize", value, |text| {
        let mut characters = text.chars();
        let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
        first + &characters.as_str().to_lowercase()
    })
}

pub(in crate::template) fn title(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    cased(meter, "title", value, |text| {
        let mut start = true;
        let mut titled = String::with_capacity(text.len());
        for character in text.chars() {
            if start {
                titled.extend(character.to_uppercase());
            } else {
                titled.extend(character.to_lowercase());
            }
            start = matches!(character, '-' | '(' | '{' | '[' | '<') || character.is_whitespace();
        }
        titled
    })
}

fn cased(
    meter: &Meter,
    filter: &'static str,
    value: &Operand,
    change: fn(&str) -> String,
) -> Result<Operand> {
    let text = text(filter, value)?;
    // Twice: a text that becomes longer is copied as it grows.
    meter.make(2 * CASE_BYTES * text.len())?;
    meter.work(CHARACTER_WORK * text.len() as u64)?;
    Operand::text(meter, &change(text))
}

/// `|trim` and `|trim('characters')`.
pub(in crate::template) fn trim(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let text = text("trim", value)?;
    let Some(characters) = text_argument("trim", args, 0)? else {
        meter.work(CHARACTER_WORK * text.len() as u64)?;
        return Operand::text(meter, text.trim());
    };
    if characters.len() > TEMPLATE_TRIM_BYTES {
        return refuse(format!("`trim` takes off characters of at most {TEMPLATE_TRIM_BYTES} bytes"));
    }
    meter.work((CHARACTER_WORK + characters.len() as u64) * text.len() as u64)?;
    Operand::text(meter, text.trim_matches(|character| characters.contains(character)))
}

/// `|replace(from, to)`.
pub(in crate::template) fn replace(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let value = text("replace", value)?;
    let (from, to) = (text("replace", argument(args, 0))?, text("replace", argument(args, 1))?);
    meter.read(from)?;
    meter.work(4 * value.len() as u64)?;
    let found = value.matches(from).count();
    meter.work(4 * value.len() as u64 + VALUE_WORK * found as u64)?;
    // It is copied as it grows.
    meter.make(value.len().saturating_add(found.saturating_mul(to.len())).saturating_mul(GROWTH))?;
    Operand::text(meter, &value.replace(from, to))
}

/// `|split`, at blanks, or at `sep`, at most `maxsplit` times.
pub(in crate::template) fn split(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let text = text("split", value)?;
    let separator = text_argument("split", args, 0)?;
    let most = whole_argument("split", args, 1)?.and_then(|most| usize::try_from(most).ok());
    let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
    meter.work(CHARACTER_WORK * text.len() as u64)?;
    let mut items = Growing::new(meter);
    match separator {
        Some(separator) => {
            meter.read(separator)?;
            for part in text.splitn(most, separator) {
                items.push(Operand::text(meter, part)?)?;
            }
        }
        None => {
            let mut rest = text.trim();
            while !rest.is_empty() && items.len() + 1 < most {
                let (part, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                items.push(Operand::text(meter, part)?)?;
                rest = after.trim_start();
            }
            if !rest.is_empty() {
                items.push(Operand::text(meter, rest)?)?;
            }
        }
    }
    Operand::list(meter, items.finish())
}

pub(in crate::template) fn lines(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = text("lines", value)?;
    meter.read(text)?;
    let mut items = Growing::new(meter);
    for line in text.lines() {
        items.push(Operand::text(meter, line)?)?;
    }
    Operand::list(meter, items.finish())
}

/// `|join(separator)`: the items as they are printed.
pub(in crate::template) fn join(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    if matches!(value, Operand::Map(_)) {
        return refuse("cannot join a map; join its keys with `|list|join`");
    }
    let separator = text_argument("join", args, 0)?.unwrap_or_default();
    let attribute = Attribute::read(meter, argument(args, 1))?;
    let list = listed(meter, "join", value)?;
    let mut text = String::new();
    for (at, item) in list.iter().enumerate() {
        let item = attribute.of(meter, item)?;
        let item = printed(meter, &item)?;
        let separator = if at > 0 { separator } else { "" };
        // It is copied as it grows.
        meter.make(GROWTH * (separator.len() + item.len()))?;
        text.push_str(separator);
        text.push_str(&item);
    }
    Operand::text(meter, &text)
}

pub(in crate::template) fn string(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    if let Operand::Text(_) = value {
        return Ok(value.clone());
    }
    let text = printed(meter, value)?;
    Operand::text(meter, &text)
}

/// `|tojson` and `|tojson(indent=2)`.
pub(in crate::template) fn to_json(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let indent = match whole_argument("tojson", args, 0)? {
        None | Some(0) => None,
        Some(indent) => match usize::try_from(indent) {
            Ok(indent) if indent <= TEMPLATE_INDENT_SPACES => Some(indent),
            _ => return refuse(format!("`tojson` indents by 0 to {TEMPLATE_INDENT_SPACES}")),
        },
    };
    let style = Style { indent };
    let length = json::length(meter, value, style, 0)?;
    meter.make(length)?;
    let mut text = String::with_capacity(length);
    json::write(&mut text, value, style, 0);
    Operand::text(meter, &text)
}

/// `|parse_json(default)`: the value that a text is as JSON; the default where it is none.
pub(in crate::template) fn parse_json(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let text = text("parse_json", value)?;
    meter.work(PARSE_WORK * text.len() as u64)?;
    meter.make(text.len() + PARSE_BYTES)?;
    match (Json::parse(text), argument(args, 0)) {
        (Ok(json), _) => read(meter, json.as_str(), None, WantedPart::WHOLE),
        (Err(_), default) if !default.is_undefined() => Ok(default.clone()),
        (Err(error), _) => refuse(format!(
            "`parse_json` needs a text that is JSON; it is not at line {}, column {}",
            error.line(),
            error.column()
        )),
    }
}

/// `|urlencode`: one value, with everything encoded except unreserved characters. A URL does not encode it again.
pub(in crate::template) fn urlencode(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = text_of(meter, value, "`urlencode` needs one value")?;
    // Three bytes for one, copied as it grows.
    meter.make(3 * GROWTH * text.len())?;
    meter.work(4 * text.len() as u64)?;
    let mut encoded = String::new();
    encode(&mut encoded, &text);
    Operand::text(meter, &encoded)
}
