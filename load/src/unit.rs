//! Units of figures, which stand last in their names: how people read a figure, and how they write a value for one.

/// Names of a kind of unit, and how many of the base each is; as figures are shown, the largest first.
type Scale = &'static [(f64, &'static str)];

const TIMES: Scale = &[(1.0, " s"), (1e-3, " ms"), (1e-6, " µs")];
const MEBIBYTES: Scale = &[(1_048_576.0, " MiB")];
/// Units in which values are written: of seconds, and of bytes.
const WRITTEN_TIMES: Scale = &[(1e-6, "us"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min")];
const WRITTEN_BYTES: Scale =
    &[(1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB"), (1e3, "KB"), (1e6, "MB"), (1e9, "GB")];

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    /// Things in a second: of a rate, `_per_s` is no time.
    PerSecond,
    /// Times, of so many seconds each.
    Time(f64),
    Bytes,
    Number,
}

/// The unit of a figure by its name.
fn unit(key: &str) -> Unit {
    match key {
        _ if key.ends_with("_per_s") => Unit::PerSecond,
        _ if key.ends_with("_us") || key.ends_with("_us_per_step") => Unit::Time(1e-6),
        _ if key.ends_with("_ms") => Unit::Time(1e-3),
        _ if key.ends_with("_s") => Unit::Time(1.0),
        _ if key.ends_with("bytes") => Unit::Bytes,
        _ => Unit::Number,
    }
}

/// A figure with its unit, as people read it.
pub(crate) fn shown(key: &str, value: f64) -> String {
    match unit(key) {
        Unit::Time(seconds) => time(value * seconds),
        Unit::Bytes => bytes(value),
        Unit::Number if value.fract() != 0.0 => format!("{value:.3}"),
        Unit::PerSecond | Unit::Number => grouped(value),
    }
}

/// A value that was written for a figure, in the figure's own unit.
pub(crate) fn read(key: &str, text: &str) -> Result<f64, String> {
    let finite = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    if let Some(number) = finite(text) {
        return Ok(number);
    }
    let number = text.trim_end_matches(char::is_alphabetic);
    let (own, written) = match unit(key) {
        Unit::Time(seconds) => (seconds, WRITTEN_TIMES),
        Unit::Bytes => (1.0, WRITTEN_BYTES),
        _ => return Err(format!("`{text}`: `{key}` takes a number without a unit")),
    };
    let fits = finite(number.trim()).zip(written.iter().find(|(_, name)| *name == &text[number.len()..]));
    fits.map(|(number, (of_unit, _))| number * of_unit / own).ok_or_else(|| {
        let allowed: Vec<&str> = written.iter().map(|(_, name)| *name).collect();
        format!("`{text}`: `{key}` takes a number, alone or with one of {}", allowed.join(", "))
    })
}

/// Seconds as people read them.
pub(crate) fn time(seconds: f64) -> String {
    scaled(seconds, TIMES)
}

pub(crate) fn bytes(bytes: f64) -> String {
    scaled(bytes, MEBIBYTES)
}

/// In the largest unit of which it is one, else in the smallest; two decimals, without zeros at the end.
fn scaled(value: f64, scale: Scale) -> String {
    let unit = scale.iter().find(|(factor, _)| value.abs() >= *factor).or(scale.last());
    let (factor, name) = unit.copied().unwrap_or((1.0, ""));
    let text = format!("{:.2}", value / factor);
    format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_with_their_units() {
        let figures = [
            shown("executions_per_s", 24_300.4),
            shown("submit_p99_us", 180.0),
            shown("submit_p99_us", 1_800_000.0),
            shown("execution_p50_ms", 1.5),
            shown("cpu_s", 2.0),
            shown("rss_peak_bytes", 1_048_576.0),
            shown("errors", 0.0),
            shown("store.coalesced_ratio", 0.5),
        ];
        assert_eq!(figures, ["24,300", "180 µs", "1.8 s", "1.5 ms", "2 s", "1 MiB", "0", "0.500"]);
    }
}
