//! Figures as people read them: with their units, and as short as they can be.

/// A figure with its unit, as people read it.
pub(crate) fn figure(key: &str, value: f64) -> String {
    match key {
        _ if key.ends_with("_per_s") => grouped(value),
        _ if key.ends_with("_us") || key.ends_with("us_per_step") => match value {
            v if v >= 1e6 => format!("{} s", short(v / 1e6)),
            v if v >= 1e4 => format!("{:.1} ms", v / 1e3),
            v => format!("{v:.0} µs"),
        },
        _ if key.ends_with("_ms") => match value {
            v if v >= 1e4 => format!("{:.1} s", v / 1e3),
            v => format!("{v:.2} ms"),
        },
        _ if key.ends_with("_s") => format!("{value:.2} s"),
        _ if key.ends_with("bytes") => format!("{:.1} MiB", value / f64::from(1 << 20)),
        _ if value.fract() == 0.0 => grouped(value),
        _ => format!("{value:.3}"),
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// A number as short as it can be read: `950`, `1.2k`, `24k`, `3M`.
pub(crate) fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "G"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = usize::from(value.abs() < 10.0) + usize::from(value.abs() < 1.0);
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_with_their_units() {
        let shown = [
            figure("executions_per_s", 24_300.4),
            figure("submit_p99_us", 180.0),
            figure("submit_p99_us", 1_800_000.0),
            figure("execution_p50_ms", 1.5),
            figure("cpu_s", 2.0),
            figure("rss_peak_bytes", 1_048_576.0),
            figure("errors", 0.0),
            figure("store.coalesced_ratio", 0.5),
        ];
        let wanted = ["24,300", "180 µs", "1.8 s", "1.50 ms", "2.00 s", "1.0 MiB", "0", "0.500"];
        assert_eq!(shown, wanted);
    }
}
