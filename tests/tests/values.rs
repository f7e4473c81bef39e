//! Values go through an execution unchanged: from an alert and a playbook, through templates, a tool's arguments and
//! its answer, conditions and the store, to who reads them.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use updraft::{ExecutionStatus, Json, Playbook, Value};
use updraft_tests::{Harness, playbook};

/// What templates pass on, in each way that moves a value without looking into it.
const PASSED: &str = "steps:
  - id: first
    action: tool.echo
    arguments: {whole: '{{ input.v }}', around: ['{{ input.v }}'], listed: '{{ [input.v, variables.v] }}', written: WRITTEN}
  - id: second
    action: tool.echo
    arguments:
      again: '{{ steps.first.output.whole }}'
      chosen: '{% if true %}{% endif %}{{ steps.first.output.around[0] | default(1) | tojson }}'
      listed: '{{ steps.first.output.listed | list | first }}'
      written: '{{ steps.first.output.written }}'
  - id: same
    if: steps.second.output.again == input.v
    then:
      - id: done
        end: {v: '{{ steps.second.output.again }}', text: '{{ steps.second.output.chosen }}', all: '{{ steps.second.output }}'}
    else: [{id: differs, fail: it differs}]
";

fn passing(value: &str) -> Playbook {
    playbook(&format!("variables: {{v: {value}}}\n{}", PASSED.replace("WRITTEN", value)))
}

async fn passes(value: &str) {
    let harness = Harness::default();
    let parsed = |text: &str| {
        let value = Value::parse(text);
        assert!(value.is_ok(), "{text}");
        value.unwrap_or_default()
    };
    let expected = parsed(value);
    let input = parsed(&format!("{{\"v\": {value}}}"));
    let finished = harness.run(&passing(value), input).await;
    assert_eq!(
        finished.status(),
        ExecutionStatus::Completed,
        "{value}: {:?}",
        finished.execution.state.error
    );
    let of = |json: Option<&Json>| json.map(Json::value).unwrap_or_default();
    let first = of(finished.task("first").state.response.as_ref());
    for place in
        [&first["whole"], &first["around"][0], &first["listed"][0], &first["listed"][1], &first["written"]]
    {
        assert_eq!(place, &expected);
    }
    let second = of(finished.task("second").state.response.as_ref());
    assert_eq!((&second["again"], &second["listed"], &second["written"]), (&expected, &expected, &expected));
    let output = of(finished.execution.state.output.as_ref());
    assert_eq!((&output["v"], &output["all"]), (&expected, &second));
    assert_eq!(parsed(output["text"].as_str().unwrap_or_default()), expected);
    // What the tool was given, before any store.
    let calls = harness.tool.calls();
    assert_eq!(calls[calls.len() - 2].arguments["written"], expected);
}

#[tokio::test]
async fn numbers_that_no_machine_type_holds_pass_through_an_execution() {
    for value in [
        "123456789012345678901234567890",
        "-9223372036854775809",
        "18446744073709551615",
        "9007199254740993",
        "9007199254740993.0",
        "0.30000000000000000001",
        "-0.0",
        "12e45678",
        "1e-400",
        "1E400",
        "[1, 1.0, 1.50, 1e3]",
        "{\"deep\": [{\"n\": 340282366920938463463374607431768211457}]}",
    ] {
        passes(value).await;
    }
}

#[tokio::test]
async fn any_json_passes_through_an_execution() {
    let text = any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,6})?",
        text.clone(),
    ];
    let json = leaf.prop_recursive(3, 12, 4, move |inner| {
        let fields = prop::collection::btree_map(text.clone(), inner.clone(), 1..4).prop_map(|fields| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            format!("{{{}}}", fields.join(", "))
        });
        let items = prop::collection::vec(inner, 1..4).prop_map(|items| format!("[{}]", items.join(", ")));
        prop_oneof![items, fields]
    });
    // What looks like a template in a playbook is one.
    let json =
        json.prop_filter("no template", |text| !["{{", "{%", "{#"].iter().any(|start| text.contains(start)));
    let mut runner = TestRunner::deterministic();
    for _ in 0..24 {
        passes(&json.new_tree(&mut runner).unwrap().current()).await;
    }
}
