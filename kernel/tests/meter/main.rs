//! The meter of expressions, tested: every operator, filter and test over growing values. What is charged is compared
//! with the bytes that a counting allocator saw, and its growth with that of the thread's CPU time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cases;
mod scope;

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use updraft_kernel::template::{Spent, Template, language};
use updraft_protocol::Value;
use updraft_protocol::limits::{EVALUATION_BYTES, EVALUATION_WORK, PLAYBOOK_COMPILED_BYTES};

use cases::{CASES, Case};
use scope::Data;

/// What the machine around an evaluation may make that is not charged: the data's text handed over, messages, the root.
const BASE_BYTES: u64 = 16 << 10;

/// One evaluation, seen from outside.
struct Seen {
    rendered: bool,
    spent: Spent,
    made: u64,
    peak: u64,
    time: Duration,
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// The expression over data of about this size.
fn see(case: &Case, size: usize) -> Seen {
    let data = Data::new((case.data)(size));
    let template = Template::compile("arguments", &json!({ "x": case.text }).into())
        .unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", case.text));
    let mut seen = None;
    let memory = allocation_counter::measure(|| {
        let start = now();
        let (rendered, spent) = template.render_metered(&data);
        seen = Some((rendered.is_ok(), spent, now() - start));
    });
    let (rendered, spent, time) = seen.unwrap();
    Seen { rendered, spent, made: memory.bytes_total, peak: memory.bytes_max, time }
}

#[test]
fn every_filter_test_and_operator_has_a_case() {
    let known = language();
    let named: BTreeSet<&str> = CASES.iter().map(|case| case.of).collect();
    let missing = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| !named.contains(name)).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(missing(&known.filters), none, "filters without a case");
    assert_eq!(missing(&known.tests), none, "tests without a case");
    assert_eq!(missing(&known.operators), none, "operators without a case");
    assert_eq!(missing(&known.statements), none, "statements without a case");
    let all: BTreeSet<&str> =
        [known.filters, known.tests, known.operators, known.statements].into_iter().flatten().collect();
    let unknown: Vec<_> = named.difference(&all).collect();
    assert!(unknown.is_empty(), "cases of what is not there: {unknown:?}");
}

#[test]
fn what_is_made_was_charged_for() {
    let mut wrong = vec![];
    for case in CASES {
        for size in [0, 1, 1_000, 100_000] {
            let seen = see(case, size);
            let charged = seen.spent.bytes + BASE_BYTES;
            if seen.made > charged || seen.peak > charged {
                let (made, peak, spent) = (seen.made, seen.peak, seen.spent.bytes);
                wrong.push(format!(
                    "{} at {size}: {made} bytes were made, {peak} at once, {spent} charged",
                    case.text
                ));
            }
            assert!(
                seen.spent.bytes <= EVALUATION_BYTES && seen.spent.work <= EVALUATION_WORK,
                "{}",
                case.text
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The smallest time of some runs: what disturbs a run makes it longer, never shorter.
fn quickest(case: &Case, size: usize) -> Seen {
    const RUNS: usize = 3;
    let mut runs: Vec<Seen> = (0..RUNS).map(|_| see(case, size)).collect();
    runs.sort_by_key(|seen| seen.time);
    runs.remove(0)
}

#[test]
fn what_takes_longer_over_larger_values_is_charged_as_much_more() {
    /// Below this a difference of two runs is too short to be compared.
    const SHORT: f64 = 300e-6;
    /// How much more time a unit of work may take over values four times as large: caches end, pages are new.
    const SLACK: f64 = 3.0;
    for case in CASES {
        let runs: Vec<Seen> = [8_000, 32_000, 128_000].into_iter().map(|size| quickest(case, size)).collect();
        let whole = runs.iter().take_while(|seen| seen.rendered).count();
        let rates: Vec<f64> = runs[..whole]
            .windows(2)
            .map(|pair| {
                (seconds(&pair[1]) - seconds(&pair[0]), pair[1].spent.work as f64 - pair[0].spent.work as f64)
            })
            .filter(|(time, _)| *time > SHORT)
            .map(|(time, work)| {
                assert!(work > 0.0, "{} takes longer over larger values, and is charged no more", case.text);
                time / work
            })
            .collect();
        for pair in rates.windows(2) {
            assert!(
                pair[1] <= SLACK * pair[0],
                "{}: seconds for each unit of work grow: {rates:?}",
                case.text
            );
        }
    }
}

fn seconds(seen: &Seen) -> f64 {
    seen.time.as_secs_f64()
}

#[test]
fn what_a_playbook_keeps_was_charged_for() {
    for text in [
        "{{1}}",
        "{{ input.a }}",
        "{{ steps.lookup.output.body.rows[0].name }}",
        "a {{ input.a|default('b') }} {% for x in input.list if x > 1 %}{{ loop.index }}{% endfor %}",
        "{{ input.list|selectattr('a', 'eq', 1)|map(attribute='b')|join(', ') }}",
        "{{ {'a': [1, 2, (3, 'x')], 'b': input.x[1:2]} if input.y is matching('^a+$') else 'no' ~ input.z }}",
        "{% set a = 1 %}{% set b = a + 1 %}{% with c = b %}{{ c }}{% endwith %}{% if a == b and not a in [1] %}x{% elif a %}y{% endif %}",
    ] {
        let texts: Vec<_> = (0..200).map(|_| text).collect();
        let value = json!(texts).into();
        let mut template = None;
        let memory = allocation_counter::measure(|| template = Template::compile("arguments", &value).ok());
        let template = template.unwrap_or_else(|| panic!("{text}"));
        let kept = u64::try_from(memory.bytes_current).unwrap();
        assert!(
            kept <= template.bytes() as u64,
            "{text}: {kept} bytes are kept, {} are charged",
            template.bytes()
        );
    }
}

#[test]
fn checking_a_text_never_takes_more_than_the_playbook_may() {
    let bound = u64::try_from(3 * PLAYBOOK_COMPILED_BYTES).unwrap();
    for text in [
        "{{1}}".to_owned(),
        "{{ input.x is matching('[a-z]{900}') }}".to_owned(),
        format!("{{{{ [{}] }}}}", "1,".repeat(5_000)),
    ] {
        let count = 1_000_000 / (text.len() + 3);
        let value = Value::Array(vec![text.as_str().into(); count]);
        let mut mistakes = None;
        let memory = allocation_counter::measure(|| mistakes = Template::compile("arguments", &value).err());
        let short: String = text.chars().take(30).collect();
        let mistakes = mistakes.unwrap_or_else(|| panic!("{count} times {short}"));
        assert!(
            mistakes[0].path.starts_with("arguments[") && mistakes[0].message.contains("the playbook"),
            "{}",
            mistakes[0]
        );
        assert!(memory.bytes_max <= bound, "{count} times {short}: {} bytes at once", memory.bytes_max);
    }
}
