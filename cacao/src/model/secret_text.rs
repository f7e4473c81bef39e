//! A text of the file that is or may be a credential: it is never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A credential as it stands in a file. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    /// The credential with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The text, for what takes it out of the playbook.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(***)")
    }
}
