//! What conditions decide, what they may not do, and what they may not cost.

use serde_json::{Value, json};
use updraft_protocol::limits::TEMPLATE_SOURCE_BYTES;
use updraft_protocol::{Failure, FailureKind, Json, TaskStatus};

use super::*;
use crate::scope::StepView;

mod hostile;

struct Facts {
    input: Json,
    variables: Json,
    output: Json,
    error: Failure,
}

impl Facts {
    fn new(input: Value) -> Self {
        Self {
            input: input.into(),
            variables: json!({"limit": 80}).into(),
            output: json!({"score": 90, "names": ["x", "y"], "by-id": {"a": 1}}).into(),
            error: Failure::new(FailureKind::Timeout, "no answer in 30s"),
        }
    }
}

impl Scope for Facts {
    fn input(&self) -> &Json {
        &self.input
    }

    fn variables(&self) -> &Json {
        &self.variables
    }

    fn step(&self, id: &str) -> Option<StepView<'_>> {
        match id {
            "lookup" => {
                Some(StepView { status: TaskStatus::Completed, output: Some(&self.output), error: None })
            }
            "block-ip" => {
                Some(StepView { status: TaskStatus::Failed, output: None, error: Some(&self.error) })
            }
            _ => None,
        }
    }
}

fn decide(source: &str, input: Value) -> Result<bool, String> {
    let condition =
        Condition::compile("steps[0].condition", source).map_err(|mistake| mistake.to_string())?;
    condition.decide(&Facts::new(input)).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Condition);
        assert!(!failure.retryable());
        failure.message
    })
}

#[track_caller]
fn refused(source: &str, input: Value, reason: &str) {
    let shown: String = source.chars().take(60).collect();
    let error = decide(source, input).expect_err(&shown);
    assert!(error.starts_with("steps[0].condition: ") && error.contains(reason), "{shown}: {error}");
}

#[test]
fn conditions_decide() {
    let input = json!({
        "n": 5, "neg": -2, "f": 1.5, "big": u64::MAX, "s": "evil.example.com", "on": true, "none": null,
        "list": [1, 2, 3], "users": [{"name": "a", "age": 3}, {"name": "b", "age": 9}], "map": {"k": 1}
    });
    for (source, expected) in [
        ("true", true),
        ("input.n > 3 && input.n <= 5", true),
        ("input.n + 1 == 6 && input.neg - 1 == -3", true),
        ("input.f == 1.5 && input.f < 2", true),
        ("input.big > 5", true),
        ("input.none == null", true),
        ("input['s'].endsWith('.com') && input.s.contains('example')", true),
        ("input.s.matches('^evil[.]\\\\w+[.]com$')", true),
        ("matches(input.s, '^good')", false),
        ("size(input.list) == 3 && input.s.size() == 16", true),
        ("2 in input.list && 'k' in input.map", true),
        ("input.list[1] == 2 && input.users[0].name == 'a'", true),
        ("input.users.exists(u, u.age > 8)", true),
        ("input.users.all(u, u.age > 8)", false),
        ("input.users.filter(u, u.age > 8).map(u, u.name) == ['b']", true),
        ("input.users.exists_one(u, u.name == 'a')", true),
        ("input.map.all(key, input.map[key] == 1)", true),
        ("input.n > 3 ? input.on : false", true),
        ("steps.lookup.output.score > variables.limit", true),
        ("steps['lookup'].output['by-id'].a == 1 && steps.lookup.output.names[1] == 'y'", true),
        ("steps.lookup.status == 'completed'", true),
        ("steps['block-ip'].error.kind == 'timeout'", true),
        ("has(steps.lookup) && !has(steps.other)", true),
        ("has(steps.lookup.output) && !has(steps.lookup.error)", true),
        ("has(steps.other) && steps.other.output.x == 1", false),
        ("'lookup' in steps && !('other' in steps)", true),
        ("string(input.n) == '5' && int('7') == 7 && double(2) == 2.0", true),
        ("input.gone == 1 || input.n == 5", true),
        ("{'a': input.n}.a == 5", true),
        ("// a note\ninput.on", true),
    ] {
        assert_eq!(decide(source, input.clone()), Ok(expected), "{source}");
    }
}

#[test]
fn the_keys_of_a_map_come_in_order() {
    let map: Value = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect();
    let first = "input.map(k, k)[0] == 'k00' && input.map(k, k)[49] == 'k49'";
    assert_eq!(decide(first, map), Ok(true));
}

#[test]
fn a_failure_names_what_is_missing_and_no_data() {
    let input = json!({"user": {"name": "secret-name"}, "key": "secret-key", "list": [1]});
    for (source, message) in [
        ("input.user.mail == 'a'", "there is no `mail`"),
        ("input.user[input.key] == 'a'", "there is no such key"),
        ("steps.other.output.x == 1", "there is no `other`"),
        ("input.list[7] == 1", "an index is out of bounds"),
        ("input.list[0.5] == 1", "an index is a text or a whole number, not of type double"),
        ("1 / (input.list[0] - 1) == 1", "division by zero"),
        ("9223372036854775807 + input.list[0] == 1", "a number is too large"),
        ("input.user.name", "gives a value of type string, not bool"),
        ("input.list[0]", "gives a value of type int, not bool"),
        ("int(input.user.name) == 1", "`int` failed"),
    ] {
        let error = decide(source, input.clone()).unwrap_err();
        assert_eq!(error, format!("steps[0].condition: {message}"), "{source}");
    }
    for source in [
        "input.user.name > 5",
        "input.user < input.list",
        "input.user.name - 1 == 0",
        "-input.user.name == 1",
    ] {
        let error = decide(source, input.clone()).unwrap_err();
        assert!(!error.contains("secret"), "{source}: {error}");
    }
}

#[test]
fn what_a_condition_reads_is_known_beforehand() {
    let source = "steps.a.output.x[0].y > 1 && 'b' in steps && has(steps['c-1'].error) && variables.x";
    let condition = Condition::compile("c", source).unwrap();
    let references = condition.references();
    assert!(references.variables && !references.input);
    assert_eq!(references.steps.keys().collect::<Vec<_>>(), ["a", "b", "c-1"]);
}
