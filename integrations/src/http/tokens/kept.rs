//! `Kept`: values of all tenants, with a limit for all and one for each. Decides what is displaced; knows nothing of
//! tokens.

use std::collections::HashMap;

use updraft_protocol::TenantCode;

use super::key::Key;

/// Values by their keys.
pub(super) struct Kept<V> {
    values: HashMap<Key, Place<V>>,
    /// Counts uses, as a logical clock.
    asked: u64,
    of_all: usize,
    of_tenant: usize,
}

struct Place<V> {
    value: V,
    /// When it was last used.
    used: u64,
}

/// What is lost when a value is displaced, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Nothing: it has expired, or never existed.
    Nothing,
    Something,
    /// It is being changed: it stays.
    Busy,
}

/// A value that can be kept.
pub(super) trait Worthy: Default {
    fn worth(&self) -> Worth;
}

impl<V: Worthy> Kept<V> {
    pub(super) fn new(of_all: usize, of_tenant: usize) -> Self {
        Self { values: HashMap::new(), asked: 0, of_all, of_tenant }
    }

    /// The value of a key, if there is one.
    pub(super) fn find(&mut self, key: &Key) -> Option<&mut V> {
        self.asked += 1;
        let place = self.values.get_mut(key)?;
        place.used = self.asked;
        Some(&mut place.value)
    }

    /// The value of a key, or a new one. `None` if no other value can be displaced.
    pub(super) fn place(&mut self, key: &Key) -> Option<&mut V> {
        if !self.values.contains_key(key) {
            if !self.makes_room(&key.tenant) {
                return None;
            }
            self.values.insert(key.clone(), Place { value: V::default(), used: 0 });
        }
        self.find(key)
    }

    /// Makes room for one more value of a tenant: worthless values are displaced first, then the least recently used;
    /// the tenant's own before those of others, and only its own if the tenant is at its limit.
    fn makes_room(&mut self, tenant: &TenantCode) -> bool {
        let own = self.values.keys().filter(|key| key.tenant == *tenant).count();
        if own < self.of_tenant && self.values.len() < self.of_all {
            return true;
        }
        let least = self
            .values
            .iter()
            .filter(|(key, _)| own < self.of_tenant || key.tenant == *tenant)
            .map(|(key, place)| ((place.value.worth(), key.tenant != *tenant, place.used), key))
            .filter(|((worth, ..), _)| *worth != Worth::Busy)
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, key)| key.clone());
        least.is_some_and(|key| self.values.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Test(Worth);

    impl Default for Test {
        fn default() -> Self {
            Self(Worth::Something)
        }
    }

    impl Worthy for Test {
        fn worth(&self) -> Worth {
            self.0
        }
    }

    /// Keeps a value for each of `a1 b2 …`: tenant `a`, key `1`.
    fn kept(of_all: usize, of_tenant: usize, keys: &str) -> Kept<Test> {
        let mut kept = Kept::new(of_all, of_tenant);
        keys.split_whitespace().for_each(|key| assert!(kept.place(&named(key)).is_some(), "{key}"));
        kept
    }

    fn named(key: &str) -> Key {
        let (tenant, name) = key.split_at(1);
        Key::test(tenant, name)
    }

    fn left(kept: &Kept<Test>, keys: &str) -> Vec<String> {
        let there = keys.split_whitespace().filter(|key| kept.values.contains_key(&named(key)));
        there.map(str::to_owned).collect()
    }

    #[test]
    fn a_tenant_with_many_puts_out_its_own_that_was_longest_unused() {
        let mut kept = kept(9, 2, "b1 a1 a2");
        kept.find(&named("a1"));
        assert!(kept.place(&named("a3")).is_some());
        assert_eq!(left(&kept, "a1 a2 a3 b1"), ["a1", "a3", "b1"]);
    }

    #[test]
    fn what_is_worth_nothing_makes_room_first_whoever_has_it() {
        let mut kept = kept(4, 2, "a1 a2 b1 b2");
        kept.find(&named("b2")).unwrap().0 = Worth::Nothing;
        assert!(kept.place(&named("c1")).is_some());
        assert_eq!(left(&kept, "a1 a2 b1 b2 c1"), ["a1", "a2", "b1", "c1"]);
    }

    #[test]
    fn where_all_tenants_have_many_there_is_room_for_another_all_the_same() {
        let mut kept = kept(4, 3, "a1 b1 a2 a3");
        assert!(kept.place(&named("b2")).is_some(), "its own goes, not the oldest");
        assert_eq!(left(&kept, "a1 a2 a3 b1 b2"), ["a1", "a2", "a3", "b2"]);
        assert!(kept.place(&named("c1")).is_some(), "the oldest");
        assert_eq!(left(&kept, "a1 a2 a3 b2 c1"), ["a2", "a3", "b2", "c1"]);
    }

    #[test]
    fn what_somebody_is_changing_stays() {
        let mut kept = kept(9, 2, "a1 a2");
        kept.find(&named("a1")).unwrap().0 = Worth::Busy;
        assert!(kept.place(&named("a3")).is_some());
        assert_eq!(left(&kept, "a1 a2 a3"), ["a1", "a3"]);
        kept.find(&named("a3")).unwrap().0 = Worth::Busy;
        assert!(kept.place(&named("a4")).is_none());
        assert!(kept.place(&named("a1")).is_some());
    }
}
