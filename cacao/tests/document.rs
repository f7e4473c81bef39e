//! `docs/cacao.md` has one line for each rule, with the verdict that the rule has.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use updraft_cacao::Rule;

const DOCUMENT: &str = include_str!("../../docs/cacao.md");

/// The rules of the table, each with its verdict.
fn lines() -> Vec<(&'static str, &'static str)> {
    let table = DOCUMENT.lines().skip_while(|line| !line.starts_with("| rule |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        (cells[0].trim_matches('`'), cells[2])
    })
    .collect()
}

#[test]
fn each_rule_has_one_line_with_its_verdict_and_each_line_is_a_rule() {
    let lines = lines();
    let table: BTreeMap<&str, &str> = lines.iter().copied().collect();
    assert_eq!(table.len(), lines.len(), "a rule has two lines");
    let rules: BTreeMap<&str, &str> =
        Rule::ALL.iter().map(|rule| (rule.name(), rule.support().word())).collect();
    assert_eq!(table, rules);
    assert_eq!(rules.len(), Rule::ALL.len(), "two rules have one name");
}

#[test]
fn names_of_rules_are_words_between_hyphens() {
    let plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    assert!(Rule::ALL.iter().all(|rule| plain(rule.name())));
}
