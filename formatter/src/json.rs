//! JSON: a value a line, two blanks for each level. Owns the space between tokens alone: each token is copied as it is spelled. Knows that
//! the text is JSON, and does not check it.

use crate::Error;

/// The text in its layout.
///
/// # Errors
/// It would be too large, or is not proven.
pub(crate) fn format(text: &str, most: usize) -> Result<String, Error> {
    let laid_out = lay_out(text, most)?;
    if tokens(text).ne(tokens(&laid_out)) || lay_out(&laid_out, most)? != laid_out {
        return Err(Error::Unproven { line: 1 });
    }
    Ok(laid_out)
}

fn lay_out(text: &str, most: usize) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut before) = (0_usize, "");
    for token in tokens(text) {
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        let opened = matches!(before, "{" | "[");
        if (opened && !closes) || before == "," || (closes && !opened) {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str("  "));
        }
        out.push_str(token);
        match token {
            ":" => out.push(' '),
            "{" | "[" => depth += 1,
            _ => {}
        }
        before = token;
        if out.len() >= most {
            return Err(Error::TooLarge { most });
        }
    }
    out.push('\n');
    Ok(out)
}

/// The tokens of a JSON text, as they are spelled.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let end = match rest.as_bytes().first()? {
            b'"' => end_of_string(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest.find([' ', '\t', '\n', '\r', '{', '}', '[', ']', ',', ':', '"']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(token)
    })
}

/// Where the string ends with which a text begins.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let close = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    close.map_or(text.len(), |close| close + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_spelling() {
        let text =
            "{\"b\" :[1.10,-0,1E+2 , \"\\u0041\\\"[,]\\\\\" ],\r\n\"a\":{ },\"c\":[\n],\"d\":{\"e\":null}}";
        let laid_out = "{\n  \"b\": [\n    1.10,\n    -0,\n    1E+2,\n    \"\\u0041\\\"[,]\\\\\"\n  ],\n  \"a\": {},\n  \
                        \"c\": [],\n  \"d\": {\n    \"e\": null\n  }\n}\n";
        assert_eq!(format(text, 1_000), Ok(laid_out.to_owned()));
        assert_eq!(format(laid_out, 1_000), Ok(laid_out.to_owned()));
    }

    #[test]
    fn indentation_does_not_grow_beyond_the_bound() {
        let text = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(format(&text, 1_000), Err(Error::TooLarge { most: 1_000 }));
    }
}
