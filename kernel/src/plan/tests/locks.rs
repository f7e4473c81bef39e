//! Locks of bodies: what their targets read, and the mistakes in them.

use super::*;

/// A `for_each` and an `if` with this lock.
fn locked(lock: &Value) -> Value {
    json!([
        {"id": "before"},
        {"id": "all", "for_each": "input.hosts", "do": [{"id": "isolate"}], "lock": lock},
        {"id": "one", "if": "true", "then": [{"id": "scan"}], "lock": lock},
    ])
}

#[test]
fn a_target_reads_what_was_there_before_the_body_and_that_of_a_loop_its_item() {
    for target in ["h", "{{ input.host }}", "{{ steps.before.output.host }}", "{{ variables }}"] {
        assert!(check(&playbook(locked(&json!({"target": target})))).is_ok(), "{target}");
    }
    let told = mistakes(locked(&json!({"target": "{{ item }}"})));
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.starts_with("steps[2].lock.target: `item` is not known"), "{told}");
    let inside = json!([{"id": "all", "if": "true", "then": [{"id": "a"}], "lock": {"target": "{{ steps.a.output }}"}}]);
    assert_eq!(mistakes(inside), ["steps[0].lock.target: \"a\" cannot have ended before \"all\" starts"]);
}

#[test]
fn a_lock_names_a_target_and_waits_for_a_time() {
    let told = |lock| mistakes(locked(&lock));
    assert_eq!(
        told(json!({"target": ""})),
        ["steps[1].lock.target: must not be empty", "steps[2].lock.target: must not be empty"]
    );
    assert_eq!(told(json!({"target": "h", "wait": "0s"})).len(), 2);
}

#[test]
fn the_bodies_of_handlers_are_behind_the_lock() {
    let plan = plan(json!([
        {"id": "first"},
        {"id": "one", "if": "true", "lock": {"target": "h"},
         "then": {"do": [{"id": "in", "on_failure": [{"id": "handled"}]}], "catch": [{"id": "caught"}]},
         "else": [{"id": "other"}], "on_failure": [{"id": "out"}]},
        {"id": "last"},
    ]));
    let lock = plan.step(at(&plan, "one")).lock.as_deref().unwrap();
    let held: Vec<&str> = ["first", "one", "in", "handled", "caught", "other", "out", "last"]
        .into_iter()
        .filter(|id| lock.holds_at(at(&plan, id)))
        .collect();
    assert_eq!(held, ["one", "in", "handled", "caught", "other"]);
}
