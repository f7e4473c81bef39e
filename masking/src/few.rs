//! A short list without an allocation. Owns its bound: further items are dropped.

/// At most `N` items, in the order of their insertion.
#[derive(Clone, Copy)]
pub(crate) struct Few<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// A list of one item.
    pub(crate) fn one(item: T) -> Self {
        let mut few = Self::default();
        few.push(item);
        few
    }

    /// Adds an item, if there is room.
    pub(crate) fn push(&mut self, item: T) {
        if let Some(place) = self.items.get_mut(self.len) {
            *place = item;
            self.len += 1;
        }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self { items: [T::default(); N], len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_in_order_and_what_does_not_fit_is_not_kept() {
        let mut few = Few::<u8, 2>::one(1);
        few.push(2);
        few.push(3);
        assert_eq!(few.as_slice(), [1, 2]);
    }
}
