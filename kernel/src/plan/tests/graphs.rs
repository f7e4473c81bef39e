//! Cycles, reachability and paths; random graphs; and the cost of hostile graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn cycles_are_named() {
    assert_eq!(mistakes(json!([{"id": "a", "next": "a"}])), ["steps[0].next: a cycle: a → a"]);
    assert_eq!(
        mistakes(json!([{"id": "s"}, {"id": "a"}, {"id": "b", "on_failure": "a"}])),
        ["steps[2].on_failure: a cycle: a → b → a"]
    );
    let through_a_choice =
        json!([{"id": "a"}, {"id": "b", "if": "true", "then": [{"id": "c"}], "next": "a"}]);
    assert_eq!(
        mistakes(through_a_choice),
        ["steps[1].next: a cycle: a → b → a", "steps[1].then[0].next: a cycle: a → b → c → a"]
    );
    let mut long: Vec<_> = (0..1_000).map(|n| json!({"id": format!("s{n}")})).collect();
    long[999]["next"] = json!("s0");
    assert_eq!(
        mistakes(json!(long)),
        ["steps[999].next: a cycle: s0 → s1 → s2 → s3 → s4 → s5 → s6 → s7 → s8 → s9 → … → s0"]
    );
}

#[test]
fn steps_out_of_reach_are_mistakes() {
    let after_the_end = json!([
        {"id": "a", "if": "true", "then": [{"id": "x", "end": null}], "else": [{"id": "y", "fail": "no"}]},
        {"id": "b"},
        {"id": "c"},
    ]);
    assert_eq!(
        mistakes(after_the_end),
        [
            "steps[1]: \"b\" cannot be reached from the start",
            "steps[2]: \"c\" cannot be reached from the start"
        ]
    );
    let skipped = json!([{"id": "a", "next": "c"}, {"id": "b"}, {"id": "c"}]);
    assert_eq!(mistakes(skipped), ["steps[1]: \"b\" cannot be reached from the start"]);
}

#[test]
fn a_ladder_of_choices_is_not_walked_in_every_way() {
    // 2^333 ways lead through it.
    let choice = |n: usize| {
        let (yes, no) = (format!("y{n}"), format!("n{n}"));
        json!({"id": format!("s{n}"), "if": "true", "then": [{"id": yes}], "else": [{"id": no}]})
    };
    assert!(check(&playbook((0..333).map(choice).collect())).is_ok());
}

#[test]
fn a_long_row_of_steps_that_read_each_other_is_accepted() {
    let row = (0..1_000_usize).map(|n| {
        let reads: Vec<_> =
            (n.saturating_sub(20)..n).map(|n| format!("{{{{ steps.s{n}.output }}}}")).collect();
        json!({"id": format!("s{n}"), "arguments": {"all": reads}})
    });
    assert!(check(&playbook(row.collect())).is_ok());
}

/// Any body of a few steps, with ids that may be there twice and names that may lead nowhere.
fn any_body(depth: u32) -> BoxedStrategy<Value> {
    let name = || (0..12_u32).prop_map(|n| format!("s{n}"));
    let handler = || prop_oneof![name().prop_map(|id| json!(id)), Just(json!("continue"))];
    let leaf = (name(), prop::option::weighted(0.2, name()), prop::option::weighted(0.3, handler()), 0..4)
        .prop_map(|(id, next, on_failure, kind)| {
            let mut step = match kind {
                0 => json!({"id": id, "end": null}),
                1 => json!({"id": id, "delay": "1s"}),
                _ => json!({"id": id}),
            };
            let fields =
                [("next", next.map(|next| json!(next))), ("on_failure", on_failure.filter(|_| kind > 1))];
            for (field, value) in fields.into_iter().filter(|_| kind > 0) {
                value.into_iter().for_each(|value| step[field] = value);
            }
            step
        });
    if depth == 0 {
        return prop::collection::vec(leaf, 0..4).prop_map(Value::Array).boxed();
    }
    let inner = move || any_body(depth - 1);
    let choice =
        (name(), inner(), inner(), prop::option::of(inner())).prop_map(|(id, then, otherwise, handler)| {
            let mut step = json!({"id": id, "if": "true", "then": then, "else": otherwise});
            handler.into_iter().for_each(|body| step["on_failure"] = body);
            step
        });
    let parallel = (name(), inner(), inner(), inner()).prop_map(
        |(id, one, two, caught)| json!({"id": id, "branches": {"a": one, "b": {"do": two, "catch": caught}}}),
    );
    let step = prop_oneof![3 => leaf, 1 => choice, 1 => parallel];
    prop::collection::vec(step, 0..4).prop_map(Value::Array).boxed()
}

/// The steps that a step leads to.
fn next(step: &PlannedStep) -> Vec<StepIndex> {
    let mut follows: Vec<Follows> =
        [StepExit::Success, StepExit::Failure, StepExit::Timeout, StepExit::Unknown]
            .map(|exit| step.exits.get(exit))
            .into();
    if let PlannedKind::If(choice) = &step.kind {
        follows.extend([true, false].map(|holds| choice.follows(Some(&json!({ "result": holds }).into()))));
    }
    let opened: Vec<StepIndex> = match &step.kind {
        PlannedKind::Parallel(parallel) => parallel.branches.iter().map(|branch| branch.start).collect(),
        PlannedKind::ForEach(each) => vec![each.start],
        _ => Vec::new(),
    };
    opened.into_iter().chain(follows.into_iter().filter_map(Follows::step)).collect()
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
    fn any_playbook_is_refused_or_its_plan_is_acyclic_and_every_step_can_be_reached(steps in any_body(2)) {
        match check(&playbook(steps)) {
            Ok(plan) => prop_assert!(is_acyclic(&plan) && reached(&plan) == plan.steps.len()),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn a_row_of_steps_whose_references_lead_forward_is_accepted(jumps in prop::collection::vec(1_usize..4, 1..40)) {
        let count = jumps.len();
        let steps: Vec<_> = jumps.iter().enumerate().map(|(at, far)| {
            let mut step = json!({"id": format!("s{at}")});
            if at + far < count {
                step["on_failure"] = json!(format!("s{}", at + far));
            }
            step
        }).collect();
        let plan = check(&playbook(json!(steps)));
        prop_assert!(plan.is_ok_and(|plan| is_acyclic(&plan) && reached(&plan) == count));
    }
}
