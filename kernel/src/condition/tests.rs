//! What conditions decide, what they may not do, and the limits of their cost.

use serde_json::{Value, json};
use updraft_protocol::limits::TEMPLATE_SOURCE_BYTES;
use updraft_protocol::{Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::*;
use crate::visible::StepView;

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

impl Visible for Facts {
    fn input(&self) -> &Json {
        &self.input
    }

    fn variables(&self) -> &Json {
        &self.variables
    }

    fn constants(&self) -> &Json {
        &self.variables
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_769_857_200_000)
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
        ("input.n > 3 and input.n <= 5", true),
        ("input.n + 1 == 6 and input.neg - 1 == -3", true),
        ("input.f == 1.5 and input.f < 2 and 1 < input.f < 2", true),
        ("input.big > 5 and input.big == 18446744073709551615", true),
        ("input.none is none and input.none == none", true),
        ("input['s'] is endingwith('.com') and 'example' in input.s", true),
        (r"input.s is matching('^evil[.]\\w+[.]com$')", true),
        ("input.s is not matching('^good')", true),
        ("input.list|length == 3 and input.s|length == 16", true),
        ("2 in input.list and 'k' in input.map and 9 not in input.list", true),
        ("input.list[1] == 2 and input.users[0].name == 'a' and input.list[-1] == 3", true),
        ("input.users|selectattr('age', 'gt', 8)|length > 0", true),
        ("input.users|rejectattr('age', 'gt', 8)|length == 0", false),
        ("input.users|selectattr('age', 'gt', 8)|map(attribute='name') == ['b']", true),
        ("input.users|selectattr('name', 'matching', '^[ab]$')|length == 2", true),
        ("(input.on if input.n > 3 else false)", true),
        ("steps.lookup.output.score > variables.limit", true),
        ("steps['lookup'].output['by-id'].a == 1 and steps.lookup.output.names[1] == 'y'", true),
        ("steps.lookup.status == 'completed'", true),
        ("steps['block-ip'].error.kind == 'timeout'", true),
        ("steps.lookup is defined and steps.other is not defined", true),
        ("steps.lookup.output is defined and steps.lookup.error is not defined", true),
        ("steps.other is defined and steps.other.output.x == 1", false),
        ("input.gone|default(0) == 1 or input.n == 5", true),
        ("{'a': input.n}.a == 5", true),
        ("input.on", true),
        ("not input.on", false),
        ("input.n\n  > 3\n  and input.on", true),
    ] {
        assert_eq!(decide(source, input.clone()), Ok(expected), "{source}");
    }
}

#[test]
fn the_keys_of_a_map_come_in_order() {
    let map: Value = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect();
    let first = "(input|list)[0] == 'k00' and (input|list)[49] == 'k49'";
    assert_eq!(decide(first, map), Ok(true));
}

#[test]
fn a_failure_names_what_is_missing_and_no_data() {
    let input = json!({"user": {"name": "secret-name"}, "key": "secret-key", "list": [1]});
    for (source, message) in [
        ("input.user.mail == 'a'", "`input.user.mail` is undefined"),
        ("input.user[input.key] == 'a'", "`input.user[…]` is undefined"),
        ("steps.other.output.x == 1", "`steps.other` is undefined"),
        ("input.list[7] == 1", "`input.list[7]` is undefined"),
        ("input.list[input.list] == 1", "`[…]` takes a name or a whole number, not a value of type list"),
        ("1 / (input.list[0] - 1) == 1", "division by zero"),
        ("18446744073709551615 + input.list[0] == 1", "a number is too large"),
        ("input.user.name", "gives a value of type text, not true or false"),
        ("input.list[0]", "gives a value of type number, not true or false"),
        ("input.list and input.user", "gives a value of type map, not true or false"),
        ("none", "gives a value of type null, not true or false"),
        ("true if input.list == []", "an `if` without `else` gives nothing: the value is undefined"),
        ("input.gone == 1 or input.list == [1]", "`input.gone` is undefined"),
        ("input.user.name|int == 1", "`int` was given a value of type text that is not a whole number"),
        (
            "input.user.name > 5",
            "`>` compares two numbers or two texts, not a value of type text with one of type number",
        ),
        (
            "input.user < input.list",
            "`<` compares two numbers or two texts, not a value of type map with one of type list",
        ),
        ("input.list is matching('a')", "`matching` needs a text, not a value of type list"),
    ] {
        let error = decide(source, input.clone()).unwrap_err();
        assert_eq!(error, format!("steps[0].condition: {message}"), "{source}");
    }
    for source in ["input.user.name - 1 == 0", "-input.user.name == 1", "1 in input.user.name"] {
        let error = decide(source, input.clone()).unwrap_err();
        assert!(!error.contains("secret"), "{source}: {error}");
    }
}

#[test]
fn what_a_condition_reads_is_known_beforehand() {
    let source =
        "steps.a.output.x[0].y > 1 and steps.b is defined and steps['c-1'].error is defined and variables.x";
    let condition = Condition::compile("c", source).unwrap();
    let references = condition.references();
    assert!(references.variables && !references.input);
    assert_eq!(references.steps.keys().collect::<Vec<_>>(), ["a", "b", "c-1"]);
}

#[test]
fn spellings_of_other_languages_are_told_how_they_are_written_here() {
    for (source, words) in [
        ("{{ input.n > 1 }}", "a condition is written without `{{ }}` around it"),
        ("input.a && input.b", "`&&` is written `and`"),
        ("input.a || input.b", "`||` is written `or`"),
        ("!input.a", "`!` is written `not`"),
        ("input.a ? 1 : 2", "`a ? b : c` is written `b if a else c`"),
        ("// a note\ninput.on", "no comments"),
        ("input.a == null", "`null` is written `none`"),
        ("has(steps.lookup.output)", "`has(…)` is written `steps.lookup.output is defined`"),
        ("size(input.hosts) > 0", "`size(…)` is written `input.list|length`"),
        ("input.hosts.size() > 0", "`size(…)` is written `input.list|length`"),
        ("input.s.startsWith('a')", "is written `input.text is startingwith('…')`"),
        ("input.s.endsWith('a')", "is written `input.text is endingwith('…')`"),
        ("input.s.contains('a')", "is written `'…' in input.text`"),
        ("input.s.matches('a')", "is written `input.text is matching('…')`"),
        ("input.l.exists(x, x == 1)", "`exists(…)` is written"),
        ("input.l.all(x, x == 1)", "`all(…)` is written"),
        ("steps.look-up.output.n == 1", "`steps['look-up']`, not `steps.look-up`"),
        ("steps.look-up-now.output.n == 1", "`steps['look-up-now']`"),
        ("input.user.source-ip == 'a'", "`input.user['source-ip']`"),
        ("steps.1st.output == 1", "a step whose id starts with a digit is read as `steps['ID']`"),
    ] {
        let mistake = Condition::compile("c", source).expect_err(source).to_string();
        assert!(mistake.starts_with("c: ") && mistake.contains(words), "{source}: {mistake}");
    }
    // A `-` between two names that exist is a difference.
    assert_eq!(decide("input.a - input.b == 1 and input.a-1 == 2", json!({"a": 3, "b": 2})), Ok(true));
}
