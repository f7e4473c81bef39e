//! The operators between the words of a command: read as far as they go, as a shell does.

use super::place::{self, Wrong};
use super::simple::{Next, Redirection, Simple};

/// Those of more than one character. `((` is none of POSIX, and is not followed.
const LONG: [&str; 18] = [
    "&&", "||", ";;", ";&", ";;&", "|&", "<<", "<<-", "<<<", ">>", "<&", ">&", "<>", ">|", "&>", "&>>", "((",
    "<(",
];

/// Whether the character is, or begins, an operator.
pub(super) fn is_operator(c: char) -> bool {
    "|&;<>()".contains(c)
}

/// Whether the operator goes on with this character.
pub(super) fn goes_on(operator: &str, c: char) -> bool {
    // The second of `>(`.
    let is_process = operator == ">" && c == '(';
    is_process || LONG.iter().any(|long| long.strip_prefix(operator).is_some_and(|rest| rest.starts_with(c)))
}

/// What an operator does beyond the words of its own command.
pub(super) enum Does {
    /// Nothing.
    Nothing,
    /// Opens a pair of brackets.
    Opens,
    /// Closes it.
    Closes,
    /// What is not followed, for this reason.
    Unknown(Wrong),
}

/// Applies an operator; `is_glued` says that a word is right before it.
pub(super) fn apply(simple: &mut Simple, operator: &str, is_glued: bool) -> Does {
    let is_pattern = simple.next == Next::Pattern;
    match operator {
        "<" | ">" | ">>" | "<&" | ">&" | "<>" | ">|" => simple.redirection = Some(Redirection::Target),
        "<<<" => simple.redirection = Some(Redirection::Here),
        "<<" => simple.redirection = Some(Redirection::End { tabs: false }),
        "<<-" => simple.redirection = Some(Redirection::End { tabs: true }),
        "&>" | "&>>" | "<(" | ">(" => return Does::Unknown(place::AFTER_REDIRECTION),
        "((" => return Does::Unknown(place::AFTER_ARITHMETIC),
        "|" if is_pattern => {}
        "(" if is_pattern && !is_glued => {}
        "(" if is_glued || simple.next != Next::Program || simple.redirection.is_some() => {
            return Does::Unknown(place::AFTER_ARRAY);
        }
        "(" => return Does::Opens,
        ")" if is_pattern => simple.begin(),
        ")" => return Does::Closes,
        ";;" | ";&" | ";;&" if simple.cases > 0 => {
            simple.begin();
            simple.next = Next::Pattern;
        }
        _ => simple.begin(),
    }
    Does::Nothing
}
