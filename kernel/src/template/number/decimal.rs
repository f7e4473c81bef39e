//! The digits of a number: their comparison, and the whole number before the point. Does no arithmetic, rounds nothing.

use std::cmp::Ordering;
use std::fmt::Write;

/// Room for the digits of a number that has few.
#[derive(Debug)]
pub(super) struct Short {
    bytes: [u8; 56],
    length: usize,
}

impl Short {
    pub(super) fn new() -> Self {
        Self { bytes: [0; 56], length: 0 }
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A number as its digits: those before the point and those after it, without zeros at either end, and the position of
/// the point relative to the first digit.
pub(super) struct Decimal<'n> {
    negative: bool,
    whole: &'n str,
    fraction: &'n str,
    point: i128,
}

impl<'n> Decimal<'n> {
    pub(super) fn read(text: &'n str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // An exponent beyond this is larger or smaller than any other.
        let bound = i128::from(i64::MAX);
        let beyond = if exponent.starts_with('-') { -bound } else { bound };
        let exponent = exponent.parse::<i128>().map_or(beyond, |exponent| exponent.clamp(-bound, bound));
        let mut point = exponent + whole.len() as i128;
        let (mut whole, mut fraction) = (whole, fraction.trim_end_matches('0'));
        if fraction.is_empty() {
            whole = whole.trim_end_matches('0');
        }
        let zeros = whole.len();
        whole = whole.trim_start_matches('0');
        point -= (zeros - whole.len()) as i128;
        if whole.is_empty() {
            let zeros = fraction.len();
            fraction = fraction.trim_start_matches('0');
            point -= (zeros - fraction.len()) as i128;
        }
        Self { negative, whole, fraction, point }
    }

    /// Whether a text is a number: digits with at most a sign, a point and an exponent.
    pub(super) fn is_one(text: &str) -> bool {
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = |text: &str| text.strip_prefix(['+', '-']).map_or(text.len(), str::len);
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent = exponent.get(exponent.len() - unsigned(exponent)..).unwrap_or_default();
        let mantissa = mantissa.get(mantissa.len() - unsigned(mantissa)..).unwrap_or_default();
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = whole.len() + fraction.len();
        digits > 0 && !exponent.is_empty() && [whole, fraction, exponent].into_iter().all(all_digits)
    }

    /// The whole number before the point; `None` if it has more than 64 bits.
    pub(super) fn whole_part(&self) -> Option<i128> {
        /// The digits of the largest number of 64 bits.
        const PLACES: i128 = 20;
        if self.sign() == 0 || self.point <= 0 {
            return Some(0);
        }
        let places = usize::try_from(self.point).ok().filter(|_| self.point <= PLACES)?;
        let digits = self.digits().chain(std::iter::repeat(b'0')).take(places);
        let whole = digits.fold(0_i128, |whole, digit| whole * 10 + i128::from(digit.wrapping_sub(b'0')));
        Some(if self.negative { -whole } else { whole })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn sign(&self) -> i8 {
        match (self.whole.is_empty() && self.fraction.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_sign = self.sign().cmp(&other.sign());
        if by_sign.is_ne() || self.sign() == 0 {
            return by_sign;
        }
        let size = self.point.cmp(&other.point).then_with(|| self.digits().cmp(other.digits()));
        if self.negative { size.reverse() } else { size }
    }
}
