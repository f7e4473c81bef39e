//! Masks of personal data in what becomes a test case: each e-mail address, each value under a usual name of people and each value
//! that is named becomes a placeholder, the same one wherever it stands. Of an address the domain stays, which playbooks decide by.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Value;

/// Fields whose texts name a person.
const PERSONAL: [&str; 26] = [
    "user",
    "username",
    "user_name",
    "userid",
    "user_id",
    "uid",
    "login",
    "logon",
    "account",
    "owner",
    "mail",
    "email",
    "e_mail",
    "upn",
    "phone",
    "mobile",
    "telephone",
    "first_name",
    "last_name",
    "full_name",
    "display_name",
    "given_name",
    "surname",
    "reported_by",
    "analyst",
    "manager",
];
/// Fields that only a person has.
const ADDRESSED: [&str; 5] = ["mail", "email", "e_mail", "upn", "username"];
/// A shorter text stands in too many others by chance: it is replaced only where it is the whole text.
const WHOLE_BYTES: usize = 5;

/// What is replaced by what.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    /// In small letters; the longest first, so that an address goes before the name that it begins with.
    texts: Vec<(String, String)>,
    numbers: u32,
    /// By the texts in small letters.
    known: BTreeMap<String, String>,
    /// Short texts that are replaced where they are words, too.
    words: BTreeSet<String>,
}

impl Masks {
    /// What a value has at a place, such as `input.user.mail`; the value is called `root`.
    pub fn place<'v>(root: &str, value: &'v Value, place: &str) -> Option<&'v Value> {
        let inner = place.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let path = inner.unwrap_or(place);
        if place.trim().is_empty() {
            return None;
        }
        path.split(['.', '[']).filter(|key| !key.is_empty()).try_fold(value, |here, key| {
            match key.strip_suffix(']').and_then(|at| at.parse::<usize>().ok()) {
                Some(at) => here.as_array()?.get(at),
                None => here.get(key),
            }
        })
    }

    /// Masks what usually names people.
    pub fn personal(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let field = |name: &String| name.to_ascii_lowercase().replace('-', "_");
                // What has an address is a person, and its name is one too.
                let is_person = fields.keys().any(|name| ADDRESSED.contains(&field(name).as_str()));
                for (name, value) in fields {
                    let name = field(name);
                    let is_personal = PERSONAL.contains(&name.as_str()) || (is_person && name == "name");
                    match value {
                        Value::String(text) if is_personal => self.text(text),
                        Value::Array(items) if is_personal => {
                            items.iter().filter_map(Value::as_str).for_each(|text| self.text(text));
                        }
                        _ => {}
                    }
                    self.personal(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.personal(item)),
            Value::String(text) => addresses(text).into_iter().for_each(|address| self.text(address)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Masks every text and number of a value, also where a short one stands in a text as a word; whether there is one.
    pub fn all(&mut self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.named(text),
            Value::Number(number) => self.named(&number.to_string()),
            Value::Array(items) => items.iter().filter(|item| self.all(item)).count() > 0,
            Value::Object(fields) => fields.values().filter(|value| self.all(value)).count() > 0,
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn named(&mut self, text: &str) -> bool {
        self.text(text);
        if text.len() < WHOLE_BYTES {
            self.words.insert(lower(text));
        }
        !text.trim().is_empty()
    }

    /// Masks the name of a person.
    pub fn person(&mut self, name: &str) {
        self.text(name);
    }

    fn text(&mut self, text: &str) {
        if text.trim().is_empty() || self.known.contains_key(&lower(text)) {
            return;
        }
        self.numbers += 1;
        let person = format!("person-{}", self.numbers);
        let placeholder = match addresses(text).as_slice() {
            [only] if *only == text => {
                let (name, domain) = text.split_once('@').unwrap_or((text, ""));
                self.add(name, &person);
                format!("{person}@{domain}")
            }
            _ => person,
        };
        self.add(text, &placeholder);
    }

    /// Tools write a text in other cases, and URLs encode it: these are masked with it.
    fn add(&mut self, text: &str, placeholder: &str) {
        for text in [lower(text), lower(&encoded(text, "%20")), lower(&encoded(text, "+"))] {
            if self.known.insert(text.clone(), placeholder.to_owned()).is_none() {
                self.texts.push((text, placeholder.to_owned()));
            }
        }
        self.texts.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
    }

    /// The value with placeholders.
    #[must_use]
    pub fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.masked_text(text)),
            Value::Number(number) => match self.known.get(&number.to_string()) {
                Some(placeholder) => Value::String(placeholder.clone()),
                None => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.masked(item)).collect()),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(name, value)| (self.masked_text(name), self.masked(value))).collect(),
            ),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// The text with placeholders.
    #[must_use]
    pub fn masked_text(&self, text: &str) -> String {
        if let Some(placeholder) = self.known.get(&lower(text)) {
            return placeholder.clone();
        }
        self.texts.iter().fold(text.to_owned(), |text, (part, placeholder)| match part.len() {
            WHOLE_BYTES.. => replaced(text, part, placeholder, |_, _| true),
            _ if self.words.contains(part) => replaced(text, part, placeholder, is_word),
            _ => text,
        })
    }

    /// How many values are masked.
    pub fn count(&self) -> u32 {
        self.numbers
    }
}

/// A text in small letters, each as long as it was: letters beyond ASCII stay.
fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// A text as a URL has it, with this in the place of a blank.
fn encoded(text: &str, blank: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(blank),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A text in which a part, which is in small letters, is replaced in whatever case it stands, where that may be by what is before
/// and behind it.
fn replaced(text: String, part: &str, by: &str, may: impl Fn(&str, &str) -> bool) -> String {
    let small = lower(&text);
    let (mut replaced, mut from) = (String::new(), 0);
    for (at, _) in small.match_indices(part) {
        let end = at + part.len();
        let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(end..).unwrap_or_default());
        if may(before, behind) {
            replaced.push_str(text.get(from..at).unwrap_or_default());
            replaced.push_str(by);
            from = end;
        }
    }
    if from == 0 {
        return text;
    }
    replaced.push_str(text.get(from..).unwrap_or_default());
    replaced
}

/// Whether what stands between these is a word.
fn is_word(before: &str, behind: &str) -> bool {
    !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric)
}

/// The e-mail addresses in a text.
fn addresses(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '@');
    let words = text.split(|c: char| !is_part(c)).map(|word| word.trim_matches(['.', '-']));
    let is_address = |word: &&str| {
        word.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.starts_with('.')
        })
    };
    words.filter(is_address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_become_the_same_placeholder_wherever_they_stand() {
        let input = Value::from(json!({
            "reported_by": "ines.moreau@contoso.com", "host": "ws-17",
            "text": "from ines.moreau@contoso.com to jo@b.example.", "message": {"user": "al"}, "id": 4711,
        }));
        let mut masks = Masks::default();
        assert!(masks.all(Masks::place("input", &input, "input.id").unwrap()));
        masks.personal(&input);
        let masked = masks.masked(&input);
        let expected = json!({
            "reported_by": "person-3@contoso.com", "host": "ws-17",
            "text": "from person-3@contoso.com to person-4@b.example.", "message": {"user": "person-2"}, "id": "person-1",
        });
        assert_eq!(masked, expected);
        let person = Value::from(json!({"name": "Ines Moreau", "mail": "ines.moreau@contoso.com"}));
        masks.personal(&person);
        assert_eq!(masks.masked(&person)["name"], json!("person-5"));
        let path = Value::from("/users/ines.moreau/sessions");
        assert_eq!(masks.masked(&path), Value::from("/users/person-3/sessions"));
        assert_eq!(masks.masked_text("also"), "also", "a short name is replaced where it is all of a text");
        for missing in ["input.who", "inputs.id", "inputid", "", "input.id.x", "input[0]"] {
            assert_eq!(Masks::place("input", &input, missing), None, "{missing}");
        }
    }

    #[test]
    fn a_mask_finds_a_text_however_a_tool_writes_it() {
        let input =
            Value::from(json!({"who": "Al", "name": "Max Müller", "mail": "Ines.M@b.example", "flag": true}));
        let mut masks = Masks::default();
        for place in ["input.who", "name", "input.mail"] {
            assert!(masks.all(Masks::place("input", &input, place).unwrap()), "{place}");
        }
        assert!(!masks.all(&input["flag"]), "there is nothing to mask");
        for (text, masked) in [
            ("also AL, and al's", "also person-1, and person-1's"),
            ("/users/max%20m%c3%bcller?q=Max+M%C3%BCller", "/users/person-2?q=person-2"),
            ("ines.m@B.EXAMPLE wrote", "person-3@b.example wrote"),
            ("INES.M", "person-3"),
        ] {
            assert_eq!(masks.masked_text(text), masked);
        }
    }
}
