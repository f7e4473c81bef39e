//! Arithmetic with decimals, so that `0.1 + 0.2` is `0.3`. The digits of a result before its point are kept; digits
//! after it may be rounded. A result that would lose others is refused.

use std::fmt::Write;

use super::decimal::Short;
use super::{Amount, inexact, is_written, too_large};
use crate::meter::{Result, refuse};
use crate::template::code::Operator;

/// The cost of an operator beside its operands if one has a fraction: digits are written and read.
pub(in crate::template) const FRACTION_WORK: u64 = 512;
/// Every whole number below it is a float.
const WHOLE: f64 = (1_u64 << 53) as f64;
/// The most digits of a coefficient, with one to spare.
const DIGITS: u32 = i128::MAX.ilog10() - 1;

/// A decimal: the coefficient times ten to the power.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Exact {
    coefficient: i128,
    power: i32,
    /// Whether there are more digits than are kept; the last digit represents them.
    more: bool,
}

/// The direction of rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Rounding {
    /// To the nearest; from the middle to the even one.
    Nearest,
    Up,
    Down,
}

impl From<Amount> for Exact {
    fn from(amount: Amount) -> Self {
        match amount {
            Amount::Whole(number) => Self::whole(number),
            Amount::Fraction(number) => Self::shortest(number),
        }
    }
}

impl Exact {
    pub(in crate::template) const fn whole(number: i128) -> Self {
        Self::new(number, 0)
    }

    const fn new(coefficient: i128, power: i32) -> Self {
        Self { coefficient, power, more: false }
    }

    /// The decimal that a float is written as.
    fn shortest(number: f64) -> Self {
        let mut text = Short::new();
        // The text is short enough for the buffer.
        let _ = write!(text, "{number:e}");
        let (mantissa, exponent) = text.as_str().split_once('e').unwrap_or((text.as_str(), "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = Short::new();
        let _ = write!(digits, "{whole}{fraction}");
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let places = i32::try_from(fraction.len()).unwrap_or_default();
        Self::new(digits.as_str().parse().unwrap_or_default(), exponent - places)
    }

    /// The number, rounded after its point as far as a float needs it.
    ///
    /// # Errors
    /// The number would lose other digits.
    pub(in crate::template) fn settle(self) -> Result<Amount> {
        let (near, same) = self.nearest()?;
        // Rounding a number that is nearly zero leaves no correct digit.
        if same || (near.abs() < WHOLE && near.is_normal()) { Ok(Amount::Fraction(near)) } else { inexact() }
    }

    /// The number as a float.
    ///
    /// # Errors
    /// The conversion would change the number.
    pub(in crate::template) fn exactly(self) -> Result<f64> {
        let (near, same) = self.nearest()?;
        if same { Ok(near) } else { inexact() }
    }

    /// The nearest float, and whether it is the same number.
    fn nearest(self) -> Result<(f64, bool)> {
        let mut text = Short::new();
        // The text is short enough for the buffer.
        let _ = write!(text, "{}e{}", self.coefficient, self.power);
        match text.as_str().parse::<f64>() {
            Ok(near) if near.is_finite() => Ok((near, !self.more && is_written(text.as_str(), near))),
            _ => refuse("the number is not finite"),
        }
    }

    fn negated(self) -> Self {
        Self { coefficient: -self.coefficient, ..self }
    }

    fn plus(self, other: Self) -> Option<Self> {
        if let Some((left, right, power)) = self.aligned(other) {
            return Some(Self::new(left.checked_add(right)?, power));
        }
        // They are so far apart that the digits of the smaller are beyond those of a float: one more digit decides in
        // which direction the nearest float is.
        let (large, small) = if self.power > other.power { (self, other) } else { (other, self) };
        let by = DIGITS.checked_sub(large.coefficient.unsigned_abs().checked_ilog10()? + 1)?;
        let large =
            Self::new(large.coefficient.checked_mul(ten(by)?)?, large.power - i32::try_from(by).ok()?);
        let unit = ten(large.power.abs_diff(small.power)).unwrap_or(i128::MAX);
        let sum = large.coefficient.checked_add(small.coefficient / unit)?.checked_mul(10)?;
        let more = small.coefficient % unit != 0;
        let last = if more { small.coefficient.signum() } else { 0 };
        Some(Self { coefficient: sum.checked_add(last)?, power: large.power - 1, more })
    }

    fn times(self, other: Self) -> Option<Self> {
        Some(Self::new(self.coefficient.checked_mul(other.coefficient)?, self.power + other.power))
    }

    /// The quotient, with more digits than a float has.
    fn divided(self, by: Self) -> Option<Self> {
        let divisor = by.coefficient;
        let (mut quotient, mut rest) =
            (self.coefficient.checked_div(divisor)?, self.coefficient.checked_rem(divisor)?);
        let mut power = self.power - by.power;
        let full = ten(DIGITS - 1)?;
        while rest != 0 && quotient.abs() < full {
            rest = rest.checked_mul(10)?;
            quotient = quotient * 10 + rest / divisor;
            rest %= divisor;
            power -= 1;
        }
        if rest == 0 {
            return Some(Self::new(quotient, power));
        }
        let last = rest.signum() * divisor.signum();
        Some(Self { coefficient: quotient.checked_mul(10)?.checked_add(last)?, power: power - 1, more: true })
    }

    /// The coefficients of both with the same power.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let power = self.power.min(other.power);
        let raised = |number: Self| match number.coefficient {
            0 => Some(0),
            coefficient => coefficient.checked_mul(ten(number.power.abs_diff(power))?),
        };
        Some((raised(self)?, raised(other)?, power))
    }

    /// With at most so many digits after the point; negative numbers put zeros before it.
    pub(in crate::template) fn rounded(self, places: i32, rounding: Rounding) -> Self {
        /// More digits than any rounded coefficient has.
        const ALL: u32 = 37;
        let dropped = u32::try_from(-places - self.power).unwrap_or(0).min(ALL);
        let Some(unit) = ten(dropped).filter(|_| dropped > 0) else { return self };
        let (down, rest) = (self.coefficient.div_euclid(unit), self.coefficient.rem_euclid(unit));
        let up = match rounding {
            Rounding::Down => false,
            Rounding::Up => rest > 0,
            Rounding::Nearest => rest > unit / 2 || (rest == unit / 2 && down % 2 != 0),
        };
        Self::new(down + i128::from(up), -places)
    }

    /// The whole number that it is; `None` if it has a fraction, or more digits than the arithmetic takes.
    pub(in crate::template) fn as_whole(self) -> Result<Option<i128>> {
        let unit = ten(self.power.unsigned_abs());
        match (self.coefficient, self.power) {
            (0, _) => Ok(Some(0)),
            (coefficient, ..=0) => {
                Ok(unit.filter(|unit| coefficient % unit == 0).map(|unit| coefficient / unit))
            }
            (coefficient, _) => {
                let whole = unit.and_then(|unit| coefficient.checked_mul(unit));
                whole.map_or_else(inexact, |whole| Ok(Some(whole)))
            }
        }
    }
}

fn ten(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}

impl Amount {
    /// The value of `self operator right`.
    ///
    /// # Errors
    /// A division by zero, or a result that would lose digits before its point.
    pub(in crate::template) fn calculate(self, operator: Operator, right: Self) -> Result<Self> {
        if let (Self::Whole(left), Self::Whole(right)) = (self, right)
            && operator != Operator::Divide
        {
            let whole = match operator {
                Operator::Add => left.checked_add(right),
                Operator::Subtract => left.checked_sub(right),
                Operator::Multiply => left.checked_mul(right),
                _ if right == 0 => return refuse("division by zero"),
                Operator::DivideWhole => left.checked_div_euclid(right),
                _ => left.checked_rem_euclid(right),
            };
            return whole.map_or_else(too_large, |whole| Ok(Self::Whole(whole)));
        }
        let (left, right) = (Exact::from(self), Exact::from(right));
        let result = match operator {
            Operator::Add => left.plus(right),
            Operator::Subtract => left.plus(right.negated()),
            Operator::Multiply => left.times(right),
            _ if right.coefficient == 0 => return refuse("division by zero"),
            Operator::Divide | Operator::Join => left.divided(right),
            Operator::DivideWhole => left
                .aligned(right)
                .and_then(|(left, right, _)| left.checked_div_euclid(right).map(Exact::whole)),
            Operator::Remainder => left.aligned(right).and_then(|(left, right, power)| {
                left.checked_rem_euclid(right).map(|rest| Exact::new(rest, power))
            }),
        };
        result.map_or_else(inexact, Exact::settle)
    }
}
