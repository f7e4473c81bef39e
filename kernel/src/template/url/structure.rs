//! Structure on demand: the filters by which an author lets a value be more than one segment or field. Owns their
//! names and where they may stand; `validate` lists each use.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// What a value is let be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Several segments of a path.
    Path,
    /// Pairs of a query.
    Query,
}

/// The filters, each with the place where it may stand.
const FILTERS: [(&str, &str); 3] = [
    ("path", "at the end of a `{{ … }}` in the path of a URL"),
    ("query", "at the end of a `{{ … }}` after the `?` of a URL"),
    ("spread", "at the end of a text that is one whole `{{ … }}`, in a query or form"),
];

/// The filters of structure that a text uses; `allowed` has those that may stand in it, `outermost` counts how often
/// one stands at the end of a `{{ … }}`.
///
/// # Errors
/// Where one stands elsewhere.
pub(crate) fn uses(
    source: &str,
    syntax: SyntaxConfig,
    allowed: &[&str],
    outermost: impl Fn(&str) -> usize,
) -> Result<Vec<&'static str>, String> {
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
