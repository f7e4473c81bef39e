//! Filters that search a text by a regular expression.

use super::{argument, text, whole_argument};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};
use crate::template::pattern::{Finder, Search, group_of};
use crate::template::printer::GROWTH;
use crate::template::value::{Growing, Operand};

/// `|find('pattern', group)`: the first match, or a group of it; undefined if there is none.
pub(in crate::template) fn find(
    meter: &Meter,
    search: &Search,
    value: &Operand,
    args: &[Operand],
) -> Result<Operand> {
    let text = text("find", value)?;
    let group = group_argument(search, "find", args)?;
    let mut finder = Finder::new(meter, search, text)?;
    let Some(found) = finder.next()? else { return Ok(Operand::Undefined) };
    let found = if group == 0 { Some(found) } else { finder.groups(&found)?.get(group) };
    match found.and_then(|found| text.get(found)) {
        Some(part) => Operand::text(meter, part),
        None => Ok(Operand::Undefined),
    }
}

/// `|find_all('pattern', group)`: all matches, or a group of each; a group that took no part is left out.
pub(in crate::template) fn find_all(
    meter: &Meter,
    search: &Search,
    value: &Operand,
    args: &[Operand],
) -> Result<Operand> {
    let text = text("find_all", value)?;
    let group = group_argument(search, "find_all", args)?;
    let mut finder = Finder::new(meter, search, text)?;
    let mut items = Growing::new(meter);
    while let Some(found) = finder.next()? {
        let found = if group == 0 { Some(found) } else { finder.groups(&found)?.get(group) };
        if let Some(part) = found.and_then(|found| text.get(found)) {
            items.push(Operand::text(meter, part)?)?;
        }
    }
    Operand::list(meter, items.finish())
}

/// `|replace_regex('pattern', to)`: `$1`, `${1}` and `${name}` in `to` are groups of the match, `$0` is all of it, `$$` a
/// dollar sign.
pub(in crate::template) fn replace_regex(
    meter: &Meter,
    search: &Search,
    value: &Operand,
    args: &[Operand],
) -> Result<Operand> {
    let value = text("replace_regex", value)?;
    let parts = replacement(meter, search, text("replace_regex", argument(args, 0))?)?;
    let needs_groups = parts.iter().any(|part| matches!(part, Part::Group(group) if *group > 0));
    let mut finder = Finder::new(meter, search, value)?;
    let (mut replaced, mut copied) = (String::new(), 0);
    let mut append = |part: &str| {
        meter.work(VALUE_WORK)?;
        // It is copied as it grows.
        meter.make(GROWTH * part.len())?;
        replaced.push_str(part);
        Ok(())
    };
    while let Some(found) = finder.next()? {
        append(value.get(copied..found.start).unwrap_or_default())?;
        copied = found.end;
        let groups = if needs_groups { Some(finder.groups(&found)?) } else { None };
        for part in &parts {
            let place = match part {
                Part::Text(text) => {
                    append(text)?;
                    continue;
                }
                Part::Group(0) => Some(found.clone()),
                Part::Group(group) => groups.as_ref().and_then(|groups| groups.get(*group)),
            };
            append(place.and_then(|place| value.get(place)).unwrap_or_default())?;
        }
    }
    append(value.get(copied..).unwrap_or_default())?;
    Operand::text(meter, &replaced)
}

/// A part of a replacement.
enum Part<'t> {
    Text(&'t str),
    Group(usize),
}

/// The parts of a replacement, split at its dollar signs.
fn replacement<'t>(meter: &Meter, search: &Search, to: &'t str) -> Result<Vec<Part<'t>>> {
    const FILTER: &str = "replace_regex";
    meter.read(to)?;
    let mut parts = Growing::new(meter);
    let mut rest = to;
    while let Some((text, after)) = rest.split_once('$') {
        parts.push(Part::Text(text))?;
        rest = if let Some(after) = after.strip_prefix('$') {
            parts.push(Part::Text("$"))?;
            after
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            parts.push(Part::Group(group_of(search, FILTER, name)?))?;
            after
        } else {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = after.split_at_checked(digits).unwrap_or(("", after));
            if number.is_empty() {
                return refuse(
                    "`replace_regex` takes `$1`, `${name}` or `$$` where its replacement has a `$`",
                );
            }
            parts.push(Part::Group(group_of(search, FILTER, number)?))?;
            after
        };
    }
    parts.push(Part::Text(rest))?;
    Ok(parts.finish())
}

/// The group that an argument names or numbers; the whole match if the author gave none.
fn group_argument(search: &Search, filter: &'static str, args: &[Operand]) -> Result<usize> {
    match argument(args, 0) {
        Operand::Text(name) => group_of(search, filter, name),
        _ => match whole_argument(filter, args, 0)? {
            None => Ok(0),
            Some(number) => group_of(search, filter, &number.to_string()),
        },
    }
}
