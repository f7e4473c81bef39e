//! Native templates as texts of CACAO: `{{ variables['__x__'] }}` is `__x__:value`. Owns which templates can be said so.

use super::Names;
use crate::translate::part_as_text;

/// A native template as a text of CACAO; `None` where it reads anything but variables and constants.
pub(super) fn text(template: &str, names: &Names) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|start| rest.find(start)).min() {
        let (before, from) = rest.split_at_checked(at)?;
        push(&mut text, before)?;
        if let Some(raw) = from.strip_prefix("{% raw %}") {
            let (inside, after) = raw.split_once("{% endraw %}")?;
            push(&mut text, inside)?;
            rest = after;
            continue;
        }
        if let Some(after) = from.strip_prefix("{{ '{' }}") {
            text.push('{');
            rest = after;
            continue;
        }
        let (expression, after) = from.strip_prefix("{{")?.split_once("}}")?;
        text.push_str(&reference(expression.trim(), names)?);
        rest = after;
    }
    push(&mut text, rest)?;
    Some(text)
}

/// A native template that reads nothing as the text that it gives; references of CACAO in it stay.
pub(super) fn literal(template: &str) -> String {
    match template.strip_prefix("{% raw %}").and_then(|rest| rest.strip_suffix("{% endraw %}")) {
        Some(raw) => raw.to_owned(),
        None => template.replace("{{ '{' }}", "{"),
    }
}

/// Adds a text that does not become a part of the reference before it, nor a reference of its own.
fn push(text: &mut String, more: &str) -> Option<()> {
    let continues = more.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if text.ends_with(":value") && continues || more.contains("__:value") {
        return None;
    }
    text.push_str(more);
    Some(())
}

/// The reference that an expression is; `None` where it is another one.
pub(super) fn reference(expression: &str, names: &Names) -> Option<String> {
    let expression = expression
        .strip_suffix("|string")
        .or(expression.strip_suffix("|to_json"))
        .or(part(expression))
        .unwrap_or(expression);
    let (path, keys) = match expression.strip_prefix('(') {
        Some(inside) => {
            let (inside, keys) = inside.split_once(')')?;
            let (path, condition) = inside.split_once(" if ")?;
            if condition.strip_suffix(" is not none") != Some(path) {
                return None;
            }
            (path, keys)
        }
        None => expression
            .match_indices("']")
            .next()
            .and_then(|(at, end)| expression.split_at_checked(at + end.len()))
            .unwrap_or((expression, "")),
    };
    let plain = keys.is_empty() || keys.starts_with("['") && keys.ends_with("']") && !keys.contains('\\');
    plain.then(|| Some(format!("{}:value{keys}", variable(path, names)?)))?
}

/// What is printed by an expression that prints a part of a dictionary.
fn part(expression: &str) -> Option<&str> {
    let (twice, _) = expression.split_once(" is string else ")?;
    let part = twice.get(..twice.len().checked_sub(" if ".len())? / 2)?;
    (part_as_text(part) == expression).then_some(part)
}

/// The name in CACAO of the variable or constant that a path reads.
pub(super) fn variable(path: &str, names: &Names) -> Option<String> {
    let rest = path.strip_prefix("variables").or(path.strip_prefix("constants"))?;
    let name = match rest.strip_prefix('.') {
        Some(name) => name,
        None => rest.strip_prefix("['")?.strip_suffix("']")?,
    };
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    plain.then(|| names.of(name))?
}
