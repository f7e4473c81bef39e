//! The secrets that a masker knows, the newest last. Owns how many they are and in which form each is looked for; wiped when
//! they are dropped.

use std::sync::Arc;

use updraft_protocol::Number;
use updraft_protocol::limits::MASKED_SECRETS;
use zeroize::Zeroizing;

use crate::alphabet::{Alphabet, whole_base64};
use crate::automaton::{Automaton, Pattern};
use crate::escape::is_introducer;
use crate::search::Tables;

/// Where a secret is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Everywhere.
    Any,
    /// As a word of its own, as it is and in escapes.
    Alone,
    /// In base64 as a whole: `user:password`, as Basic sends it.
    Basic,
}

/// A text, and where it is looked for.
#[derive(PartialEq, Eq)]
struct Secret {
    text: Zeroizing<String>,
    form: Form,
}

/// The secrets, each once.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Arc<Secret>>);

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a secret as the newest; at the bound the oldest makes way. Whether others are looked for than before.
    pub(crate) fn add(&mut self, text: &str, form: Form) -> bool {
        if text.is_empty() {
            return false;
        }
        let same = |secret: &Arc<Secret>| secret.form == form && secret.text.as_str() == text;
        if let Some(at) = self.0.iter().position(same) {
            let known = self.0.remove(at);
            self.0.push(known);
            return false;
        }
        if self.0.len() >= MASKED_SECRETS {
            self.0.remove(0);
        }
        self.0.push(Arc::new(Secret { text: Zeroizing::new(text.to_owned()), form }));
        true
    }

    /// What a search needs of them.
    pub(crate) fn tables(&self) -> Tables {
        let automata = Alphabet::ALL.map(|alphabet| (alphabet, Automaton::new(&self.patterns(alphabet))));
        let mut begins = [0; 256];
        for (byte, begins) in (0..=u8::MAX).zip(&mut begins) {
            for (index, (alphabet, automaton)) in automata.iter().enumerate() {
                if is_introducer(byte) || automaton.begins_with(alphabet.letter(byte)) {
                    *begins |= 1 << index;
                }
            }
        }
        let numbers = self.0.iter().filter(|secret| secret.form != Form::Basic);
        let numbers = numbers.filter(|secret| Number::parse(&secret.text).is_some());
        Tables { automata, begins, numbers: numbers.map(|secret| secret.text.clone()).collect() }
    }

    fn patterns(&self, alphabet: Alphabet) -> Vec<Pattern> {
        let mut all = Vec::new();
        for secret in &self.0 {
            match (secret.form, alphabet) {
                (Form::Any, _) => alphabet.patterns(&secret.text, &mut all),
                (Form::Alone, Alphabet::Plain) => {
                    all.push(Pattern { bytes: Zeroizing::new(secret.text.as_bytes().to_vec()), alone: true });
                }
                (Form::Basic, Alphabet::Base64) => all.extend(whole_base64(&secret.text)),
                _ => {}
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(secrets: &Secrets) -> Vec<&str> {
        secrets.0.iter().map(|secret| secret.text.as_str()).collect()
    }

    #[test]
    fn a_secret_that_is_named_again_is_kept_once_as_the_newest() {
        let mut secrets = Secrets::default();
        assert!(secrets.is_empty() && !secrets.add("", Form::Any));
        assert!(secrets.add("first", Form::Any) && secrets.add("second", Form::Any));
        assert!(!secrets.add("first", Form::Any), "nothing else is looked for");
        assert_eq!(texts(&secrets), ["second", "first"]);
        assert!(secrets.add("first", Form::Alone), "it is looked for elsewhere");
    }

    #[test]
    fn beyond_the_bound_the_one_that_was_named_least_recently_makes_way() {
        let mut secrets = Secrets::default();
        for number in 0..MASKED_SECRETS {
            secrets.add(&format!("secret-{number}"), Form::Any);
        }
        secrets.add("secret-0", Form::Any);
        secrets.add("one-more", Form::Any);
        let kept = texts(&secrets);
        assert_eq!(kept.len(), MASKED_SECRETS);
        assert!(kept.contains(&"secret-0") && !kept.contains(&"secret-1") && kept.contains(&"one-more"));
    }
}
