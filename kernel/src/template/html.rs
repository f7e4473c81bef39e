//! HTML: where a value may stand in the author's text, and as what. A value is text there, whatever it has in it: it opens no tag,
//! ends no attribute, and is no place to connect to. Follows the tokenizer of HTML (WHATWG, 13.2.5) in what that needs.

mod attribute;
mod check;

use attribute::{Attribute, Begun};
pub(super) use check::check;

use super::url::encode;

/// Elements whose content is no text with entities in it.
const RAW: [&str; 12] = [
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "script",
    "style",
    "svg",
    "textarea",
    "title",
    "xmp",
];
/// No name of an element or attribute that matters here is longer.
const NAME_BYTES: usize = 32;

const NO_TEXT: &str = "a value stands in the text of HTML, or in an attribute in quotes: not in a tag, a comment, `script` or `style`";

/// How far the author's text has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(Place);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    /// After `<`, with what has come of the name.
    Opening(String),
    /// In the tag of an element, between its attributes or in the name of one.
    Tag {
        element: String,
        name: String,
        has_ended: bool,
    },
    /// After the `=` of an attribute.
    Begins {
        element: String,
        attribute: String,
    },
    Quoted {
        element: String,
        quote: char,
        begun: Begun,
    },
    Unquoted {
        element: String,
    },
    /// With how many `-` at its end.
    Comment(u8),
    /// In an element whose content is no text, with the end of what has come.
    Raw {
        element: String,
        tail: String,
    },
}

impl Html {
    /// Follows a text of the author.
    pub(super) fn literal(&mut self, text: &str) {
        for c in text.chars() {
            self.0 = std::mem::take(&mut self.0).after(c);
        }
    }

    /// What is printed of a value that stands here.
    ///
    /// # Errors
    /// No value may stand here.
    pub(super) fn value(&self, text: &str) -> Result<String, &'static str> {
        let mut out = String::with_capacity(text.len());
        match &self.0 {
            Place::Text => escape(&mut out, text),
            Place::Quoted { begun, .. } => match begun.value()? {
                Attribute::Text => escape(&mut out, text),
                Attribute::Url => encode(&mut out, text),
            },
            _ => return Err(NO_TEXT),
        }
        Ok(out)
    }
}

impl Place {
    fn after(self, c: char) -> Self {
        match self {
            Self::Text if c == '<' => Self::Opening(String::new()),
            Self::Text => Self::Text,
            Self::Opening(name) => opening(name, c),
            Self::Tag { element, name, has_ended } => in_tag(element, (name, has_ended), c),
            Self::Begins { element, attribute } => match c {
                '"' | '\'' => Self::Quoted { element, quote: c, begun: Begun::of(&attribute) },
                '>' => Self::within(element),
                c if c.is_ascii_whitespace() => Self::Begins { element, attribute },
                _ => Self::Unquoted { element },
            },
            Self::Quoted { element, quote, .. } if c == quote => Self::between(element),
            Self::Quoted { element, quote, begun } => Self::Quoted { element, quote, begun: begun.after(c) },
            Self::Unquoted { element } => match c {
                '>' => Self::within(element),
                c if c.is_ascii_whitespace() => Self::between(element),
                _ => Self::Unquoted { element },
            },
            Self::Comment(dashes) => match c {
                '>' if dashes >= 2 => Self::Text,
                '-' => Self::Comment((dashes + 1).min(2)),
                _ => Self::Comment(0),
            },
            Self::Raw { element, mut tail } => {
                let end = format!("</{element}");
                let ends_name = c.is_ascii_whitespace() || matches!(c, '/' | '>');
                // `plaintext` has no end.
                if ends_name && tail == end && element != "plaintext" {
                    return Self::Opening(format!("/{element}")).after(c);
                }
                push(&mut tail, c, NAME_BYTES);
                let from = tail.len().saturating_sub(end.len());
                let from = (from..=tail.len()).find(|at| tail.is_char_boundary(*at)).unwrap_or_default();
                Self::Raw { element, tail: tail.split_off(from) }
            }
        }
    }

    /// In the tag of an element, after an attribute.
    fn between(element: String) -> Self {
        Self::Tag { element, name: String::new(), has_ended: false }
    }

    /// After the tag of an element.
    fn within(element: String) -> Self {
        if RAW.contains(&element.as_str()) { Self::Raw { element, tail: String::new() } } else { Self::Text }
    }
}

fn opening(mut name: String, c: char) -> Place {
    let is_name = name.strip_prefix('/').unwrap_or(&name).starts_with(|c: char| c.is_ascii_alphabetic());
    let is_markup = name.starts_with(['!', '?']) || (name.len() > 1 && name.starts_with('/'));
    match c {
        '>' if is_name => Place::within(name),
        '>' if is_markup || name == "/" => Place::Text,
        c if is_name && (c.is_ascii_whitespace() || c == '/') => Place::between(name),
        c if is_name || is_markup => {
            push(&mut name, c, NAME_BYTES);
            if name == "!--" { Place::Comment(2) } else { Place::Opening(name) }
        }
        c if c.is_ascii_alphabetic() || (name.is_empty() && matches!(c, '/' | '!' | '?')) => {
            push(&mut name, c, NAME_BYTES);
            Place::Opening(name)
        }
        '<' if name.is_empty() => Place::Opening(name),
        // `</` and then no name: a comment up to the next `>`.
        _ if name == "/" => Place::Opening("!".to_owned()),
        // It was no tag.
        _ => Place::Text,
    }
}

fn in_tag(element: String, (mut name, has_ended): (String, bool), c: char) -> Place {
    match c {
        '>' => Place::within(element),
        '=' if !name.is_empty() => Place::Begins { element, attribute: name },
        '/' => Place::between(element),
        c if c.is_ascii_whitespace() => {
            let has_ended = !name.is_empty();
            Place::Tag { element, name, has_ended }
        }
        c => {
            if has_ended {
                name.clear();
            }
            push(&mut name, c, NAME_BYTES);
            Place::Tag { element, name, has_ended: false }
        }
    }
}

/// Adds a character of a name, in lower case; a name that is too long is none that matters.
fn push(name: &mut String, c: char, most: usize) {
    if name.len() < most {
        name.push(c.to_ascii_lowercase());
    }
}

/// The text as text of HTML, also between quotes.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Old readers take it for a quote.
            '`' => out.push_str("&#96;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
