//! What a request sends, as the content of a command.

use std::collections::BTreeMap;

use updraft_protocol::Value;
use url::form_urlencoded;

use super::action::printed;
use super::{Exporter, Fields, text};

impl Exporter<'_> {
    /// The content of a command, with the header that says what it is, where it needs one.
    pub(super) fn content(
        &mut self,
        id: &str,
        arguments: &BTreeMap<String, Value>,
        headers: &mut Fields,
    ) -> Option<(String, Value)> {
        let declare = |headers: &mut Fields, word: &str| {
            if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                headers.insert("Content-Type".to_owned(), Value::Array(vec![Value::from(word)]));
            }
        };
        if let Some(json) = arguments.get("json") {
            let mut content = String::new();
            self.json(id, json, &mut content);
            return Some(("content".to_owned(), Value::from(content)));
        }
        if let Some(form) = arguments.get("form").and_then(Value::as_object) {
            declare(headers, "application/x-www-form-urlencoded");
            let mut fields = Vec::new();
            for (name, value) in form {
                let values = value.as_array().map_or_else(|| vec![value], |all| all.iter().collect());
                let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
                for value in values {
                    // A reference is no part of what is encoded.
                    let value = self
                        .text(id, &printed(value))
                        .replace('%', "%25")
                        .replace('&', "%26")
                        .replace('+', "%2B");
                    fields.push(format!("{name}={value}"));
                }
            }
            return Some(("content".to_owned(), Value::from(fields.join("&"))));
        }
        if let Some(text) = arguments.get("text") {
            let text = self.text(id, &printed(text));
            declare(headers, "text/plain");
            return Some(("content".to_owned(), Value::from(text)));
        }
        arguments.get("bytes").map(|bytes| ("content_b64".to_owned(), Value::from(printed(bytes))))
    }

    /// JSON in which a template that is a whole value is a reference without quotes. Recurses as deep as values are nested.
    fn json(&mut self, id: &str, json: &Value, content: &mut String) {
        match json {
            Value::String(template) => {
                let whole = template.strip_prefix("{{ ").and_then(|rest| rest.strip_suffix(" }}"));
                let whole = whole.filter(|inside| !inside.contains("}}") && !inside.contains('|'));
                match whole.and_then(|inside| text::reference(inside, &self.names)) {
                    Some(reference) => content.push_str(&reference),
                    None => content.push_str(&Value::from(self.text(id, template)).to_string()),
                }
            }
            Value::Array(items) => {
                content.push('[');
                for (at, item) in items.iter().enumerate() {
                    content.push_str(if at > 0 { ", " } else { "" });
                    self.json(id, item, content);
                }
                content.push(']');
            }
            Value::Object(fields) => {
                content.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    content.push_str(if at > 0 { ", " } else { "" });
                    content.push_str(&Value::from(name.as_str()).to_string());
                    content.push_str(": ");
                    self.json(id, value, content);
                }
                content.push('}');
            }
            other => content.push_str(&other.to_string()),
        }
    }
}
