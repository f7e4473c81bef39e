//! The outputs of a playbook: their mistakes.

use super::*;

#[track_caller]
fn refused(fields: Value, expected: &[&str]) {
    let mistakes = check(&with(fields)).unwrap_err();
    assert_eq!(mistakes, expected);
}

#[test]
fn outputs_are_checked_as_other_texts_are() {
    let outputs =
        json!({"host": "{{ steps.a.output.x|default(input.host) }}", "n": 5, "at": {"now": "{{ now }}"}});
    assert!(check(&with(json!({"outputs": outputs, "output_schema": {"type": "object"}}))).is_ok());
    refused(
        json!({"outputs": {"n": "{{ steps.b.output }}", "m": "{{ inptu.x }}"}}),
        &[
            "outputs.m: `inptu` is not known; did you mean \"input\"?; there are `input`, `variables`, `constants`, `steps` and `now`",
        ],
    );
    refused(json!({"outputs": {"n": "{{ steps.b.output }}"}}), &["outputs.n: no step \"b\""]);
    refused(
        json!({"outputs": {"n": "{{ input.hots }}"}, "inputs": {
            "type": "object", "additionalProperties": false, "properties": {"host": {}}
        }}),
        &["outputs: `input.hots` is not among the inputs; did you mean \"host\"?; there are host"],
    );
    refused(
        json!({"output_schema": {"type": "object"}}),
        &["output_schema: there are no `outputs` that it could check"],
    );
    refused(
        json!({"outputs": {"n": 1}, "output_schema": {"$ref": "#"}}),
        &["output_schema: `$ref` is not available: a schema stands on its own"],
    );
}
