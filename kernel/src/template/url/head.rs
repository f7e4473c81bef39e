//! The part of a URL before its path: scheme, host and port, from literals and constants only. Checked with the
//! playbook; reads no value.

use minijinja::machinery::ast::{Expr, Stmt};

use super::endpoint::{base, begins_as_url};

/// A constant that a URL connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The URL's place in the playbook.
    pub(crate) place: String,
    /// Whether it is a variable, or a constant, which nothing but the playbook gives.
    pub(crate) is_variable: bool,
    /// The variable or constant.
    pub(crate) variable: String,
    /// The place in the variable: names of fields and indices of lists.
    pub(crate) keys: Vec<Key>,
    /// The part of the URL that it gives.
    pub(crate) gives: Gives,
}

impl Endpoint {
    /// Its approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        const KEY_BYTES: usize = size_of::<Key>() + 64;
        size_of::<Self>() + self.place.len() + self.variable.len() + 64 + self.keys.len() * KEY_BYTES
    }
}

/// A step into a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A field of a map.
    Field(String),
    /// An item of a list.
    Item(usize),
}

/// The part of a URL that a constant gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Scheme, host, port and prefix.
    Base,
    /// A part of the host, or the port.
    Host,
}

/// How far the head is read.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Start,
    Host,
    AfterBase,
}

const START: &str = "a URL begins with `https://` and a host that is written out, or with a constant: `{{ variables.edr }}/hosts`";
const BEFORE_PATH: &str = "before the path of a URL, only texts and constants may stand, such as `{{ variables.edr }}`: an alert or an answer never says where to connect to";

/// The constants that the URL connects to.
///
/// # Errors
/// Another expression is before its path.
pub(crate) fn endpoints(place: &str, children: &[Stmt<'_>]) -> Result<Vec<Endpoint>, String> {
    let (mut at, mut found, mut head) = (At::Start, vec![], String::new());
    for child in children {
        let text = match child {
            // A `set` prints nothing.
            Stmt::Set(_) => continue,
            Stmt::EmitRaw(raw) => raw.raw.to_owned(),
            Stmt::EmitExpr(emitted) => match &emitted.expr {
                Expr::Const(known) if known.value.as_str().is_some() => known.value.to_string(),
                expr => {
                    let (is_variable, variable, keys) = constant(expr).ok_or(BEFORE_PATH)?;
                    let gives = match at {
                        At::Start => Gives::Base,
                        At::Host => Gives::Host,
                        At::AfterBase => return Err(AFTER_BASE.to_owned()),
                    };
                    if at == At::Start {
                        at = At::AfterBase;
                    }
                    found.push(Endpoint { place: place.to_owned(), is_variable, variable, keys, gives });
                    continue;
                }
            },
            _ => return Err(BEFORE_PATH.to_owned()),
        };
        head.push_str(&text);
        let Some(next) = read(at, &text)? else { return written_out(&head, found) };
        at = next;
    }
    if at == At::Start { Err(START.to_owned()) } else { written_out(&head, found) }
}

/// Checks a head without constants, which is complete already.
fn written_out(head: &str, found: Vec<Endpoint>) -> Result<Vec<Endpoint>, String> {
    if found.is_empty() {
        let begin = head.find("://").map_or(0, |at| at + 3);
        let end = head
            .get(begin..)
            .and_then(|rest| rest.find(['/', '?', '#']))
            .map_or(head.len(), |end| begin + end);
        base(head.get(..end).unwrap_or_default())?;
    }
    Ok(found)
}

const AFTER_BASE: &str = "after a constant that a URL begins with, `/`, `?` or `#` is needed";

/// How far the head is read after `text`; `None` if the path has begun.
fn read(at: At, text: &str) -> Result<Option<At>, String> {
    let rest = match at {
        _ if text.is_empty() => return Ok(Some(at)),
        At::AfterBase if text.starts_with(['/', '?', '#']) => return Ok(None),
        At::AfterBase => return Err(AFTER_BASE.to_owned()),
        At::Start if begins_as_url(text) => text.split_once("://").map_or("", |(_, rest)| rest),
        At::Start => return Err(START.to_owned()),
        At::Host => text,
    };
    Ok(if rest.contains(['/', '?', '#']) { None } else { Some(At::Host) })
}

/// The name and the keys of `variables.a.b[0]` or `constants.a.b[0]`, and whether it is a variable; `None` for any other
/// expression.
fn constant(expr: &Expr<'_>) -> Option<(bool, String, Vec<Key>)> {
    let (mut expr, mut keys) = (expr, vec![]);
    let is_variable = loop {
        expr = match expr {
            Expr::GetAttr(attr) => {
                keys.push(Key::Field(attr.name.to_owned()));
                &attr.expr
            }
            Expr::GetItem(item) => {
                let Expr::Const(known) = &item.subscript_expr else { return None };
                keys.push(match known.value.as_str() {
                    Some(name) => Key::Field(name.to_owned()),
                    None => Key::Item(usize::try_from(known.value.clone()).ok()?),
                });
                &item.expr
            }
            Expr::Var(var) if matches!(var.id, "variables" | "constants") => break var.id == "variables",
            _ => return None,
        };
    };
    match keys.pop() {
        Some(Key::Field(variable)) => {
            keys.reverse();
            Some((is_variable, variable, keys))
        }
        _ => None,
    }
}
