//! Texts of commands: whatever stands in them is told as it stands, and a reference is the value of its variable, whatever that is.

use proptest::prelude::*;
use updraft_cacao::model::*;
use updraft_cacao::translate;
use updraft_kernel::template::Template;
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::playbook::StepKind;
use updraft_protocol::{Json, Timestamp, Value};

use super::playbooks::{agent, command, empty, id, name, step, variable};

struct Seen(Json);

impl Visible for Seen {
    fn input(&self) -> &Json {
        &self.0
    }

    fn variables(&self) -> &Json {
        &self.0
    }

    fn constants(&self) -> &Json {
        &self.0
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}

/// The question of a manual command with this text.
fn question(text: &str) -> Option<String> {
    let mut command = command("");
    command.kind = CommandKind::Manual(Script { text: text.to_owned(), encoded: true });
    let mut action = step(WorkflowStepKind::Action(ActionStep {
        commands: vec![command],
        agent: id("tool", 1),
        targets: Vec::new(),
        in_args: Vec::new(),
        out_args: Vec::new(),
    }));
    action.on_completion = Some(id("end", 1));
    let mut start = step(WorkflowStepKind::Start);
    start.on_completion = Some(id("action", 1));
    let mut playbook = empty(id("start", 1));
    playbook.steps.extend([(id("start", 1), start), (id("action", 1), action)]);
    playbook.steps.insert(id("end", 1), step(WorkflowStepKind::End));
    playbook.variables.insert(name("__x__"), variable("string", "a"));
    playbook.variables.insert(name("__d__"), variable("dictionary", "{}"));
    playbook.agents.insert(id("tool", 1), agent());
    let translation = translate(&playbook).ok()?;
    let question = translation.playbook.steps.iter().find_map(|step| match &step.kind {
        StepKind::Approval(approval) => Some(approval.question.clone()),
        _ => None,
    });
    Some(question.expect("a question"))
}

fn rendered(template: &str, value: &str) -> String {
    seen(template, serde_json::json!({"__x__": value})).unwrap_or_else(|why| panic!("{why}: {template}"))
}

/// What a template gives with these variables, or why it gives nothing.
fn seen(template: &str, variables: serde_json::Value) -> Result<String, String> {
    let compiled = Template::compile("approval", &Value::from(template));
    let compiled = compiled.unwrap_or_else(|mistakes| panic!("{mistakes:?}: {template}"));
    let rendered =
        compiled.render(&Seen(Json::from(variables))).map_err(|failure| failure.message.to_string())?;
    Ok(rendered.as_str().expect("a text").to_owned())
}

#[test]
fn a_part_of_a_dictionary_is_printed_as_its_text() {
    let dictionary = serde_json::json!({
        "__d__": {"text": "a \"b\" {{ c }}", "number": 7.50, "flag": true, "list": [1, "x"], "unknown": null}
    });
    for (text, expected) in [
        ("__d__:value.text", "a \"b\" {{ c }}"),
        ("<__d__:value['text']>", "<a \"b\" {{ c }}>"),
        ("__d__:value.number", "7.5"),
        ("is __d__:value.flag", "is true"),
        ("__d__:value.list", "[1,\"x\"]"),
        ("all: __d__:value.list", "all: [1,\"x\"]"),
    ] {
        let template = question(text).expect("a question");
        assert_eq!(seen(&template, dictionary.clone()), Ok(expected.to_owned()), "{template}");
    }
    for text in
        ["__d__:value.unknown", "a __d__:value.unknown", "__d__:value.nothing", "a __d__:value.nothing"]
    {
        let template = question(text).expect("a question");
        let why = seen(&template, dictionary.clone()).expect_err(text);
        assert!(why.contains("is undefined") && why.contains("variables"), "{why}: {template}");
    }
}

/// Texts in which templates, references and their ends may stand.
fn hostile() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{",
        "}",
        "'",
        "\\",
        "endraw",
        "raw",
        "{% raw %}",
        "{% endraw %}",
        "{{ '{' }}",
        "-",
        "\n",
        " ",
        "a",
        "%",
        "variables",
        "__x__:value",
        "__x__:values",
        ":value",
        "_",
        "é",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_text_is_told_as_it_stands_with_its_values(text in hostile(), value in prop_oneof![hostile(), any::<String>()]) {
        // A name without `:value`, and one that is not declared, is refused.
        prop_assume!(!text.contains("__x__") || text.split("__x__:value").all(|part| !part.contains("__x__")));
        if let Some(template) = question(&text) {
            let expected = expected(&text, &value);
            prop_assert_eq!(rendered(&template, &value), expected, "{}", template);
        }
    }
}

/// The text with the value in the place of each reference that no letter follows.
fn expected(text: &str, value: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("__x__:value") {
        told.push_str(before);
        let continues = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        told.push_str(if continues { "__x__:value" } else { value });
        rest = after;
    }
    told + rest
}
