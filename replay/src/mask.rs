//! Masks of personal data in what becomes a test case: each e-mail address, each value under a usual name of people and each value
//! that is named becomes a placeholder, the same one wherever it stands. Of an address the domain stays, which playbooks decide by.

use std::collections::BTreeMap;

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
    /// The longest first, so that an address goes before the name that it begins with.
    texts: Vec<(String, String)>,
    numbers: u32,
    known: BTreeMap<String, String>,
}

impl Masks {
    /// Masks what a value has at these places, such as `input.user.mail`, with all that is below; the value is called `root`.
    ///
    /// # Errors
    /// The place that the value does not have.
    pub fn places(&mut self, root: &str, value: &Value, places: &[String]) -> Result<(), String> {
        for place in places {
            let path = place.strip_prefix(root).map_or(place.as_str(), |rest| rest.trim_start_matches('.'));
            let found = path.split(['.', '[']).filter(|key| !key.is_empty()).try_fold(value, |here, key| {
                match key.strip_suffix(']').and_then(|at| at.parse::<usize>().ok()) {
                    Some(at) => here.as_array()?.get(at),
                    None => here.get(key),
                }
            });
            let found = found.ok_or_else(|| place.clone())?;
            self.all(found);
        }
        Ok(())
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

    /// Masks every text of a value.
    fn all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => self.text(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.all(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.all(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        if text.trim().is_empty() || self.known.contains_key(text) {
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

    fn add(&mut self, text: &str, placeholder: &str) {
        if self.known.insert(text.to_owned(), placeholder.to_owned()).is_none() {
            self.texts.push((text.to_owned(), placeholder.to_owned()));
            self.texts.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
        }
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
        if let Some(placeholder) = self.known.get(text) {
            return placeholder.clone();
        }
        let parts = self.texts.iter().filter(|(part, _)| part.len() >= WHOLE_BYTES);
        parts.fold(text.to_owned(), |text, (part, placeholder)| {
            if text.contains(part.as_str()) { text.replace(part.as_str(), placeholder) } else { text }
        })
    }

    /// How many values are masked.
    pub fn count(&self) -> u32 {
        self.numbers
    }
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
        masks.places("input", &input, &["input.id".to_owned()]).unwrap();
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
        let missing = masks.places("input", &input, &["input.who".to_owned()]).unwrap_err();
        assert_eq!(missing, "input.who");
    }
}
