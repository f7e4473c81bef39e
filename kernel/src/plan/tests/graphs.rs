//! Cycles, reachability and paths; random graphs; and the cost of hostile graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use updraft_protocol::limits::MISTAKES;
use updraft_protocol::playbook::{End, StepKind};

use super::*;

#[test]
fn cycles_are_named() {
    assert_eq!(mistakes(json!([{"id": "a", "on_success": "a"}])), ["steps[0].on_success: a cycle: a → a"]);
    assert_eq!(
        mistakes(
            json!([{"id": "s", "on_success": "a"}, {"id": "a", "on_success": "b"}, {"id": "b", "on_failure": "a"}])
        ),
        ["steps[2].on_failure: a cycle: a → b → a"]
    );
    let through_a_branch =
        json!([{"id": "p", "type": "parallel", "branches": ["a"]}, {"id": "a", "on_success": "p"}]);
    assert_eq!(mistakes(through_a_branch), ["steps[1].on_success: a cycle: p → a → p"]);
    let long: Vec<_> = (0..1_000)
        .map(|n| json!({"id": format!("s{n}"), "on_success": format!("s{}", (n + 1) % 1_000)}))
        .collect();
    assert_eq!(
        mistakes(json!(long)),
        ["steps[999].on_success: a cycle: s0 → s1 → s2 → s3 → s4 → s5 → s6 → s7 → s8 → s9 → … → s0"]
    );
}

#[test]
fn steps_out_of_reach_are_mistakes() {
    assert_eq!(
        mistakes(json!([{"id": "a"}, {"id": "b", "on_success": "c"}, {"id": "c"}])),
        [
            "steps[1]: \"b\" cannot be reached from the start",
            "steps[2]: \"c\" cannot be reached from the start"
        ]
    );
}

#[test]
fn paths_may_merge_inside_one_path_only() {
    let diamond = json!([
        {"id": "i", "type": "if", "condition": "true", "then": "a", "else": "b"},
        {"id": "a", "on_success": "c"}, {"id": "b", "on_success": "c"}, {"id": "c"}
    ]);
    assert!(check(&playbook(diamond)).is_ok());
    let branches = json!([
        {"id": "contain", "type": "parallel", "branches": ["a", "b"]},
        {"id": "a", "on_success": "c"}, {"id": "b", "on_success": "c"}, {"id": "c"}
    ]);
    let found = mistakes(branches);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with(".on_success: \"c\" is reached from two branches of \"contain\""),
        "{found:?}"
    );
    let out = json!([
        {"id": "contain", "type": "parallel", "branches": ["a"], "on_success": "c"},
        {"id": "a", "on_success": "c"}, {"id": "c"}
    ]);
    let found = mistakes(out);
    assert!(
        found[0].ends_with("\"c\" is reached from inside a branch of \"contain\" and from outside of it"),
        "{found:?}"
    );
    let two = json!([
        {"id": "i", "type": "if", "condition": "true", "then": "p", "else": "q"},
        {"id": "p", "type": "parallel", "branches": ["a"]}, {"id": "q", "type": "parallel", "branches": ["a"]},
        {"id": "a"}
    ]);
    let found = mistakes(two);
    assert!(
        found[0].contains("\"a\" is reached from a branch of \"")
            && found[0].contains("and from a branch of"),
        "{found:?}"
    );
}

/// A thousand `parallel` steps, each with the branches that `branches` gives; a step without any is an end.
fn thousand(branches: impl Fn(usize, &[StepId]) -> Vec<StepId>) -> Playbook {
    let ids: Vec<_> = (0..1_000).map(|n| StepId::new(format!("s{n}")).unwrap()).collect();
    let mut playbook = playbook(json!([{"id": "a", "type": "parallel", "branches": []}]));
    let step = playbook.steps.remove(0);
    playbook.steps = vec![step; 1_000];
    for (n, step) in playbook.steps.iter_mut().enumerate() {
        step.id = ids[n].clone();
        let branches = branches(n, &ids);
        match &mut step.kind {
            StepKind::Parallel(parallel) if !branches.is_empty() => parallel.branches = branches,
            kind => *kind = StepKind::End(End { status: EndStatus::Completed, output: None }),
        }
    }
    playbook
}

#[test]
fn a_million_references_are_checked() {
    let all = thousand(|_, ids| ids.to_vec());
    assert_eq!(check(&all).unwrap_err().len(), MISTAKES);
    // The most references that are possible without a cycle.
    let later = thousand(|n, ids| ids[n + 1..].to_vec());
    assert_eq!(check(&later).unwrap_err().len(), MISTAKES);
    let unknown: Vec<_> = (0..1_000).map(|n| StepId::new(format!("x{n}")).unwrap()).collect();
    let unknown = thousand(|_, _| unknown.clone());
    assert_eq!(check(&unknown).unwrap_err().len(), MISTAKES);
}

#[test]
fn a_ladder_of_choices_is_not_walked_in_every_way() {
    // 2^499 paths lead through it.
    let id = |n: usize| (n < 1_000).then(|| format!("s{n}"));
    let ladder = (0..1_000).map(
        |n| json!({"id": id(n), "type": "if", "condition": "true", "then": id(n + 1), "else": id(n + 2)}),
    );
    assert!(check(&playbook(ladder.collect())).is_ok());
}

#[test]
fn a_long_row_of_steps_that_read_each_other_is_accepted() {
    let id = |n: usize| (n < 1_000).then(|| format!("s{n}"));
    let row = (0..1_000_usize).map(|n| {
        let reads: Vec<_> =
            (n.saturating_sub(20)..n).map(|n| format!("{{{{ steps.s{n}.output }}}}")).collect();
        json!({"id": id(n), "arguments": {"all": reads}, "on_success": id(n + 1)})
    });
    assert!(check(&playbook(row.collect())).is_ok());
}

fn any_step(id: usize, count: usize) -> impl Strategy<Value = Value> {
    let target = prop::option::weighted(0.6, 0..count + 1);
    let name = |to: usize| format!("s{to}");
    let targets = (target.clone(), target.clone(), target, prop::collection::vec(0..count, 0..3));
    (0..5, targets).prop_map(move |(kind, (a, b, c, branches))| {
        let id = name(id);
        let (a, b, c) = (a.map(name), b.map(name), c.map(name));
        match kind {
            0 => json!({"id": id, "on_success": a, "on_failure": b}),
            1 => json!({"id": id, "at_most_once": true, "on_success": a, "on_unknown": c}),
            2 => json!({"id": id, "type": "if", "condition": "true", "then": a, "else": b, "on_failure": c}),
            3 => json!({"id": id, "type": "parallel", "branches": branches.into_iter().map(name).collect::<Vec<_>>(), "on_success": a}),
            _ => json!({"id": id, "type": "end"}),
        }
    })
}

/// The steps that a step leads to.
fn next(step: &PlannedStep) -> Vec<StepIndex> {
    let exits = [StepExit::Success, StepExit::Otherwise, StepExit::Failure, StepExit::Unknown];
    let following = exits.into_iter().filter_map(|exit| step.exits.get(exit));
    step.bodies().iter().copied().chain(following).collect()
}

/// Removes, repeatedly, the steps that lead to no remaining step: in a cycle, some remain.
fn is_acyclic(plan: &Plan) -> bool {
    let mut left: BTreeSet<usize> = (0..plan.steps.len()).collect();
    loop {
        let ends = |step: &usize| !next(&plan.steps[*step]).iter().any(|to| left.contains(&to.get()));
        let ending: Vec<_> = left.iter().copied().filter(|step| ends(step)).collect();
        if ending.is_empty() {
            return left.is_empty();
        }
        ending.iter().for_each(|step| assert!(left.remove(step)));
    }
}

fn reached(plan: &Plan) -> usize {
    let (mut reached, mut open) = (BTreeSet::new(), vec![plan.start]);
    while let Some(step) = open.pop() {
        if reached.insert(step) {
            open.extend(next(plan.step(step)));
        }
    }
    reached.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_graph_is_refused_or_is_acyclic_and_reachable(
        steps in (1_usize..8).prop_flat_map(|count| (0..count).map(|id| any_step(id, count)).collect::<Vec<_>>())
    ) {
        match check(&playbook(json!(steps))) {
            Ok(plan) => prop_assert!(is_acyclic(&plan) && reached(&plan) == plan.steps.len()),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn a_graph_without_parallel_whose_references_lead_forward_is_accepted(
        jumps in prop::collection::vec((1_usize..4, 1_usize..4), 1..40)
    ) {
        let count = jumps.len();
        let name = |to: usize| (to < count).then(|| format!("s{to}"));
        let steps: Vec<_> = jumps.iter().enumerate().map(|(at, (_, far))| {
            json!({"id": format!("s{at}"), "on_success": name(at + 1), "on_failure": name(at + far)})
        }).collect();
        let plan = check(&playbook(json!(steps)));
        prop_assert!(plan.is_ok_and(|plan| is_acyclic(&plan) && reached(&plan) == count));
    }
}
