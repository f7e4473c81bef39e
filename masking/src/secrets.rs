//! The secrets of a masker, the newest last. Owns their number and in which form each is searched for; wiped when they
//! are dropped.

use std::sync::Arc;

use updraft_protocol::limits::{MASKED_FETCHED, MASKED_FETCHED_PLACES, MASKED_PLACES, MASKED_SECRETS};
use zeroize::Zeroizing;

use crate::alphabet::{Alphabet, whole_base64};
use crate::automaton::{Automaton, Pattern};
use crate::escape::is_introducer;
use crate::numbers::Numbers;
use crate::search::Tables;

/// Where a secret is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Everywhere.
    Any,
    /// As a word of its own, as it is and in escapes.
    Alone,
    /// In base64 as a whole: `user:password`, as Basic sends it.
    Basic,
}

/// The source of a secret: a secret of one source never displaces one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A playbook names it.
    Named,
    /// A tool issued it, as a token that expires and is replaced.
    Fetched,
}

impl Origin {
    /// The most secrets, and the most nodes of automata for them.
    fn bounds(self) -> (usize, usize) {
        match self {
            Self::Named => (MASKED_SECRETS, MASKED_PLACES),
            Self::Fetched => (MASKED_FETCHED, MASKED_FETCHED_PLACES),
        }
    }
}

/// A text, and where it is searched for.
struct Secret {
    text: Zeroizing<String>,
    form: Form,
    origin: Origin,
    /// The number of nodes of automata for its encodings.
    places: usize,
}

/// The result of adding a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// Whether the search changes.
    pub(crate) changed: bool,
    /// Whether a secret that a playbook names was forgotten.
    pub(crate) forgot_named: bool,
}

/// The secrets, without duplicates.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Arc<Secret>>);

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of nodes of automata for all of them.
    pub(crate) fn places(&self) -> usize {
        self.0.iter().map(|secret| secret.places).sum()
    }

    /// Adds a secret as the newest; at the limits the oldest of its origin are forgotten.
    pub(crate) fn add(&mut self, text: &str, form: Form, origin: Origin) -> Added {
        if text.is_empty() {
            return Added::default();
        }
        let same = |secret: &Arc<Secret>| secret.form == form && secret.text.as_str() == text;
        if let Some(at) = self.0.iter().position(same) {
            let known = self.0.remove(at);
            self.0.push(known);
            return Added::default();
        }
        let mut secret = Secret { text: Zeroizing::new(text.to_owned()), form, origin, places: 0 };
        for alphabet in Alphabet::ALL {
            let mut patterns = Vec::new();
            secret.patterns(alphabet, &mut patterns);
            secret.places += patterns.iter().map(|pattern| pattern.bytes.len()).sum::<usize>();
        }
        let forgot = self.make_way(&secret);
        self.0.push(Arc::new(secret));
        Added { changed: true, forgot_named: forgot && origin == Origin::Named }
    }

    /// Forgets the oldest of the same origin until there is room; returns whether any was forgotten. A secret that is
    /// over the limit by itself is kept alone.
    fn make_way(&mut self, new: &Secret) -> bool {
        let (most, places) = new.origin.bounds();
        let mut forgot = false;
        loop {
            let kept = || self.0.iter().filter(|secret| secret.origin == new.origin);
            let taken = new.places + kept().map(|secret| secret.places).sum::<usize>();
            if kept().count() < most && taken <= places {
                return forgot;
            }
            let Some(oldest) = self.0.iter().position(|secret| secret.origin == new.origin) else {
                return forgot;
            };
            self.0.remove(oldest);
            forgot = true;
        }
    }

    /// Prepares them for a search.
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
        let numbers = Numbers::of(numbers.map(|secret| secret.text.as_str()));
        Tables { automata, begins, numbers }
    }

    fn patterns(&self, alphabet: Alphabet) -> Vec<Pattern> {
        let mut all = Vec::new();
        self.0.iter().for_each(|secret| secret.patterns(alphabet, &mut all));
        all
    }
}

impl Secret {
    fn patterns(&self, alphabet: Alphabet, all: &mut Vec<Pattern>) {
        match (self.form, alphabet) {
            (Form::Any, _) => alphabet.patterns(&self.text, all),
            (Form::Alone, Alphabet::Plain) => {
                all.push(Pattern { bytes: Zeroizing::new(self.text.as_bytes().to_vec()), alone: true });
            }
            (Form::Basic, Alphabet::Base64) => all.extend(whole_base64(&self.text)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(secrets: &Secrets) -> Vec<&str> {
        secrets.0.iter().map(|secret| secret.text.as_str()).collect()
    }

    fn add(secrets: &mut Secrets, text: &str, form: Form) -> bool {
        secrets.add(text, form, Origin::Named).changed
    }

    #[test]
    fn a_secret_that_is_named_again_is_kept_once_as_the_newest() {
        let mut secrets = Secrets::default();
        assert!(secrets.is_empty() && !add(&mut secrets, "", Form::Any));
        assert!(add(&mut secrets, "first", Form::Any) && add(&mut secrets, "second", Form::Any));
        assert!(!add(&mut secrets, "first", Form::Any), "nothing else is looked for");
        assert_eq!(texts(&secrets), ["second", "first"]);
        assert!(add(&mut secrets, "first", Form::Alone), "it is looked for elsewhere");
    }

    #[test]
    fn beyond_the_bound_the_one_that_was_named_least_recently_makes_way() {
        let mut secrets = Secrets::default();
        for number in 0..MASKED_SECRETS {
            let added = secrets.add(&format!("secret-{number}"), Form::Any, Origin::Named);
            assert!(added.changed && !added.forgot_named);
        }
        add(&mut secrets, "secret-0", Form::Any);
        assert!(secrets.add("one-more", Form::Any, Origin::Named).forgot_named);
        let kept = texts(&secrets);
        assert_eq!(kept.len(), MASKED_SECRETS);
        assert!(kept.contains(&"secret-0") && !kept.contains(&"secret-1") && kept.contains(&"one-more"));
    }

    #[test]
    fn tokens_put_out_tokens_alone() {
        let mut secrets = Secrets::default();
        add(&mut secrets, "the-named-one", Form::Any);
        for number in 0..3 * MASKED_FETCHED {
            let added = secrets.add(&format!("token-{number}"), Form::Any, Origin::Fetched);
            assert!(added.changed && !added.forgot_named);
        }
        assert_eq!(texts(&secrets).len(), 1 + MASKED_FETCHED);
        assert_eq!(texts(&secrets)[0], "the-named-one");
    }

    #[test]
    fn what_tokens_take_in_memory_is_bounded_whatever_they_are_made_of() {
        let mut secrets = Secrets::default();
        for letter in ['\'', '"', '<', 'a'] {
            secrets.add(&String::from(letter).repeat(8 << 10), Form::Any, Origin::Fetched);
            assert!(secrets.places() <= MASKED_FETCHED_PLACES, "{letter}: {}", secrets.places());
        }
        assert!(texts(&secrets).last().unwrap().starts_with('a'), "the newest is among them");
    }
}
