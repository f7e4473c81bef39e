//! The lexer: a Rust source taken apart into code and comments, so that a rule looks only where it should.
//! What a text literal says is in neither. Lines stay where they were.

use std::ops::Range;

use proc_macro2::{Span, TokenStream, TokenTree};

/// The parts of a source: each as long as the source in lines, blank where the other has something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) code: String,
    pub(crate) comments: String,
}

/// What a byte of a source belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Documentation is tokens too, but reads as a comment.
    Comment,
    Code,
    /// The inside of a text.
    Text,
}

/// Takes a source apart.
///
/// # Panics
/// It is no Rust.
#[allow(clippy::panic)]
pub(crate) fn split(source: &str) -> Parts {
    let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{error}: {source}"));
    let mut parts = vec![Part::Comment; source.len()];
    mark(tokens, source, &mut parts);
    let only = |wanted: Part| {
        let kept = |(at, c): (usize, char)| if c == '\n' || parts[at] == wanted { c } else { ' ' };
        source.char_indices().map(kept).collect()
    };
    Parts { code: only(Part::Code), comments: only(Part::Comment) }
}

fn mark(tokens: TokenStream, source: &str, parts: &mut [Part]) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                mark_one(group.span_open(), source, parts);
                mark_one(group.span_close(), source, parts);
                mark(group.stream(), source, parts);
            }
            other => mark_one(other.span(), source, parts),
        }
    }
}

fn mark_one(span: Span, source: &str, parts: &mut [Part]) {
    let range = span.byte_range();
    let text = &source[range.clone()];
    if text.starts_with("//") || text.starts_with("/*") {
        return;
    }
    let inside = inside(text);
    parts[range.clone()].fill(Part::Code);
    parts[range.start + inside.start..range.start + inside.end].fill(Part::Text);
}

/// What of a token is text: of a string what is between its quotes, of a character all of it.
fn inside(token: &str) -> Range<usize> {
    let quoted = token.len() > 2 && token.ends_with(['"', '\'', '#']);
    match (token.find('"'), token.rfind('"'), token.rfind('\'')) {
        (_, _, Some(last)) if quoted && last + 1 == token.len() => 0..token.len(),
        (Some(first), Some(last), _) if quoted => first + 1..last,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        let words: Vec<_> = split(source).code.split_whitespace().map(str::to_owned).collect();
        words.join(" ")
    }

    #[test]
    fn comments_and_code_are_told_apart_line_by_line() {
        let parts = split("a // b\n/* c\n/* d */ e */ f\n");
        assert_eq!(parts.code.lines().map(str::trim).collect::<Vec<_>>(), ["a", "", "f"]);
        assert_eq!(
            parts.comments.lines().map(str::trim).collect::<Vec<_>>(),
            ["// b", "/* c", "/* d */ e */"]
        );
    }

    #[test]
    fn what_a_text_says_is_in_neither_part() {
        assert_eq!(code(r#"a("x // y \" z") // c"#).replace(' ', ""), r#"a("")"#);
        assert_eq!(code("a(r#\"x \" y\"#, br\"\\\"); b").replace(' ', ""), "a(r#\"\"#,br\"\");b");
        assert!(split("\"// no comment\"").comments.trim().is_empty());
    }

    #[test]
    fn a_quote_in_a_character_opens_no_text_and_a_lifetime_no_character() {
        assert_eq!(code("f('\"', x) // c"), "f( , x)");
        assert_eq!(code(r"f('\'', x)"), "f( , x)");
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("r#type"), "r#type");
    }
}
