//! The masker: puts `***` where a secret stands in a text, whatever its spelling. Owns what becomes of what was found; finds
//! nothing itself, and shows nothing of what it knows.

use std::fmt;
use std::sync::{Arc, OnceLock};

use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, SHORTEST_SECRET_BYTES};
use updraft_protocol::{Failure, Json, Value};

use crate::automaton::PLACE_BYTES;
use crate::search::{Search, Tables, search};
use crate::secrets::{Form, Origin, Secrets};
use crate::value;

/// What stands where a secret stood.
pub(crate) const MASK: &str = "***";

/// The secrets of one tenant or one request, and how texts spell them.
///
/// A secret is found as it is; in escapes of JSON, URLs, forms, HTML and XML, in any mix of them and one inside the other;
/// and in hexadecimal digits and base64 at any place of a longer text. Cheap to clone: what it knows is shared.
///
/// ```
/// use updraft_masking::Masker;
///
/// let mut masker = Masker::new();
/// masker.add("p\"ss\\word");
/// assert_eq!(masker.text(r#"{"sent": "Bearer p\"ss\\word"}"#.to_owned()), r#"{"sent": "Bearer ***"}"#);
/// assert_eq!(format!("{masker:?}"), "Masker(***)");
/// ```
#[derive(Clone, Default)]
pub struct Masker {
    secrets: Secrets,
    /// Made when the first text comes, by whichever clone: secrets are added one after the other.
    tables: Arc<OnceLock<Tables>>,
}

impl Masker {
    /// A masker that knows no secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks a secret from now on, as short as it is marked. Beyond [`updraft_protocol::limits::MASKED_SECRETS`] the one
    /// that was named least recently is forgotten: whether that happened.
    pub fn hide(&mut self, secret: &updraft_protocol::Secret) -> bool {
        self.add_as(secret.expose(), form(secret.expose(), secret.is_short()), Origin::Named)
    }

    /// Masks a token that a tool gave from now on, as short as it is marked. Beyond
    /// [`updraft_protocol::limits::MASKED_FETCHED`] the oldest of them is forgotten.
    pub fn hide_fetched(&mut self, token: &updraft_protocol::Secret) {
        self.add_as(token.expose(), form(token.expose(), token.is_short()), Origin::Fetched);
    }

    /// Adds a secret that is masked wherever it stands, also inside a longer word. One that is empty is none.
    pub fn add(&mut self, secret: &str) {
        self.add_as(secret, Form::Any, Origin::Named);
    }

    /// Adds a secret that may be shorter than [`SHORTEST_SECRET_BYTES`]; if it is, it is masked only where no longer word
    /// is around it, and not in digits and base64, where it stands by chance.
    pub fn add_short(&mut self, secret: &str) {
        self.add_as(secret, form(secret, true), Origin::Named);
    }

    /// Adds a password, and the base64 of `user:password` as Basic sends it. The user's name alone is no secret.
    pub fn add_basic(&mut self, user: &str, password: &str) {
        self.add_short(password);
        if !password.is_empty() {
            let both = zeroize::Zeroizing::new([user, ":", password].concat());
            self.add_as(&both, Form::Basic, Origin::Named);
        }
    }

    fn add_as(&mut self, secret: &str, form: Form, origin: Origin) -> bool {
        let added = self.secrets.add(secret, form, origin);
        if added.changed {
            self.tables = Arc::default();
        }
        added.forgot_named
    }

    /// About what it takes in memory once it has been used, in bytes.
    pub fn bytes(&self) -> usize {
        self.secrets.places() * PLACE_BYTES
    }

    /// Whether it knows no secret.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The text without the secrets; where two overlap, without both. The same text where there is none.
    pub fn text(&self, text: String) -> String {
        self.masked(&text, Search::WHOLE).unwrap_or(text)
    }

    /// The text without the secrets; where it was cut, also without one that begins at its end and was cut with it.
    pub fn beginning(&self, text: String, is_cut: bool) -> String {
        self.masked(&text, Search { is_cut, ..Search::WHOLE }).unwrap_or(text)
    }

    /// The value without the secrets, in texts, names of fields and numbers. Two names that became one get a number
    /// each: `***` and `*** 2`.
    pub fn value(&self, value: Value) -> Value {
        if self.is_empty() { value } else { value::masked(self, value, &mut false) }
    }

    /// The same of a JSON text, which is read as a value only where a secret may be in it.
    pub fn json(&self, json: Json) -> Json {
        if self.is_empty() || !self.may_be_in(json.as_str()) {
            return json;
        }
        match json.tree() {
            Ok(tree) => {
                let mut changed = false;
                let tree = value::masked(self, tree, &mut changed);
                if changed { Json::from(tree) } else { json }
            }
            // A value too deep to be read is too deep to be kept.
            Err(_) => Json::from(Value::from(MASK)),
        }
    }

    /// The failure without the secrets in its message and its answer.
    pub fn failure(&self, mut failure: Failure) -> Failure {
        if self.is_empty() {
            return failure;
        }
        // A message that is as long as one may be was cut; the last character that did not fit has four bytes at most.
        let is_cut = failure.message.len() + 4 > FAILURE_MESSAGE_BYTES;
        let message = self.beginning(std::mem::take(&mut failure.message), is_cut);
        failure.answer = failure.answer.take().map(|answer| self.json(answer));
        failure.with_message(message)
    }

    pub(crate) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| self.secrets.tables())
    }

    /// The text without the secrets; none where it has none.
    pub(crate) fn masked(&self, text: &str, how: Search) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let spans = search(text, self.tables(), how).spans;
        if spans.is_empty() {
            return None;
        }
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end) in spans {
            masked.push_str(text.get(done..start).unwrap_or_default());
            masked.push_str(MASK);
            done = end;
        }
        masked.push_str(text.get(done..).unwrap_or_default());
        Some(masked)
    }

    fn may_be_in(&self, json: &str) -> bool {
        // A number may be a secret in other digits than those of the secret.
        let tables = self.tables();
        let numbers = !tables.numbers.is_empty() && json.bytes().any(|byte| byte.is_ascii_digit());
        let how = Search { nesting: Search::WHOLE.nesting + 1, is_cut: false };
        numbers || !search(json, tables, how).spans.is_empty()
    }
}

fn form(secret: &str, may_be_short: bool) -> Form {
    if may_be_short && secret.len() < SHORTEST_SECRET_BYTES { Form::Alone } else { Form::Any }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(***)")
    }
}
