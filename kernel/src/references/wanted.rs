//! The parts of a JSON text that the templates of one step read. They are known beforehand, so that only they are made
//! into values.

use std::collections::BTreeSet;

/// The places that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// In order and without duplicates, once `settle` was called.
    places: Vec<WantedPath>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct WantedPath {
    keys: Box<[WantedKey]>,
    /// All of it is read; otherwise only whether it is there.
    whole: bool,
}

/// A key that leads from a value to one inside of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WantedKey {
    Name(Box<str>),
    Index(u64),
}

/// The parts of one value that are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedPart<'w> {
    /// The places inside of it.
    places: &'w [WantedPath],
    /// The number of keys that lead to it.
    depth: usize,
    whole: bool,
}

impl Wanted {
    /// Adds a place; `whole` says that it is read, not only checked for existence.
    pub(crate) fn add(&mut self, keys: Vec<WantedKey>, whole: bool) {
        self.places.push(WantedPath { keys: keys.into(), whole });
    }

    /// Adds the places of another text.
    pub(crate) fn merge(&mut self, other: Self) {
        self.places.extend(other.places);
    }

    /// Orders the places: called before anything is read.
    pub(crate) fn settle(&mut self) {
        self.places.sort_unstable();
        self.places.dedup();
        self.places.shrink_to_fit();
    }

    /// Their approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.places.iter().map(|place| WantedKey::bytes(&place.keys)).sum()
    }

    /// The places inside of one root, each as the names that lead to it, up to the first that is no name.
    pub(crate) fn names_in(&self, root: &str) -> BTreeSet<Vec<&str>> {
        let inside = self.places.iter().filter_map(|place| place.keys.split_first());
        let inside =
            inside.filter(|(first, _)| matches!(first, WantedKey::Name(name) if name.as_ref() == root));
        inside
            .map(|(_, keys)| {
                keys.iter()
                    .map_while(|key| match key {
                        WantedKey::Name(name) => Some(name.as_ref()),
                        WantedKey::Index(_) => None,
                    })
                    .collect()
            })
            .collect()
    }

    /// Everything that is read.
    pub(crate) fn all(&self) -> WantedPart<'_> {
        WantedPart::of(&self.places, 0)
    }
}

impl WantedKey {
    /// The approximate size of a place with these keys.
    pub(crate) fn bytes(keys: &[Self]) -> usize {
        const KEY_BYTES: usize = size_of::<WantedKey>() + 32;
        let names = keys.iter().map(|key| if let Self::Name(name) = key { name.len() } else { 0 });
        2 * size_of::<WantedPath>() + keys.len() * KEY_BYTES + names.sum::<usize>()
    }
}

impl<'w> WantedPart<'w> {
    /// All of a value.
    pub(crate) const WHOLE: WantedPart<'static> = WantedPart { places: &[], depth: 0, whole: true };

    fn of(places: &'w [WantedPath], depth: usize) -> Self {
        // Shorter places are before those inside of them.
        let own = places.iter().take_while(|place| place.keys.len() == depth);
        let whole = own.filter(|place| place.whole).count() > 0;
        let inside = places.partition_point(|place| place.keys.len() == depth);
        Self { places: places.get(inside..).unwrap_or_default(), depth, whole }
    }

    /// Whether all of it is read.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether no value of it is read: only its existence counts.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.whole && self.places.is_empty()
    }

    /// The part of the field with this name that is read.
    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        self.inside(|key| match key {
            WantedKey::Name(known) => known.as_ref().cmp(name),
            WantedKey::Index(_) => std::cmp::Ordering::Greater,
        })
    }

    /// The part of the item at this index that is read.
    pub(crate) fn item(&self, at: u64) -> Option<Self> {
        self.inside(|key| match key {
            WantedKey::Name(_) => std::cmp::Ordering::Less,
            WantedKey::Index(known) => known.cmp(&at),
        })
    }

    /// The highest index that is read.
    pub(crate) fn last_item(&self) -> Option<u64> {
        match self.places.last().and_then(|place| place.keys.get(self.depth)) {
            Some(WantedKey::Index(at)) => Some(*at),
            _ => None,
        }
    }

    fn inside(&self, order: impl Fn(&WantedKey) -> std::cmp::Ordering) -> Option<Self> {
        if self.whole {
            return Some(Self::WHOLE);
        }
        let order = |place: &WantedPath| place.keys.get(self.depth).map_or(std::cmp::Ordering::Less, &order);
        let start = self.places.partition_point(|place| order(place).is_lt());
        let end = self.places.partition_point(|place| order(place).is_le());
        let places = self.places.get(start..end).filter(|places| !places.is_empty())?;
        Some(Self::of(places, self.depth + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> WantedKey {
        WantedKey::Name(name.into())
    }

    #[test]
    fn a_place_is_found_from_key_to_key() {
        let mut wanted = Wanted::default();
        wanted.add(vec![name("b"), name("x")], true);
        wanted.add(vec![name("a"), WantedKey::Index(3), name("y")], true);
        wanted.add(vec![name("a"), WantedKey::Index(0)], false);
        wanted.add(vec![name("c"), name("z")], true);
        wanted.add(vec![name("c")], true);
        wanted.add(vec![name("c")], false);
        wanted.settle();
        let all = wanted.all();
        assert!(!all.is_whole() && !all.is_nothing() && all.field("d").is_none());
        let a = all.field("a").unwrap();
        assert_eq!(a.last_item(), Some(3));
        assert!(a.item(0).unwrap().is_nothing() && a.item(1).is_none());
        assert!(a.item(3).unwrap().field("y").unwrap().is_whole());
        assert!(all.field("b").unwrap().field("x").unwrap().is_whole());
        // A value that is read as a whole needs no list of its parts.
        let c = all.field("c").unwrap();
        assert!(c.is_whole() && c.field("z").unwrap().is_whole() && c.field("other").unwrap().is_whole());
        assert!(Wanted::default().all().is_nothing());
    }
}
