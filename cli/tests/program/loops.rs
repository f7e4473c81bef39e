//! Loops of a run: how far they have come is told while they run and when they have ended, without a flood of lines.

use crate::ended::ended;
use crate::given::{files, playbook};

const LOOPS: &str = "
  - id: all
    for_each: '[1, 2, 3, 4]'
    as: number
    at_once: 1
    tolerate: 1
    do:
      - delay: 700ms
      - if: number == 3
        then: [{fail: 'no'}]
  - id: poll
    until: round_index == 1
    at_most: 5
    pause: 1s
    do: [{delay: 700ms}]
";

#[test]
fn a_run_tells_how_far_its_loops_have_come_and_how_they_ended() {
    let dir = files(&[("p.yaml", &playbook(LOOPS))]);
    let run = ended(dir.path(), &["run", "p.yaml"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let lines = |step: &str, text: &str| {
        run.out.lines().filter(|line| line.contains(&format!("  {step}")) && line.contains(text)).count()
    };
    assert_eq!(lines("all", "completed "), 1, "{}", run.out);
    assert_eq!(lines("all", ", 4 of 4, 1 failed"), 1, "{}", run.out);
    assert_eq!(lines("poll", ", 2 rounds"), 1, "{}", run.out);
    // Both run less than five seconds, so that each has a line or none beside its beginning and its end.
    assert_eq!(lines("all", "0 of 4"), 1, "{}", run.out);
    assert!(lines("all", " of 4") <= 3 && lines("poll", "of at most 5") <= 1, "{}", run.out);
}
