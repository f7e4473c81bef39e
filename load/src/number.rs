//! Whole numbers of the command line: the range that is taken, and the words for what is not in it.

use std::ops::RangeInclusive;

/// Reads a whole number in a range, which is within what `T` holds.
pub fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let needed = || format!("a whole number from {} to {} is needed", range.start(), range.end());
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_of_the_range_is_told_with_the_range() {
        let few = whole::<u16>(1..=100);
        assert_eq!((few("1"), few("100")), (Ok(1), Ok(100)));
        for text in ["0", "101", "-1", "1.5", "1e2", "abc", "", " 1", "18446744073709551616"] {
            assert_eq!(few(text), Err("a whole number from 1 to 100 is needed".to_owned()), "{text}");
        }
        assert!(whole::<u16>(0..=u64::MAX)("65536").is_err(), "more than it holds is none");
    }
}
