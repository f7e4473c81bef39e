//! What became of test cases, as JUnit XML, which CI servers read.

use std::fmt::Write;

use super::Told;

/// The report: a suite for each file.
pub(super) fn report(told: &[Told]) -> String {
    let failed = |cases: &[Told]| cases.iter().filter(|case| !case.passed).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(&mut text, format_args!("<testsuites tests=\"{}\" failures=\"{}\">", told.len(), failed(told)));
    for cases in told.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = cases.first() else { continue };
        let millis: u64 = cases.iter().map(|case| case.millis).sum();
        put(
            &mut text,
            format_args!(
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{}\">",
                escaped(&first.file),
                cases.len(),
                failed(cases),
                seconds(millis)
            ),
        );
        for case in cases {
            let (file, name, time) = (escaped(&case.file), escaped(&case.name), seconds(case.millis));
            let begin = format!("    <testcase classname=\"{file}\" name=\"{name}\" time=\"{time}\"");
            if case.passed {
                put(&mut text, format_args!("{begin}/>"));
                continue;
            }
            let first = case.differences.first().map(String::as_str).unwrap_or_default();
            put(&mut text, format_args!("{begin}>"));
            let all = escaped(&case.differences.join("\n"));
            put(&mut text, format_args!("      <failure message=\"{}\">{all}</failure>", escaped(first)));
            put(&mut text, format_args!("    </testcase>"));
        }
        put(&mut text, format_args!("  </testsuite>"));
    }
    put(&mut text, format_args!("</testsuites>"));
    text
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text never fails.
    let _ = writeln!(text, "{line}");
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// A text for XML: what it cannot hold, control characters, becomes `?`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &str, name: &str, differences: &[&str]) -> Told {
        let differences: Vec<String> = differences.iter().map(|told| (*told).to_owned()).collect();
        let passed = differences.is_empty();
        let (file, name) = (file.to_owned(), name.to_owned());
        Told { file, name, passed, end: "completed", steps: 1, calls: 1, millis: 1_234, differences }
    }

    #[test]
    fn a_report_holds_whatever_a_case_says() {
        let cases = [
            told("a", "one", &[]),
            told("a", "<two> & \"b\"", &["x: \u{1b}[2J", "y"]),
            told("b", "three", &[]),
        ];
        assert_eq!(
            report(&cases),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites tests=\"3\" failures=\"1\">\n  \
             <testsuite name=\"a\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"2.468\">\n    \
             <testcase classname=\"a\" name=\"one\" time=\"1.234\"/>\n    \
             <testcase classname=\"a\" name=\"&lt;two&gt; &amp; &quot;b&quot;\" time=\"1.234\">\n      \
             <failure message=\"x: ?[2J\">x: ?[2J&#10;y</failure>\n    \
             </testcase>\n  \
             </testsuite>\n  \
             <testsuite name=\"b\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"1.234\">\n    \
             <testcase classname=\"b\" name=\"three\" time=\"1.234\"/>\n  \
             </testsuite>\n\
             </testsuites>\n"
        );
    }
}
