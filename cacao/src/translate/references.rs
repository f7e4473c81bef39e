//! References in texts: `__name__:value` becomes a native template, and everything else stays text, braces included. Owns
//! where a reference begins and ends.

use crate::model::VariableName;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// A text as it is.
    Text(&'t str),
    /// The value of a variable, or what these keys lead to in a dictionary.
    Variable(VariableName, Vec<String>),
}

/// A reference to what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undeclared(pub(super) String);

/// What follows the name of a variable where its value is read.
const VALUE: &str = ":value";

/// The parts of a text; `dictionary` says whether a name is declared, and whether it is a dictionary.
pub(super) fn parts<'t>(
    text: &'t str,
    dictionary: &dyn Fn(&str) -> Option<bool>,
) -> Result<Vec<Part<'t>>, Undeclared> {
    let mut parts = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(VALUE)).map(|at| from + at) {
        from = at + VALUE.len();
        let rest = text.get(from..).unwrap_or_default();
        let before = text.get(begin..at).unwrap_or_default();
        if rest.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_') {
            continue;
        }
        let Some((name, is_dictionary)) = name_at_end(before, dictionary)? else { continue };
        let plain = before.strip_suffix(name.as_str()).unwrap_or(before);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        let (keys, read) = if is_dictionary { keys(rest) } else { (Vec::new(), 0) };
        parts.push(Part::Variable(name, keys));
        from += read;
        begin = from;
    }
    match text.get(begin..) {
        Some("") | None => {}
        Some(rest) => parts.push(Part::Text(rest)),
    }
    Ok(parts)
}

/// The longest declared name at the end of a text, if there is a name at all.
fn name_at_end(
    text: &str,
    dictionary: &dyn Fn(&str) -> Option<bool>,
) -> Result<Option<(VariableName, bool)>, Undeclared> {
    let is_inside = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    let start = text.len() - text.chars().rev().take_while(|char| is_inside(*char)).count();
    let run = text.get(start..).unwrap_or_default();
    let names = run.match_indices("__").filter_map(|(at, _)| VariableName::read(run.get(at..)?));
    let mut first = None;
    for name in names {
        if let Some(is_dictionary) = dictionary(name.as_str()) {
            return Ok(Some((name, is_dictionary)));
        }
        first.get_or_insert(name);
    }
    first.map_or(Ok(None), |name| Err(Undeclared(name.as_str().to_owned())))
}

/// The keys that follow a dictionary, `.key` or `['key']`, and how many bytes they take.
fn keys(text: &str) -> (Vec<String>, usize) {
    let (mut keys, mut read) = (Vec::new(), 0);
    loop {
        let rest = text.get(read..).unwrap_or_default();
        if let Some((key, end)) = rest.strip_prefix("['").and_then(|rest| rest.split_once("']")) {
            keys.push(key.to_owned());
            read = text.len() - end.len();
            continue;
        }
        let key = rest.strip_prefix('.').unwrap_or_default();
        let key = key.len() - key.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        if key == 0 {
            return (keys, read);
        }
        keys.push(rest.get(1..=key).unwrap_or_default().to_owned());
        read += 1 + key;
    }
}

/// The names in a text that look like variables, without `:value` behind them.
pub(super) fn bare_names(text: &str) -> Vec<VariableName> {
    let is_inside = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    text.split(|char: char| !is_inside(char)).filter_map(VariableName::read).collect()
}

/// A text as a part of a native template that gives the same text.
pub(super) fn literal(text: &str) -> String {
    /// What ends a raw part.
    const END: &str = "endraw";
    if !text.contains('{') {
        return text.to_owned();
    }
    if !text.contains(END) {
        return format!("{{% raw %}}{text}{{% {END} %}}");
    }
    text.replace('{', "{{ '{' }}")
}

/// A text without references as a native template that gives the same text.
pub(super) fn plain(text: &str) -> String {
    let is_template = ["{{", "{%", "{#"].iter().any(|start| text.contains(start));
    if is_template { literal(text) } else { text.to_owned() }
}
