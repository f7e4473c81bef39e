//! Results: where the variables that an action writes get their values from, by what its last command gave.

use serde_json::json;
use updraft_cacao::model::*;
use updraft_cacao::translate;
use updraft_kernel::template::Template;
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::playbook::{Set, StepKind};
use updraft_protocol::{Json, TaskStatus, Timestamp, Value};

use super::playbooks::{agent, empty, id, name, step, variable};

/// What the steps behind an action see.
struct Seen {
    variables: Json,
    output: Json,
}

impl Visible for Seen {
    fn input(&self) -> &Json {
        &self.variables
    }

    fn variables(&self) -> &Json {
        &self.variables
    }

    fn constants(&self) -> &Json {
        &self.variables
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        Some(StepView { status: TaskStatus::Completed, output: Some(&self.output), error: None })
    }
}

/// The steps that set what an action of this command writes.
fn sets(command: CommandKind, written: &[(&str, &str)]) -> Vec<Set> {
    let command = CacaoCommand {
        kind: command,
        description: None,
        version: None,
        playbook_activity: None,
        external_references: Vec::new(),
    };
    let mut playbook = empty(id("start", 1));
    let mut action = step(WorkflowStepKind::Action(ActionStep {
        commands: vec![command],
        agent: id("tool", 1),
        targets: vec![id("http-api", 1)],
        in_args: Vec::new(),
        out_args: written.iter().map(|(text, _)| name(text)).collect(),
    }));
    action.on_completion = Some(id("end", 1));
    let mut start = step(WorkflowStepKind::Start);
    start.on_completion = Some(id("action", 1));
    playbook.steps.extend([(id("start", 1), start), (id("action", 1), action)]);
    playbook.steps.insert(id("end", 1), step(WorkflowStepKind::End));
    for (text, word) in written {
        let mut variable = variable(word, "");
        variable.value = Value::Null;
        playbook.variables.insert(name(text), variable);
    }
    playbook.agents.insert(id("tool", 1), agent());
    let values = [(AddressKind::Dname, vec!["tool.example".to_owned()])].into();
    let machine = NetworkMachine { address: Address { values }, ..NetworkMachine::default() };
    let target = AgentTarget { kind: AgentTargetKind::HttpApi(machine), ..agent() };
    playbook.targets.insert(id("http-api", 1), target);
    let translation = translate(&playbook).unwrap_or_else(|findings| panic!("{findings:?}"));
    let sets = translation.playbook.steps.into_iter().skip(2).filter_map(|step| match step.kind {
        StepKind::Set(set) => Some(set),
        _ => None,
    });
    sets.collect()
}

/// The values that are set, or the failure.
fn values(sets: &[Set], output: serde_json::Value) -> Result<Value, String> {
    let mut seen = Seen { variables: Json::from(json!({})), output: Json::from(output) };
    for set in sets {
        let template = Template::compile("set", &Value::Object(set.set.clone()));
        let template = template.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let values = template.render(&seen).map_err(|failure| failure.message.to_string())?;
        seen.variables = Json::from(&values);
    }
    Ok(Value::parse(seen.variables.as_str()).expect("JSON"))
}

fn request() -> CommandKind {
    let start = StartLine::parse("GET /a HTTP/1.1").expect("a line");
    CommandKind::HttpApi(HttpCommand { start, headers: Default::default(), content: None })
}

#[test]
fn an_answer_gives_its_field_or_all_of_it() {
    for (word, body, expected) in [
        ("integer", json!("{\"score\": 5}"), json!(5)),
        ("integer", json!("{\"__score__\": \"5\", \"score\": 6}"), json!(5)),
        ("integer", json!("7"), json!(7)),
        ("float", json!(" {\"score\": 0.5}"), json!(0.5)),
        ("bool", json!("{\"score\": \"true\"}"), json!(true)),
        ("string", json!("{\"score\": \"a\"}"), json!("a")),
        ("string", json!("{\"score\": [1]}"), json!("[1]")),
        ("string", json!("plain"), json!("plain")),
        ("string", json!("{ no JSON }"), json!("{ no JSON }")),
        ("string", json!("{\"score\": 1}\n{\"score\": 2}"), json!("{\"score\": 1}\n{\"score\": 2}")),
        ("string", json!("[1]"), json!("[1]")),
        ("string", json!("{\"other\": 1}"), json!("{\"other\":1}")),
        ("dictionary", json!("{\"other\": 1}"), json!({"other": 1})),
        ("dictionary", json!("{\"score\": {\"a\": 1}}"), json!({"a": 1})),
        ("string", json!("{\"score\": null}"), json!(null)),
    ] {
        let sets = sets(request(), &[("__score__", word)]);
        let found = values(&sets, json!({"status": 200, "body": body.clone()}));
        assert_eq!(
            found.map(|values| values["__score__"].to_string()),
            Ok(expected.to_string()),
            "{word} {body}"
        );
    }
}

#[test]
fn a_value_that_is_missing_or_of_another_type_fails_the_step() {
    let two = sets(request(), &[("__score__", "integer"), ("__name__", "string")]);
    let found =
        values(&two, json!({"status": 200, "body": "{\"score\": 5, \"name\": \"a\"}"})).expect("both");
    assert_eq!((found["__score__"].as_i64(), found["__name__"].as_str()), (Some(5), Some("a")));
    let missing = values(&two, json!({"status": 200, "body": "{\"score\": 5}"})).expect_err("one is missing");
    assert!(missing.contains("__name__"), "{missing}");
    let one = sets(request(), &[("__score__", "integer")]);
    let wrong = values(&one, json!({"status": 200, "body": "{\"score\": \"many\"}"})).expect_err("no number");
    assert!(wrong.contains("__score__"), "{wrong}");
}

#[test]
fn a_shell_gives_what_it_prints_and_a_form_its_fields() {
    let shell = CommandKind::Bash(Script { text: "uptime".to_owned(), encoded: false });
    let one = sets(shell.clone(), &[("__out__", "string")]);
    let printed = |stdout: &str| json!({"exit_code": 0, "stdout": stdout, "stderr": ""});
    assert_eq!(values(&one, printed("up 3 days\n")).expect("a text")["__out__"], "up 3 days");
    assert_eq!(values(&one, printed("{\"out\": \"a\"}\n")).expect("a field")["__out__"], "a");
    let form =
        sets(CommandKind::Manual(Script { text: "?".to_owned(), encoded: false }), &[("__n__", "integer")]);
    assert_eq!(values(&form, json!({"data": {"n": 3}})).expect("a number")["__n__"], json!(3));
}
