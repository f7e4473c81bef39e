//! The meter of expressions, tested: every operator, filter and test over growing values. The charges are compared with
//! the bytes that a counting allocator saw, and their growth with that of the thread's CPU time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cases;
mod time;
mod visible;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use updraft_kernel::template::{Spent, Template, language};
use updraft_protocol::Value;
use updraft_protocol::limits::{EVALUATION_BYTES, EVALUATION_WORK, PLAYBOOK_COMPILED_BYTES};

use cases::{CASES, Case};
use visible::Data;

/// Allocations around an evaluation that are not charged: the data's text, messages, the root.
const BASE_BYTES: u64 = 16 << 10;

/// One evaluation, measured from outside.
struct Seen {
    rendered: bool,
    spent: Spent,
    made: u64,
    peak: u64,
    time: Duration,
}

/// The expression over data of about this size.
fn see(case: &Case, size: usize) -> Seen {
    let data = Data::new((case.data)(size));
    let template = case.template().unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", case.text));
    let mut seen = None;
    let memory = allocation_counter::measure(|| {
        let start = time::now();
        let (rendered, spent) = template.render_metered(&data);
        seen = Some((rendered.is_ok(), spent, time::now() - start));
    });
    let (rendered, spent, time) = seen.unwrap();
    Seen { rendered, spent, made: memory.bytes_total, peak: memory.bytes_max, time }
}

#[test]
fn every_filter_test_and_operator_has_a_case() {
    let known = language();
    let named: BTreeSet<&str> = CASES.iter().map(|case| case.of).collect();
    // Filters of structure are listed apart: they end a `{{ … }}`.
    let filters = [known.filters.as_slice(), &["path", "query", "spread"]].concat();
    let missing = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| !named.contains(name)).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(missing(&filters), none, "filters without a case");
    assert_eq!(missing(&known.tests), none, "tests without a case");
    assert_eq!(missing(&known.operators), none, "operators without a case");
    assert_eq!(missing(&known.statements), none, "statements without a case");
    let all: BTreeSet<&str> =
        [filters, known.tests, known.operators, known.statements].into_iter().flatten().collect();
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

#[test]
fn what_a_playbook_keeps_was_charged_for() {
    for text in [
        "{{1}}",
        "{{ input.a }}",
        "{{ steps.lookup.output.body.rows[0].name }}",
        "a {{ input.a|default('b') }} {% for x in input.list if x > 1 %}{{ loop.index }}{% endfor %}",
        "{{ input.list|selectattr('a', 'eq', 1)|map(attribute='b')|join(', ') }}",
        "{{ input.x|find_all('(a+)|b', 1)|map('replace_regex', '^a', '$0') }}",
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
