//! Whether what a process keeps stays as it is: the last third of the samples against the first. Takes no samples.

use super::Sample;

/// How much more there may be in the last third than in the first: a share, and so much beside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Of what there was.
    pub share: f64,
    /// Beside it.
    pub beside: f64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Trend {
    /// It stays as it is; what was compared.
    Flat(String),
    /// It grows; what was compared.
    Grows(String),
    /// There is too little to be compared.
    TooShort,
}

/// Samples that a third needs, to be one.
const LEAST: usize = 3;

/// Judges the medians of the thirds: a moment with more, or less, is no trend.
pub fn judge(name: &str, samples: &[Sample], of: impl Fn(&Sample) -> f64, band: Band) -> Trend {
    let third = samples.len() / 3;
    if third < LEAST {
        return Trend::TooShort;
    }
    let median = |samples: &[Sample]| {
        let mut values: Vec<f64> = samples.iter().map(&of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (first, last) = (median(&samples[..third]), median(&samples[samples.len() - third..]));
    let most = first * (1.0 + band.share) + band.beside;
    let said = format!("{name}: {first:.1} in the first third, {last:.1} in the last, at most {most:.1}");
    if last <= most { Trend::Flat(said) } else { Trend::Grows(said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAND: Band = Band { share: 0.1, beside: 2.0 };

    fn of(values: impl IntoIterator<Item = u32>) -> Trend {
        let samples: Vec<Sample> = values
            .into_iter()
            .map(|value| Sample { resident_bytes: f64::from(value), ..Sample::default() })
            .collect();
        judge("memory", &samples, |sample| sample.resident_bytes, BAND)
    }

    #[test]
    fn what_stays_or_swings_is_flat_and_what_rises_grows() {
        assert!(matches!(of([100; 30]), Trend::Flat(_)));
        assert!(matches!(of((0..30).map(|at| 100 + at % 2 * 50)), Trend::Flat(_)));
        assert!(matches!(of((0..30).map(|at| if at == 29 { 900 } else { 100 })), Trend::Flat(_)));
        assert!(matches!(of((0..30).map(|at| 100 + at)), Trend::Grows(_)));
        assert!(matches!(of((0..30).map(|at| 100 - at)), Trend::Flat(_)));
    }

    #[test]
    fn the_band_is_a_share_and_so_much_beside() {
        let step = |more: u32| of((0..30).map(|at| if at < 15 { 100 } else { 100 + more }));
        assert!(matches!(step(12), Trend::Flat(_)));
        assert_eq!(
            step(13),
            Trend::Grows("memory: 100.0 in the first third, 113.0 in the last, at most 112.0".into())
        );
    }

    #[test]
    fn a_few_samples_say_nothing() {
        assert_eq!(of([1; 8]), Trend::TooShort);
    }
}
