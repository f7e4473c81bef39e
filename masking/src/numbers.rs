//! Secrets that are JSON numbers: found in any notation of the same number. Owns the lookup, whose cost does not depend
//! on how many there are.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use updraft_protocol::Number;
use zeroize::Zeroizing;

/// The numbers, by a hash of their value: parsed numbers would stay in memory.
#[derive(Default)]
pub(crate) struct Numbers {
    keys: RandomState,
    texts: HashMap<u64, Zeroizing<String>>,
}

impl Numbers {
    /// The numbers among these texts.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers = Self::default();
        for text in texts {
            if let Some(number) = Number::parse(text) {
                numbers.texts.insert(numbers.key(&number), Zeroizing::new(text.to_owned()));
            }
        }
        numbers
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether a number is a secret.
    pub(crate) fn has(&self, number: &Number) -> bool {
        if self.is_empty() {
            return false;
        }
        let same = self.texts.get(&self.key(number));
        same.is_some_and(|secret| Number::parse(secret).as_ref() == Some(number))
    }

    /// Equal numbers are printed alike.
    fn key(&self, number: &Number) -> u64 {
        self.keys.hash_one(Zeroizing::new(number.to_string()).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_other_digits_and_no_other_number_is() {
        let numbers = Numbers::of(["123456.70", "1e3", "hunter2", "18446744073709551616"].into_iter());
        let has = |text: &str| numbers.has(&Number::parse(text).unwrap());
        assert!(has("123456.7") && has("1234567e-1") && has("1000.0") && has("18446744073709551616"));
        assert!(!has("1000") && !has("123456.8") && !has("0") && !has("18446744073709551617"));
        assert!(!Numbers::default().has(&Number::parse("1").unwrap()));
    }
}
