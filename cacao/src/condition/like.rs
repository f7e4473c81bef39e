//! Patterns: what `LIKE` means as a regular expression, and whether the regular expression of `MATCHES` is one here.

use regex_automata::nfa::thompson;
use regex_syntax::ParserBuilder;
use updraft_protocol::limits::{PATTERN_BYTES, PATTERN_NESTING, PATTERN_SOURCE_BYTES};

/// The regular expression that a whole text has to match: `%` is any text, `_` any character.
pub(super) fn regex_of(like: &str) -> String {
    let mut regex = String::from("(?s)^");
    for char in like.chars() {
        match char {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            _ => regex.push_str(&regex_syntax::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}

/// Checks that a regular expression is one that the engine compiles, by the same limits.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(regex: &str) -> Result<(), String> {
    if regex.len() > PATTERN_SOURCE_BYTES {
        return Err(format!("a pattern has at most {PATTERN_SOURCE_BYTES} bytes"));
    }
    let tree = ParserBuilder::new().nest_limit(PATTERN_NESTING).build().parse(regex);
    let tree = tree.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => format!("no regular expression: {}", error.kind()),
        regex_syntax::Error::Translate(error) => format!("no regular expression: {}", error.kind()),
        _ => "no regular expression".to_owned(),
    })?;
    let config = thompson::Config::new()
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(PATTERN_BYTES));
    let built = thompson::Compiler::new().configure(config).build_from_hir(&tree);
    built
        .map(|_| ())
        .map_err(|_| "the pattern takes too much memory; shorter repetitions take less".to_owned())
}
