//! What is sent: values in their places, secrets where the file names them, nothing where a value may not stand.

use serde_json::json;
use updraft_protocol::{Effect, FailureKind, Integration, Name, TargetKind};

use crate::server::{Tool, call, call_of, json as answer};

const TICKETS: &str = r#"
connector: tickets
version: 3
base_url: BASE/api/
auth: {basic: {user: "{{ constants.user }}", password: {$secret: tickets-token}}}
constants: {user: soc}
headers: {X-Client: updraft, X-Key: {$secret: tickets-key, prefix: "k "}}
actions:
  get:
    arguments: {required: [id], properties: {id: {type: string, minLength: 1}, fields: {type: array}, limit: {type: integer, default: 5}}}
    target: {argument: id, kind: host}
    request:
      path: /tickets/{{ arguments.id }}
      query: {fields: "{{ arguments.fields|default([], true)|join(',') }}", limit: "{{ arguments.limit }}"}
  create:
    arguments: {required: [title], properties: {title: {type: string}, labels: {type: array}}}
    request:
      method: POST
      path: /tickets
      headers: {x-client: create}
      json: {title: "{{ arguments.title }}", labels: "{{ arguments.labels }}"}
    result: {id: "{{ body.id }}"}
"#;

#[tokio::test]
async fn values_keep_to_their_places_and_secrets_are_sent_where_the_file_names_them() {
    let tool = Tool::start(|_, _| answer(200, json!({"id": 7}))).await;
    let tickets = tool.connector(TICKETS);
    let id = "a/b?x=1#&é";
    let output = call(&tickets, "get", json!({"id": id, "fields": ["a&b", "c"]})).await.unwrap();
    assert_eq!(output["body"], json!({"id": 7}));
    let came = &tool.came()[0];
    assert_eq!((came.method.as_str(), came.header("x-client")), ("GET", "updraft"));
    assert_eq!(came.target, "/api/tickets/a%2Fb%3Fx%3D1%23%26%C3%A9?fields=a%26b%2Cc&limit=5");
    // soc:secret-tickets-token
    assert_eq!(came.header("authorization"), "Basic c29jOnNlY3JldC10aWNrZXRzLXRva2Vu");
    assert_eq!(came.header("x-key"), "k secret-tickets-key");
    let hostile = "x\"}, \"admin\": true {{ constants.user }}";
    let output = call(&tickets, "create", json!({"title": hostile, "labels": ["a"]})).await.unwrap();
    assert_eq!(output, json!({"id": 7}));
    let came = &tool.came()[1];
    assert_eq!(came.json(), json!({"title": hostile, "labels": ["a"]}));
    assert_eq!((came.method.as_str(), came.header("x-client")), ("POST", "create"));
    assert_eq!(came.header("idempotency-key"), "0190aaaa-bbbb-7111-8222-333344445555");
}

#[tokio::test]
async fn arguments_that_the_schema_refuses_and_values_that_may_not_stand_send_nothing() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let tickets = tool.connector(TICKETS);
    for (arguments, says) in [
        (json!({}), "arguments.id: is needed"),
        (json!({"id": 7}), "arguments.id: a text is needed"),
        (json!({"id": ""}), "arguments.id: at least 1 characters are needed"),
        (json!({"id": "a", "ids": 1}), "arguments.ids: there is no such argument; did you mean \"id\"?"),
    ] {
        let failure = call(&tickets, "get", arguments).await.unwrap_err();
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::InvalidArguments, false));
        assert!(failure.message.contains(says), "{failure}");
    }
    for id in ["..", "."] {
        let failure = call(&tickets, "get", json!({"id": id})).await.unwrap_err();
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Template, false), "{failure}");
    }
    assert_eq!(call(&tickets, "gett", json!({})).await.unwrap_err().kind, FailureKind::InvalidArguments);
    assert_eq!(tool.came().len(), 0);
}

#[tokio::test]
async fn a_call_without_the_secrets_of_its_connector_sends_nothing() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let tickets = tool.connector(TICKETS);
    let mut without = call_of(&tickets, "get", json!({"id": "a"}));
    without.secrets.pop();
    let failure = tickets.call(without).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::NotConfigured, false));
    assert_eq!(tool.came().len(), 0);
}

#[tokio::test]
async fn an_action_declares_what_plans_need_to_know() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let tickets = tool.connector(TICKETS);
    assert_eq!(tickets.actions(), ["create", "get"]);
    let (get, create) = (tickets.spec("get"), tickets.spec("create"));
    assert_eq!((get.effect, get.is_idempotent), (Effect::Read, true));
    assert_eq!((create.effect, create.is_idempotent), (Effect::Write, false));
    assert_eq!((get.target, get.target_kind), (Some("id"), Some(TargetKind::Host)));
    let names: Vec<&str> = get.secrets.iter().map(Name::as_str).collect();
    assert_eq!(names, ["tickets-key", "tickets-token"]);
}

#[tokio::test]
async fn what_is_shown_of_a_request_has_the_names_of_secrets() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let tickets = tool.connector(TICKETS);
    let shown = tickets.request(&"acme".parse().unwrap(), "get", json!({"id": "a b"}).into()).unwrap();
    let shown: serde_json::Value = shown.arguments.try_into().unwrap();
    assert_eq!(shown["url"], format!("http://{}/api/tickets/a%20b", tool.addr));
    assert_eq!(shown["headers"]["X-Key"], json!({"$secret": "tickets-key"}));
    assert_eq!(shown["auth"]["basic"]["password"], json!({"$secret": "tickets-token"}));
}

#[tokio::test]
async fn each_tenant_has_its_own_constants() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let text = "
connector: own
version: 1
base_url: '{{ constants.server }}'
constants: {server: https://unset.example, space: all}
tenants: {acme: {server: BASE, space: ours}}
actions:
  look: {request: {path: '/{{ constants.space }}'}}
";
    let own = tool.connector(text);
    call(&own, "look", json!({})).await.unwrap();
    assert_eq!(tool.came()[0].target, "/ours");
}

#[tokio::test]
async fn an_address_that_the_operator_has_not_allowed_is_missing() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let text = "
connector: inner
version: 1
base_url: http://127.0.0.2:1
actions:
  look: {request: {path: /}}
";
    let inner = tool.connector(text);
    let flaws = inner.check("look", &json!({}).into());
    assert!(flaws[0].message.contains("permission to reach 127.0.0.2:1"), "{flaws:?}");
    let failure = call(&inner, "look", json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::NotConfigured, false));
}
