//! The charges, compared with the thread's CPU time: their growth, and the time of a unit of work.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use updraft_kernel::template::Template;
use updraft_protocol::Value;
use updraft_protocol::limits::PLAYBOOK_COMPILE_WORK;

use super::cases::{CASES, Case};
use super::{Seen, see};

pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// The smallest time of some runs: a disturbance makes a run longer, never shorter.
fn quickest(case: &Case, size: usize) -> Seen {
    const RUNS: usize = 3;
    let mut runs: Vec<Seen> = (0..RUNS).map(|_| see(case, size)).collect();
    runs.sort_by_key(|seen| seen.time);
    runs.remove(0)
}

/// The time of one step of plain work here and now, built as the kernel is: bytes are looked at one by one, and kept.
fn step() -> f64 {
    let text = "[12, \"a b\", null]".repeat(4_000);
    let read = || {
        let start = now();
        let (mut kept, mut at) = (Vec::new(), 0);
        while let Some(byte) = text.as_bytes().get(at) {
            match byte {
                b'0'..=b'9' => kept.push(u64::from(byte - b'0')),
                b'"' | b'[' | b']' => kept.push(1),
                _ => {}
            }
            at += 1;
        }
        assert!(std::hint::black_box(kept).len() < text.len());
        seconds(now() - start) / text.len() as f64
    };
    (0..20).map(|_| read()).fold(f64::MAX, f64::min)
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The additional time of each additional unit, from size to size, if the difference is long enough to be measured.
fn rates(case: &Case) -> Vec<f64> {
    /// Below this a difference of two runs is too short to be compared.
    const SHORT: f64 = 300e-6;
    let runs: Vec<Seen> = [8_000, 32_000, 128_000].into_iter().map(|size| quickest(case, size)).collect();
    let whole = runs.iter().take_while(|seen| seen.rendered).count();
    let differences = runs[..whole].windows(2).map(|pair| {
        let time = seconds(pair[1].time) - seconds(pair[0].time);
        (time, pair[1].spent.work as f64 - pair[0].spent.work as f64)
    });
    let long = differences.filter(|(time, _)| *time > SHORT);
    long.map(|(time, work)| {
        assert!(work > 0.0, "{} takes longer over larger values, and is charged no more", case.text);
        time / work
    })
    .collect()
}

#[test]
fn what_takes_longer_over_larger_values_is_charged_as_much_more() {
    /// How much more time a unit of work may take over values four times as large: caches are exceeded, pages are new.
    const SLACK: f64 = 3.0;
    /// True growth shows in each try; a disturbance does not.
    const TRIES: usize = 3;
    let mut compared = 0;
    for case in CASES {
        let mut seen = vec![];
        let fits = (0..TRIES).any(|_| {
            seen = rates(case);
            seen.windows(2).all(|pair| pair[1] <= SLACK * pair[0])
        });
        compared += seen.len().saturating_sub(1);
        assert!(fits, "{}: seconds for each unit of work grow: {seen:?}", case.text);
    }
    assert!(compared > CASES.len() / 4, "{compared} of {} cases were long enough", CASES.len());
}

#[test]
fn a_unit_of_work_takes_no_longer_than_some_steps() {
    /// The largest measured value was 2.2.
    const STEPS: f64 = 6.0;
    /// Below it the time is that of setting up an evaluation.
    const WORK: u64 = 30_000;
    let (step, mut compared) = (step(), 0);
    for case in CASES {
        let seen = quickest(case, 128_000);
        if seen.spent.work < WORK {
            continue;
        }
        compared += 1;
        let steps = seconds(seen.time) / seen.spent.work as f64 / step;
        assert!(steps <= STEPS, "{}: a unit of work takes {steps:.1} steps", case.text);
    }
    assert!(compared > CASES.len() * 9 / 10, "{compared} of {} cases did enough", CASES.len());
}

/// The time of a unit of work when a playbook with only this pattern is checked, until the budget is spent.
fn checked(pattern: &str) -> f64 {
    let text = format!("{{{{ input.x is matching('{}') }}}}", pattern.replace('\\', "\\\\"));
    let value = Value::Array(vec![text.as_str().into(); 4_000]);
    let start = now();
    let mistakes = Template::compile("arguments", &value).unwrap_err();
    let time = seconds(now() - start);
    let last = mistakes.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("the playbook takes too long to check"), "{pattern}: {last}");
    time / PLAYBOOK_COMPILE_WORK as f64
}

#[test]
fn no_pattern_takes_longer_to_check_than_it_is_charged_for() {
    /// How much longer a unit may take than with an ordinary pattern.
    const SLACK: f64 = 3.0;
    let plain = checked("(?i)powershell.*\\s-enc\\s+[a-z0-9+/=]{20,}");
    for pattern in [
        format!("(?i){}", "\\p{any}".repeat(7)),
        format!("(?i){}", "\\P{Greek}".repeat(7)),
        format!("(?i){}", "\\p{Greek}".repeat(90)),
        format!("(?i){}", "\\pL".repeat(300)),
        format!("(?i){}", "[[^a]b]".repeat(7)),
        format!("(?i){}", "[\\w.]".repeat(200)),
        format!("(?i){}", "[\\d\\D]".repeat(7)),
        format!("(?i:{})", "[a-\u{10ffff}]".repeat(7)),
        format!("(?i){}a{}", "[".repeat(9), "--[^b]]".repeat(9)),
        format!("(?i){}", "\\p{age=V12_0}".repeat(20)),
        "\\p{age=V12_0}".repeat(70),
        format!("[{}]", "\\pL\\p{Cn}".repeat(110)),
        format!("(?i)[{}]", "\\pL\\pN\\pS\\pP\\pC\\pM\\pZ".repeat(3)),
        "\\pL|\\p{Cn}|".repeat(90),
        "\\w{500}".to_owned(),
        "(a{1000}){1000}".to_owned(),
        format!("(?i){}", "k".repeat(1_000)),
        "ab|".repeat(340),
    ] {
        let each = checked(&pattern);
        assert!(each <= SLACK * plain, "{pattern}: {:.1} times as long as it may", each / plain);
    }
}
