//! Structure on demand: the filters by which an author allows a value to be more than one segment or field. Owns their
//! names and their allowed places; `validate` lists each use.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// The structure that a value is allowed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Several segments of a path.
    Path,
    /// Pairs of a query.
    Query,
    /// Several words of a command.
    Words,
}

/// The filters, each with its allowed place.
const FILTERS: [(&str, &str); 3] = [
    ("path", "at the end of a `{{ … }}` in the path of a URL"),
    ("query", "at the end of a `{{ … }}` after the `?` of a URL"),
    (
        "spread",
        "at the end of a text that is one whole `{{ … }}`, in a query or form, or of a `{{ … }}` in a command",
    ),
];

/// The filters of structure that a text uses; `allowed` has those that it may use, `outermost` counts how often one is
/// the last of a `{{ … }}`.
///
/// # Errors
/// A filter is at another place.
pub(crate) fn uses(
    source: &str,
    syntax: SyntaxConfig,
    allowed: &[&str],
    outermost: impl Fn(&str) -> usize,
) -> Result<Vec<&'static str>, String> {
    // A filter follows a pipe.
    if !source.contains('|') {
        return Ok(vec![]);
    }
    let mut counts = [0_usize; FILTERS.len()];
    let mut piped = false;
    for token in tokenize(source, false, syntax).map_while(Result::ok) {
        if let Token::Ident(name) = token.0
            && piped
            && let Some(at) = FILTERS.iter().position(|(filter, _)| *filter == name)
            && let Some(count) = counts.get_mut(at)
        {
            *count += 1;
        }
        piped = matches!(token.0, Token::Pipe);
    }
    let mut used = vec![];
    for ((name, place), count) in FILTERS.into_iter().zip(counts) {
        if count > 0 && (!allowed.contains(&name) || outermost(name) != count) {
            return Err(format!("`{name}` lets a value be structure: it may stand only {place}"));
        }
        if count > 0 {
            used.push(name);
        }
    }
    Ok(used)
}
