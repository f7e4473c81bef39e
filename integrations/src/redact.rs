//! The redactor: takes the secrets that a request carried out of what its tool sent back, in every spelling that texts of
//! tools are known to have. Keeps the secrets for one attempt.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use updraft_protocol::{Number, Value};

/// What stands where a tool sent a secret back.
const REDACTED: &str = "***";

/// The shortest base64 that is taken for a secret's: fewer characters stand in many a text by chance.
const BASE64_CHARACTERS: usize = 6;

/// The shortest beginning of a secret that is taken for one at the end of a text that was cut.
const BEGUN_BYTES: usize = 3;

/// The secrets that one request carried: a tool that echoes them does not bring them into the playbook's
/// data.
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
    spellings: Vec<String>,
}

impl Redactor {
    pub(crate) fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        for spelling in spellings(secret) {
            if !self.spellings.contains(&spelling) {
                self.spellings.push(spelling);
            }
        }
        self.secrets.push(secret.to_owned());
    }

    /// Whether no secret was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// `text` without the secrets; where two overlap, without both.
    pub(crate) fn text(&self, text: String) -> String {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for spelling in &self.spellings {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(spelling.as_str())) {
                let start = from + at;
                found.push((start, start + spelling.len()));
                let first = spelling.chars().next().map_or(1, char::len_utf8);
                from = start + first;
            }
        }
        if found.is_empty() {
            return text;
        }
        found.sort_unstable();
        let mut redacted = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end) in found {
            if start >= done && (start > done || done == 0) {
                redacted.push_str(text.get(done..start).unwrap_or_default());
                redacted.push_str(REDACTED);
            }
            done = done.max(end);
        }
        redacted.push_str(text.get(done..).unwrap_or_default());
        redacted
    }

    /// `text` without the secrets; where it was cut, also without one that begins at its end and was cut with it.
    pub(crate) fn beginning(&self, text: String, is_cut: bool) -> String {
        let mut text = self.text(text);
        if !is_cut {
            return text;
        }
        let begun = |spelling: &String| {
            let begins = spelling.char_indices().rev().map(|(at, _)| at);
            let mut begins = begins.take_while(|at| *at >= BEGUN_BYTES).filter_map(|at| spelling.get(..at));
            begins.find(|begin| text.ends_with(begin)).map(str::len)
        };
        if let Some(begun) = self.spellings.iter().filter_map(begun).max() {
            text.truncate(text.len() - begun);
            text.push_str(REDACTED);
        }
        text
    }

    /// `value` without the secrets, in texts, names of fields and numbers.
    pub(crate) fn value(&self, value: Value) -> Value {
        if self.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, value)| (self.text(name), self.value(value))).collect(),
            ),
            Value::Number(number) if self.is_secret(&number) => Value::String(REDACTED.to_owned()),
            other => other,
        }
    }

    fn is_secret(&self, number: &Number) -> bool {
        self.secrets.iter().any(|secret| Number::parse(secret).as_ref() == Some(number))
    }
}

/// How a text may spell the secret: as it is, in JSON, in a URL or form, in HTML, in base64 at any place of a longer text.
fn spellings(secret: &str) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let mut all = vec![
        secret.to_owned(),
        json(secret, |_| false),
        json(secret, |c| c == '/'),
        json(secret, |c| !c.is_ascii()),
        json(secret, |c| !c.is_ascii() || c == '/'),
        json(secret, |c| "<>&'".contains(c)),
        percent(secret, plain, true),
        percent(secret, plain, false),
        percent(secret, |c| plain(c) || "!*'()".contains(c), true),
        percent(secret, |c| plain(c) || c == ' ' || c == '*', true).replace(' ', "+"),
        html(secret),
    ];
    for before in 0..3 {
        let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // Characters of base64 that hold bits of the neighbours are left out.
        let (start, end) = (before.div_ceil(3) + before, bytes.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let own = encoded.get(start..end).filter(|own| own.len() >= BASE64_CHARACTERS);
            all.extend(own.map(str::to_owned));
        }
    }
    all
}

/// In a text of JSON, with `\u` or `\/` for the characters that need no escape but may have one.
fn json(secret: &str, escaped: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(secret.len());
    for c in secret.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '/' if escaped(c) => text.push_str("\\/"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' || escaped(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing into a text does not fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            c => text.push(c),
        }
    }
    text
}

fn percent(secret: &str, plain: impl Fn(char) -> bool, upper: bool) -> String {
    let mut text = String::with_capacity(secret.len());
    for c in secret.chars() {
        if plain(c) {
            text.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = if upper { write!(text, "%{byte:02X}") } else { write!(text, "%{byte:02x}") };
        }
    }
    text
}

fn html(secret: &str) -> String {
    let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.add(secret));
        redactor
    }

    #[test]
    fn an_echoed_secret_is_redacted_wherever_it_stands() {
        let redactor = redactor(&["hunter2", "4711", ""]);
        let echo = json!({"a": ["Bearer hunter2"], "hunter2": {"b": 4711, "c": 47110}});
        let redacted = redactor.value(echo.into());
        assert_eq!(redacted, json!({"a": ["Bearer ***"], "***": {"b": "***", "c": 47110}}));
    }

    #[test]
    fn a_secret_that_is_a_number_is_redacted_in_its_digits() {
        let redactor = redactor(&["12345678901234567890123", "1.10"]);
        let value = Value::parse("[12345678901234567890123, 1.1, 12345678901234567890124]").unwrap();
        assert_eq!(redactor.value(value).to_string(), r#"["***","***",12345678901234567890124]"#);
    }

    #[test]
    fn of_secrets_that_overlap_nothing_stays() {
        for (secrets, text, redacted) in [
            (&["key", "key-and-more"][..], "a key-and-more b key c", "a *** b *** c"),
            (&["abcd", "cdef"], "xabcdefx", "x***x"),
            (&["aba"], "ababa", "***"),
            (&["ab", "cd"], "abcd", "***"),
            (&["ab"], "ab", "***"),
            (&["ab"], "no secret", "no secret"),
        ] {
            let redacted_text = redactor(secrets).text(text.to_owned());
            assert_eq!(redacted_text, redacted, "{text}");
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_redacted_at_the_end_of_a_text() {
        let redactor = redactor(&["super-secret/token"]);
        for (text, rest) in [
            ("a super-secret/tok", "a ***"),
            ("a super-secret%2Fto", "a ***"),
            ("a sup", "a ***"),
            ("a su", "a su"),
            ("super-secret/token super", "*** ***"),
            ("super- and more", "super- and more"),
        ] {
            assert_eq!(redactor.beginning(text.to_owned(), true), rest, "{text}");
        }
        assert_eq!(redactor.beginning("a super-s".to_owned(), false), "a super-s", "nothing was cut");
    }

    #[test]
    fn a_secret_in_another_spelling_is_redacted() {
        let secret = "p\"ss\\w/rd <ä> & 'x' + %";
        let redactor = redactor(&[secret]);
        let quoted = json!(secret).to_string();
        let url = "https://h/?q=p%22ss%5Cw%2Frd%20%3C%C3%A4%3E%20%26%20%27x%27%20%2B%20%25";
        let form = "q=p%22ss%5Cw%2Frd+%3C%C3%A4%3E+%26+%27x%27+%2B+%25&b=1";
        let basic = STANDARD_NO_PAD.encode(format!("user:{secret}"));
        let ascii = r#"p\"ss\\w/rd <\u00e4> & 'x' + %"#;
        for (text, rest) in [
            (quoted.as_str(), "\"***\""),
            (url, "https://h/?q=***"),
            (form, "q=***&b=1"),
            (ascii, "***"),
            (&html(secret), "***"),
        ] {
            assert_eq!(redactor.text(text.to_owned()), rest);
        }
        for before in ["", "u", "user:", "us:"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{secret} and more"));
            let own = STANDARD_NO_PAD.encode(secret);
            let redacted = redactor.text(text.clone());
            assert!(redacted.contains(REDACTED) && redacted.len() + own.len() - 8 < text.len(), "{redacted}");
        }
        assert!(redactor.text(basic).contains(REDACTED));
    }
}
