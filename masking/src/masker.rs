//! The masker: replaces secrets in a text by `***`, in any encoding. Owns the replacement; does not search by itself,
//! and never shows a secret.

use std::fmt;
use std::sync::{Arc, OnceLock};

use updraft_protocol::Failure;
use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, SHORTEST_SECRET_BYTES};

use crate::automaton::PLACE_BYTES;
use crate::search::{Search, Tables, search};
use crate::secrets::{Form, Origin, Secrets};

/// The replacement of a secret.
pub(crate) const MASK: &str = "***";

/// The secrets of one tenant or one request, with their encodings.
///
/// A secret is found as it is; in escapes of JSON, URLs, forms, HTML and XML, mixed and nested; and in hexadecimal
/// digits and base64 at any position of a longer text. Cheap to clone: clones share its tables.
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
    /// Made for the first text, by any clone, since secrets are added one after the other.
    tables: Arc<OnceLock<Tables>>,
}

impl Masker {
    /// A masker without secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks a secret from now on; if it is marked as short, as [`add_short`](Self::add_short). Over
    /// [`updraft_protocol::limits::MASKED_SECRETS`] the secret that was named least recently is forgotten; returns
    /// whether that happened.
    pub fn hide(&mut self, secret: &updraft_protocol::Secret) -> bool {
        self.add_as(secret.expose(), form(secret.expose(), secret.is_short()), Origin::Named)
    }

    /// Masks a token that a tool issued from now on; if it is marked as short, as [`add_short`](Self::add_short). Over
    /// [`updraft_protocol::limits::MASKED_FETCHED`] the oldest of them is forgotten.
    pub fn hide_fetched(&mut self, token: &updraft_protocol::Secret) {
        self.add_as(token.expose(), form(token.expose(), token.is_short()), Origin::Fetched);
    }

    /// Adds a secret that is masked anywhere, also inside a longer word. An empty one is ignored.
    pub fn add(&mut self, secret: &str) {
        self.add_as(secret, Form::Any, Origin::Named);
    }

    /// Adds a secret that may be shorter than [`SHORTEST_SECRET_BYTES`]; if it is, it is masked only as a word of its
    /// own, and not in digits and base64, where it would appear by chance.
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

    /// Its approximate size in memory once it has been used, in bytes.
    pub fn bytes(&self) -> usize {
        self.secrets.places() * PLACE_BYTES
    }

    /// Whether it has no secrets.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether something may have been masked in this text: its own stars look the same.
    pub fn may_be_masked(text: &str) -> bool {
        text.contains(MASK)
    }

    /// The text without the secrets; if two overlap, without both. The same text if there is none.
    pub fn text(&self, text: String) -> String {
        self.masked(&text, Search::WHOLE).unwrap_or(text)
    }

    /// The text without the secrets; if it was cut, also without one that begins at its end and was cut with it.
    pub fn beginning(&self, text: String, is_cut: bool) -> String {
        self.masked(&text, Search { is_cut, ..Search::WHOLE }).unwrap_or(text)
    }

    /// The failure without the secrets in its message and its answer.
    pub fn failure(&self, mut failure: Failure) -> Failure {
        if self.is_empty() {
            return failure;
        }
        // A message of the largest length was cut; the last character that did not fit has at most four bytes.
        let is_cut = failure.message.len() + 4 > FAILURE_MESSAGE_BYTES;
        let message = self.beginning(std::mem::take(&mut failure.message), is_cut);
        failure.answer = failure.answer.take().map(|answer| self.json(answer));
        failure.with_message(message)
    }

    pub(crate) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| self.secrets.tables())
    }

    /// The text without the secrets; `None` if it contains none.
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

    pub(crate) fn may_be_in(&self, json: &str) -> bool {
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
