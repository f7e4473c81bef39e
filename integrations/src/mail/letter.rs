//! `Letter`: the arguments of a step, read and judged: who gets the mail, what is in it. Each mistake has its place; where a playbook
//! is checked, `null` is in place of what is not known yet. Sends nothing.

use std::fmt::Display;

use lettre::message::Mailbox;
use updraft_protocol::limits::{
    MAIL_ATTACHMENTS, MAIL_HEADER_BYTES, MAIL_HEADERS, MAIL_RECIPIENTS, MAIL_TEXT_BYTES,
};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Failure, FailureKind, Flaw, Value};

use super::address;
use super::attachment::Attachment;
use super::policy::Policy;

/// A mail as its step has it.
#[derive(Debug, Default)]
pub(super) struct Letter {
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
    pub(super) from: Option<Mailbox>,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) headers: Vec<(String, String)>,
}

/// Headers that a step may set besides those that begin with `X-`: what says how a mail belongs to others, and how it is to be
/// taken. All others are made by the engine, or say who sent the mail, or to whom it goes.
const HEADERS: [&str; 9] = [
    "auto-submitted",
    "comments",
    "importance",
    "in-reply-to",
    "keywords",
    "organization",
    "precedence",
    "priority",
    "references",
];

/// What is wrong at a place.
pub(super) type Wrong = (String, String);

/// Reads arguments.
pub(super) struct Reader<'a> {
    policy: Option<&'a Policy>,
    /// Whether `null` is in place of what is not known yet.
    is_draft: bool,
    wrong: Vec<Wrong>,
    /// Addresses that the operator does not allow, by their places.
    forbidden: Vec<Wrong>,
}

impl Letter {
    /// The letter of a call.
    ///
    /// # Errors
    /// The first mistake in its arguments, or the first address that the operator does not allow.
    pub(super) fn of(arguments: &Value, policy: &Policy) -> Result<Self, Failure> {
        let mut reader =
            Reader { policy: Some(policy), is_draft: false, wrong: Vec::new(), forbidden: Vec::new() };
        let letter = reader.letter(arguments);
        let failed =
            |kind, (place, message): Wrong| Failure::new(kind, format!("arguments.{place}: {message}"));
        if let Some(wrong) = reader.wrong.into_iter().next() {
            return Err(failed(FailureKind::InvalidArguments, wrong));
        }
        match reader.forbidden.into_iter().next() {
            Some((place, missing)) => {
                let message = format!("the operator has given no {missing}");
                Err(failed(FailureKind::Forbidden, (place, message)))
            }
            None => Ok(letter),
        }
    }

    /// All recipients, each once.
    pub(super) fn recipients(&self) -> Vec<&Mailbox> {
        let mut found: Vec<&Mailbox> = Vec::new();
        for one in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            if !found.iter().any(|known| known.email == one.email) {
                found.push(one);
            }
        }
        found
    }
}

/// The flaws of an author's arguments; without a policy any address is allowed.
pub(super) fn flaws(arguments: &Value, policy: Option<&Policy>) -> Vec<Flaw> {
    let mut reader = Reader { policy, is_draft: true, wrong: Vec::new(), forbidden: Vec::new() };
    reader.letter(arguments);
    let missing =
        reader.forbidden.into_iter().map(|(place, missing)| (place, format!("missing here: {missing}")));
    let all = reader.wrong.into_iter().chain(missing);
    all.map(|(place, message)| Flaw { place, message }).collect()
}

impl Reader<'_> {
    fn letter(&mut self, arguments: &Value) -> Letter {
        let letter = Letter {
            to: self.mailboxes("to", &arguments["to"]),
            cc: self.mailboxes("cc", &arguments["cc"]),
            bcc: self.mailboxes("bcc", &arguments["bcc"]),
            from: self.sender(&arguments["from"]),
            reply_to: self.mailbox("reply_to", &arguments["reply_to"]),
            subject: self.line("subject", &arguments["subject"]),
            text: self.text("text", &arguments["text"]),
            html: self.text("html", &arguments["html"]),
            attachments: self.attachments(&arguments["attachments"]),
            headers: self.headers(&arguments["headers"]),
        };
        // What is written, whatever it will be.
        let has = |name: &str| match self.is_draft {
            true => arguments.get(name).is_some(),
            false => !arguments[name].is_null(),
        };
        let (has_recipient, has_body) =
            (["to", "cc", "bcc"].into_iter().any(has), ["text", "html"].into_iter().any(has));
        if !has_recipient || (!self.is_draft && letter.recipients().is_empty() && self.wrong.is_empty()) {
            self.wrong("to", "a recipient is needed");
        }
        if !has_body {
            self.wrong("text", "`text`, `html` or both are needed");
        }
        if letter.recipients().len() > MAIL_RECIPIENTS {
            self.wrong("to", format_args!("at most {MAIL_RECIPIENTS} recipients are allowed"));
        }
        letter
    }

    pub(super) fn wrong(&mut self, place: impl Display, message: impl Display) {
        self.wrong.push((place.to_string(), message.to_string()));
    }

    /// Whether a value is not known yet, or not given.
    pub(super) fn is_draft(&self) -> bool {
        self.is_draft
    }

    fn mailboxes(&mut self, place: &str, value: &Value) -> Vec<Mailbox> {
        let found: Vec<Mailbox> = match value {
            Value::Array(items) if items.len() > MAIL_RECIPIENTS => {
                self.wrong(place, format_args!("at most {MAIL_RECIPIENTS} recipients are allowed"));
                return Vec::new();
            }
            Value::Array(items) => {
                let each = items.iter().enumerate();
                each.filter_map(|(at, item)| self.recipient(&format!("{place}[{at}]"), item)).collect()
            }
            one => self.recipient(place, one).into_iter().collect(),
        };
        found
    }

    fn recipient(&mut self, place: &str, value: &Value) -> Option<Mailbox> {
        let found = self.mailbox(place, value)?;
        if self.policy.is_some_and(|policy| !policy.is_recipient(&found.email)) {
            let missing = format!("permission to send mail to {}", found.email.domain());
            self.forbidden.push((place.to_owned(), missing));
        }
        Some(found)
    }

    fn sender(&mut self, value: &Value) -> Option<Mailbox> {
        let found = self.mailbox("from", value)?;
        if self.policy.is_some_and(|policy| !policy.is_sender(&found.email)) {
            let missing = format!("permission to send mail from {}", found.email);
            self.forbidden.push(("from".to_owned(), missing));
        }
        Some(found)
    }

    fn mailbox(&mut self, place: &str, value: &Value) -> Option<Mailbox> {
        match address::mailbox(value) {
            Ok(found) => found,
            Err(message) => {
                self.wrong(place, message);
                None
            }
        }
    }

    /// One line: a subject, the text of a header.
    fn line(&mut self, place: &str, value: &Value) -> String {
        let text = self.scalar(place, value).unwrap_or_default();
        if text.chars().any(char::is_control) {
            self.wrong(place, "a text on one line is needed, without control characters");
        } else if text.len() > MAIL_HEADER_BYTES {
            self.wrong(place, format_args!("at most {MAIL_HEADER_BYTES} bytes are allowed"));
        }
        text
    }

    pub(super) fn text(&mut self, place: &str, value: &Value) -> Option<String> {
        let text = self.scalar(place, value)?;
        if text.len() > MAIL_TEXT_BYTES {
            self.wrong(place, format_args!("at most {MAIL_TEXT_BYTES} bytes are allowed"));
        }
        Some(text)
    }

    fn scalar(&mut self, place: &str, value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Array(_) | Value::Object(_) => {
                self.wrong(place, "a text is needed");
                None
            }
        }
    }

    fn attachments(&mut self, value: &Value) -> Vec<Attachment> {
        let items = match value {
            Value::Null => return Vec::new(),
            Value::Array(items) => items,
            _ => {
                self.wrong("attachments", "a list is needed");
                return Vec::new();
            }
        };
        if items.len() > MAIL_ATTACHMENTS {
            self.wrong("attachments", format_args!("at most {MAIL_ATTACHMENTS} are allowed"));
            return Vec::new();
        }
        let each = items.iter().enumerate();
        each.filter_map(|(at, item)| Attachment::read(self, &format!("attachments[{at}]"), item)).collect()
    }

    fn headers(&mut self, value: &Value) -> Vec<(String, String)> {
        let fields = match value {
            Value::Null => return Vec::new(),
            Value::Object(fields) if fields.len() <= MAIL_HEADERS => fields,
            Value::Object(_) => {
                self.wrong("headers", format_args!("at most {MAIL_HEADERS} headers are allowed"));
                return Vec::new();
            }
            _ => {
                self.wrong("headers", "a map is needed");
                return Vec::new();
            }
        };
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in fields {
            let place = format!("headers.{}", name.escape_debug());
            if !is_own_header(name) {
                let near = suggestion(&name.to_ascii_lowercase(), HEADERS.into_iter());
                self.wrong(
                    &place,
                    format_args!(
                        "a header that begins with `X-`, or one of {}, is needed{near}",
                        HEADERS.join(", ")
                    ),
                );
            } else if found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                self.wrong(&place, "is there twice");
            } else if !value.is_null() {
                let text = self.line(&place, value);
                found.push((name.clone(), text));
            }
        }
        found
    }
}

fn is_own_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_extension = lower.strip_prefix("x-").is_some_and(|rest| !rest.is_empty());
    name.len() <= 70 && name.chars().all(is_token) && (is_extension || HEADERS.contains(&lower.as_str()))
}

#[cfg(test)]
#[path = "letter_tests.rs"]
mod tests;
