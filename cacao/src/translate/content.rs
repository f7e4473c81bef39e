//! What a request sends: JSON, a form, a text or bytes. Owns that a value stays a value: in JSON it is one text or one typed value, in a
//! form one value of a field.

use base64::Engine;
use updraft_protocol::Value;
use updraft_protocol::value::Error;
use url::form_urlencoded;

use crate::model::HttpContent;
use crate::path::short;
use crate::rule::Rule;

use super::Translator;
use super::native::{Fields, map};
use super::references::{Part, plain};
use super::scope::Scope;
use super::texts::Form;

/// What stands in JSON in place of a reference outside of texts, until the JSON is read.
const MARK: char = '\u{f8ff}';
/// The same as JSON may write it, in small letters.
const MARK_ESCAPED: &str = "\\uf8ff";

impl Translator<'_> {
    /// The native body of a request; `content_type` is that which its headers declare.
    pub(super) fn content(
        &mut self,
        place: (usize, &str),
        content: &HttpContent,
        content_type: Option<&str>,
        scope: &Scope,
    ) -> Fields {
        let text = match content {
            HttpContent::Text(text) => text.as_str(),
            HttpContent::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return bytes_of(bytes),
            },
        };
        let content_type =
            content_type.map(|all| all.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let content_type = content_type.as_deref().unwrap_or_default();
        let is_json = content_type == "application/json" || content_type.ends_with("+json");
        let parts = self.parts(place, text, scope);
        let refers = parts.iter().any(|part| matches!(part, Part::Variable(..)));
        if !refers && !content_type.is_empty() {
            self.bare(place, &parts, scope);
            if let (true, Err(error)) = (is_json, Value::parse(text)) {
                self.no_json(place, &error);
            }
            return as_written(content);
        }
        if content_type == "application/x-www-form-urlencoded" {
            return self.form(place, text, scope);
        }
        if is_json || content_type.is_empty() {
            match self.json(place, text, scope) {
                Ok(json) => return map([("json", json)]),
                Err(error) if is_json => {
                    self.no_json(place, &error);
                    return Fields::new();
                }
                Err(_) => {}
            }
        }
        if refers && !content_type.is_empty() && !content_type.starts_with("text/plain") {
            let message = format!(
                "has variables in content of the type `{content_type}`, in which a value could become structure; JSON, forms and plain \
                 texts can have them"
            );
            self.found(Rule::Content, place.0, place.1, message);
            return Fields::new();
        }
        match refers {
            false => as_written(content),
            true => map([("text", Value::from(self.text(place, text, scope, Form::Printed)))]),
        }
    }

    /// Refuses content that is declared as JSON and is none. The column is not told: a reference is longer or shorter than its value.
    fn no_json(&mut self, (number, property): (usize, &str), error: &Error) {
        let why = match error {
            Error::Syntax { line, message, .. } => format!("in its line {line}, {message}"),
            Error::Twice { line, name, .. } => {
                format!("in its line {line}, the field {:?} is there already", short(name))
            }
            Error::Nesting => error.to_string(),
        };
        self.found(Rule::Content, number, property, format!("is declared to be JSON, and is none: {why}"));
    }

    /// A form: each field with one value, or with a list of them.
    fn form(&mut self, place: (usize, &str), text: &str, scope: &Scope) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = Value::from(self.text(place, &value, scope, Form::Printed));
            if self.parts(place, &name, scope).iter().any(|part| matches!(part, Part::Variable(..)))
                || name.contains('{')
            {
                self.found(
                    Rule::Content,
                    place.0,
                    place.1,
                    "has a field of a form whose name has a variable or a brace",
                );
                continue;
            }
            match fields.get_mut(name.as_ref()) {
                None => {
                    fields.insert(name.into_owned(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        map([("form", Value::Object(fields))])
    }

    /// JSON with references, as a value with templates.
    fn json(&mut self, place: (usize, &str), text: &str, scope: &Scope) -> Result<Value, Error> {
        if text.contains(MARK) || text.to_ascii_lowercase().contains(MARK_ESCAPED) {
            let message = "has variables and the character U+F8FF, which marks their places: leave it away";
            self.found(Rule::Content, place.0, place.1, message);
            return Ok(Value::Null);
        }
        let mut marked = String::new();
        let mut outside = Vec::new();
        for (is_text, piece) in pieces(text) {
            if is_text {
                marked.push_str(piece);
                continue;
            }
            for part in self.parts(place, piece, scope) {
                match part {
                    Part::Text(text) => marked.push_str(text),
                    Part::Variable(name, keys) => {
                        marked.push_str(&format!("\"{MARK}{}\"", outside.len()));
                        outside.push((name, keys));
                    }
                }
            }
        }
        let json = Value::parse(&marked)?;
        let mut mark = |this: &mut Self, text: &str| -> Option<Value> {
            let (name, keys) = outside.get(text.strip_prefix(MARK)?.parse::<usize>().ok()?)?;
            let (expression, _) = this.reading(place, name, keys, scope)?;
            Some(Value::from(format!("{{{{ {expression} }}}}")))
        };
        Ok(self.filled(place, json, scope, &mut mark))
    }

    /// Recurses as deep as values are nested, which the reader of JSON bounds.
    fn filled(
        &mut self,
        place: (usize, &str),
        json: Value,
        scope: &Scope,
        mark: &mut dyn FnMut(&mut Self, &str) -> Option<Value>,
    ) -> Value {
        match json {
            Value::String(text) if text.starts_with(MARK) => mark(self, &text).unwrap_or_default(),
            Value::String(text) => Value::from(self.text(place, &text, scope, Form::Printed)),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.filled(place, item, scope, mark)).collect())
            }
            Value::Object(fields) => {
                let mut filled = Fields::new();
                for (name, value) in fields {
                    let refers =
                        self.parts(place, &name, scope).iter().any(|part| matches!(part, Part::Variable(..)));
                    if refers || name.starts_with(MARK) || name == "$secret" || is_template(&name) {
                        let message = "has a variable, braces of a template or `$secret` as the name of a field, which is written out";
                        self.found(Rule::Content, place.0, place.1, message);
                    }
                    let value = self.filled(place, value, scope, mark);
                    filled.insert(name, value);
                }
                Value::Object(filled)
            }
            other => other,
        }
    }
}

pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}

/// Content without references: byte for byte what stands in the file.
fn as_written(content: &HttpContent) -> Fields {
    match content {
        HttpContent::Text(text) => map([("text", Value::from(plain(text)))]),
        HttpContent::Bytes(bytes) => bytes_of(bytes),
    }
}

fn bytes_of(bytes: &[u8]) -> Fields {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    map([("bytes", Value::from(text))])
}

/// The texts of JSON, with their quotes, and what is between them.
fn pieces(json: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let (mut begin, mut inside, mut escaped) = (0, false, false);
    for (at, char) in json.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => {
                let end = if inside { at + 1 } else { at };
                pieces.push((inside, json.get(begin..end).unwrap_or_default()));
                begin = end;
                inside = !inside;
            }
            _ => {}
        }
    }
    pieces.push((inside, json.get(begin..).unwrap_or_default()));
    pieces
}
