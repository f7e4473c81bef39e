//! Escapes: how JSON, URLs, forms, HTML and XML encode one character by others. Owns their grammar, read a byte at a
//! time; does not know where the bytes are from.

/// The longest known name of an entity.
const NAME_BYTES: usize = 7;
/// Digits of an entity, including leading zeros: tools pad to at most eight.
const NUMBER_DIGITS: u8 = 8;

/// Named entities of HTML and XML, by their names in lower case: those that are used for ASCII.
const NAMED: [(&[u8], char); 37] = [
    (b"amp", '&'),
    (b"apos", '\''),
    (b"ast", '*'),
    (b"bsol", '\\'),
    (b"colon", ':'),
    (b"comma", ','),
    (b"commat", '@'),
    (b"dollar", '$'),
    (b"equals", '='),
    (b"excl", '!'),
    (b"grave", '`'),
    (b"gt", '>'),
    (b"hat", '^'),
    (b"lbrace", '{'),
    (b"lbrack", '['),
    (b"lcub", '{'),
    (b"lowbar", '_'),
    (b"lpar", '('),
    (b"lsqb", '['),
    (b"lt", '<'),
    (b"nbsp", '\u{a0}'),
    (b"newline", '\n'),
    (b"num", '#'),
    (b"percnt", '%'),
    (b"period", '.'),
    (b"plus", '+'),
    (b"quest", '?'),
    (b"quot", '"'),
    (b"rbrace", '}'),
    (b"rbrack", ']'),
    (b"rcub", '}'),
    (b"rpar", ')'),
    (b"rsqb", ']'),
    (b"semi", ';'),
    (b"sol", '/'),
    (b"tab", '\t'),
    (b"vert", '|'),
];

/// An escape, as far as it has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Escape {
    /// After `%` or `\x`: a byte in two digits.
    Byte { digits: u8, value: u32 },
    /// After a backslash.
    #[default]
    Backslash,
    /// After `\u`: a unit of UTF-16 in four digits; the second of a pair if there is a first.
    Unit { first: Option<u16>, digits: u8, value: u32 },
    /// After the first unit of a pair.
    Between { first: u16, slashed: bool },
    /// After `&`.
    Name { letters: [u8; NAME_BYTES], len: u8 },
    /// After `&#`.
    Number { radix: u32, digits: u8, value: u32 },
}

/// The result of one more byte in an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It continues.
    On(Escape),
    /// It is complete, and represents this character.
    Character(char),
    /// It is complete, and represents this byte, which may be a part of a character.
    Byte(u8),
    /// It is no escape.
    Not,
}

/// Whether an escape may begin with this byte.
pub(crate) fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | b'+')
}

/// The result of the first byte of an escape.
pub(crate) fn begin(byte: u8) -> Step {
    match byte {
        b'\\' => Step::On(Escape::Backslash),
        b'%' => Step::On(Escape::Byte { digits: 0, value: 0 }),
        b'&' => Step::On(Escape::Name { letters: [0; NAME_BYTES], len: 0 }),
        // A blank in a form.
        b'+' => Step::Byte(b' '),
        _ => Step::Not,
    }
}

impl Escape {
    /// The result of one more byte.
    pub(crate) fn then(self, byte: u8) -> Step {
        match self {
            Self::Byte { digits, value } => match hex(value, byte) {
                Some(value) if digits == 0 => Step::On(Self::Byte { digits: 1, value }),
                Some(value) => u8::try_from(value).map_or(Step::Not, Step::Byte),
                None => Step::Not,
            },
            Self::Backslash => after_backslash(byte),
            Self::Unit { first, digits, value } => match hex(value, byte) {
                Some(value) if digits < 3 => Step::On(Self::Unit { first, digits: digits + 1, value }),
                Some(value) => u16::try_from(value).map_or(Step::Not, |unit| after_unit(first, unit)),
                None => Step::Not,
            },
            Self::Between { first, slashed: false } if byte == b'\\' => {
                Step::On(Self::Between { first, slashed: true })
            }
            Self::Between { first, slashed: true } if byte == b'u' => {
                Step::On(Self::Unit { first: Some(first), digits: 0, value: 0 })
            }
            Self::Between { .. } => Step::Not,
            Self::Name { len: 0, .. } if byte == b'#' => {
                Step::On(Self::Number { radix: 10, digits: 0, value: 0 })
            }
            Self::Name { letters, len } => after_letter(letters, len, byte),
            Self::Number { radix: 10, digits: 0, .. } if byte.eq_ignore_ascii_case(&b'x') => {
                Step::On(Self::Number { radix: 16, digits: 0, value: 0 })
            }
            Self::Number { radix, digits, value } => after_digit(radix, digits, value, byte),
        }
    }
}

fn hex(value: u32, byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16).map(|digit| value * 16 + digit)
}

fn after_backslash(byte: u8) -> Step {
    Step::Byte(match byte {
        b'"' | b'\\' | b'/' | b'\'' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return Step::On(Escape::Unit { first: None, digits: 0, value: 0 }),
        // Not in JSON, but in shells and programming languages, whose texts tools send as well.
        b'x' => return Step::On(Escape::Byte { digits: 0, value: 0 }),
        _ => return Step::Not,
    })
}

fn after_unit(first: Option<u16>, unit: u16) -> Step {
    if first.is_none() && (0xD800..0xDC00).contains(&unit) {
        return Step::On(Escape::Between { first: unit, slashed: false });
    }
    let mut characters = char::decode_utf16(first.into_iter().chain([unit]));
    match (characters.next(), characters.next()) {
        (Some(Ok(character)), None) => Step::Character(character),
        _ => Step::Not,
    }
}

fn after_letter(mut letters: [u8; NAME_BYTES], len: u8, byte: u8) -> Step {
    if byte == b';' {
        let name = letters.get(..usize::from(len)).unwrap_or_default();
        let known = NAMED.iter().find(|(known, _)| *known == name);
        return known.map_or(Step::Not, |(_, character)| Step::Character(*character));
    }
    match letters.get_mut(usize::from(len)) {
        Some(letter) if byte.is_ascii_alphabetic() => *letter = byte.to_ascii_lowercase(),
        _ => return Step::Not,
    }
    Step::On(Escape::Name { letters, len: len + 1 })
}

fn after_digit(radix: u32, digits: u8, value: u32, byte: u8) -> Step {
    if byte == b';' && digits > 0 {
        return char::from_u32(value).map_or(Step::Not, Step::Character);
    }
    match char::from(byte).to_digit(radix) {
        Some(digit) if digits < NUMBER_DIGITS => {
            let value = value.saturating_mul(radix).saturating_add(digit);
            Step::On(Escape::Number { radix, digits: digits + 1, value })
        }
        _ => Step::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Step {
        let (first, rest) = text.as_bytes().split_first().unwrap();
        rest.iter().fold(begin(*first), |step, byte| match step {
            Step::On(escape) => escape.then(*byte),
            _ => Step::Not,
        })
    }

    #[test]
    fn an_escape_stands_for_its_character() {
        for (text, character) in [
            (r#"\""#, '"'),
            (r"\\", '\\'),
            (r"\/", '/'),
            (r"\n", '\n'),
            (r"\u0041", 'A'),
            (r"\u00E4", 'ä'),
            (r"\ud83e\uDD80", '🦀'),
            ("&amp;", '&'),
            ("&QUOT;", '"'),
            ("&nbsp;", '\u{a0}'),
            ("&NewLine;", '\n'),
            ("&#38;", '&'),
            ("&#00000038;", '&'),
            ("&#x26;", '&'),
            ("&#X0026;", '&'),
            ("&#x1F980;", '🦀'),
        ] {
            let plain = u8::try_from(character).ok().filter(u8::is_ascii);
            let bytes = plain.map_or(Step::Not, Step::Byte);
            assert!([Step::Character(character), bytes].contains(&read(text)), "{text}: {:?}", read(text));
        }
        assert_eq!(
            (read("%c3"), read("%C3"), read(r"\xc3")),
            (Step::Byte(0xC3), Step::Byte(0xC3), Step::Byte(0xC3))
        );
        assert_eq!(read("+"), Step::Byte(b' '));
    }

    #[test]
    fn what_is_no_escape_stands_for_nothing() {
        for text in [
            r"\q",
            r"\u00g1",
            r"\ud83e\n",
            r"\ud83ex",
            r"\udd80",
            r"\ud83e\u0041",
            "%4g",
            "%g",
            "&;",
            "&foo;",
            "&amp,",
            "&unknowns;",
            "&#;",
            "&#x;",
            "&#xg;",
            "&#xd800;",
            "&#99999999;",
            "&#000000038;",
            "a",
        ] {
            assert_eq!(read(text), Step::Not, "{text}");
        }
    }

    #[test]
    fn named_entities_fit_and_are_in_lower_case() {
        for (name, character) in NAMED {
            assert!(name.len() <= NAME_BYTES && name.iter().all(u8::is_ascii_lowercase), "{character}");
        }
    }
}
