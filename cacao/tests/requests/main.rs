//! Files of CACAO, imported: what each command is for the tools that are registered, and what is refused. The integration of HTTP is the
//! one that ships.

#![allow(clippy::expect_used, clippy::panic, reason = "what the tests write is known to be right")]

mod rules;
mod sent;

use std::sync::Arc;

use serde_json::{Value, json};
use updraft_cacao::{Import, export, import};
use updraft_integrations::{BashIntegration, HttpIntegration, SshIntegration};
use updraft_kernel::plan::Plan;
use updraft_protocol::{Catalogue, Name, Playbook};

const ACTION: &str = "action--00000000-0000-4000-8000-000000000001";
const START: &str = "start--00000000-0000-4000-8000-000000000001";
const END: &str = "end--00000000-0000-4000-8000-000000000001";
const TARGET: &str = "http-api--00000000-0000-4000-8000-000000000001";
/// The native variable of the machine.
const MACHINE: &str = "http_api__00000000_0000_4000_8000_000000000001";
const AGENT: &str = "individual--00000000-0000-4000-8000-000000000001";
const LOGIN: &str = "http-basic--00000000-0000-4000-8000-000000000001";

/// A file with one action of this command, on a machine with this address.
fn file(command: Value, machine: Value) -> Value {
    let mut target = json!({"type": "http-api", "name": "tool"});
    target.as_object_mut().expect("a map").extend(machine.as_object().expect("a map").clone());
    json!({
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": "playbook--00000000-0000-4000-8000-000000000001",
        "name": "one action",
        "created_by": "identity--00000000-0000-4000-8000-000000000001",
        "created": "2026-01-31T11:00:00.000Z",
        "modified": "2026-01-31T11:00:00.000Z",
        "playbook_variables": {
            "__ip__": {"type": "ipv4-addr", "value": "203.0.113.9"},
            "__count__": {"type": "integer", "value": "5"},
            "__open__": {"type": "bool", "value": "true"},
            "__alert__": {"type": "dictionary", "value": "{\"host\": \"a\"}"},
            "__host__": {"type": "string", "value": "edr.example", "constant": true},
            "__base__": {"type": "uri", "value": "https://edr.example/api", "external": true},
            "__password__": {"type": "string", "value": "correct horse"},
            "__given__": {"type": "integer", "external": true}
        },
        "workflow_start": START,
        "workflow": {
            START: {"type": "start", "on_completion": ACTION},
            ACTION: {"type": "action", "on_completion": END, "commands": [command], "agent": AGENT, "targets": [TARGET]},
            END: {"type": "end"}
        },
        "agent_definitions": {AGENT: {"type": "individual", "name": "ana"}},
        "target_definitions": {TARGET: target},
        "authentication_info_definitions": {
            LOGIN: {"type": "http-basic", "user_id": "soar", "password": "__password__:value"}
        }
    })
}

fn edr() -> Value {
    json!({"address": {"dname": ["edr.example"]}, "port": "443"})
}

fn imported(file: &Value) -> Result<Import, String> {
    import(file.to_string().as_bytes()).map_err(|mistakes| mistakes.to_string())
}

/// The file as a native playbook that the engine takes.
fn native(file: &Value) -> Value {
    let import = imported(file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut catalogue = Catalogue::default();
    let http = HttpIntegration::builder().build().expect("an integration");
    catalogue.add_integration(Name::new("http").expect("a name"), Arc::new(http));
    catalogue.add_integration(Name::new("bash").expect("a name"), Arc::new(BashIntegration::new("home")));
    // No connection is made: any file is one of known hosts.
    let known_hosts = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let allowed = "203.0.113.9".parse().expect("an address");
    let ssh =
        SshIntegration::builder().known_hosts(known_hosts).allow(allowed).build().expect("an integration");
    catalogue.add_integration(Name::new("ssh").expect("a name"), Arc::new(ssh));
    let plan = Plan::check(&import.playbook, &catalogue);
    let native = serde_json::to_value(&import.playbook).expect("JSON");
    assert!(plan.is_ok(), "{:?}\n{native:#}", plan.err());
    native
}

/// The action of the native playbook.
fn action(file: &Value) -> Value {
    native(file)["steps"][1].clone()
}

#[test]
fn a_request_has_its_parts() {
    let content = r#"{"ip": "__ip__:value", "text": "host __ip__:value {{ x }}", "n": __count__:value, "list": [__open__:value]}"#;
    let command = json!({
        "type": "http-api",
        "command": "POST /hosts/__ip__:value/isolate?by=__count__:value HTTP/1.1",
        "headers": {"Content-Type": ["application/json"], "X-Note": ["a __ip__:value", "b"]},
        "content": content
    });
    let action = action(&file(command, edr()));
    assert_eq!(action["action"], "request");
    let arguments = &action["arguments"];
    assert_eq!(arguments["method"], "POST");
    let ip = "{{ (variables['__ip__'] if variables['__ip__'] is not none) }}";
    let count = "{{ (variables['__count__'] if variables['__count__'] is not none) }}";
    assert_eq!(arguments["url"], format!("{{{{ variables['{MACHINE}'] }}}}/hosts/{ip}/isolate?by={count}"));
    assert_eq!(arguments["headers"]["X-Note"], format!("a {ip}, b"));
    assert_eq!(arguments["json"]["ip"], ip);
    assert_eq!(arguments["json"]["n"], count);
    assert_eq!(arguments["json"]["text"], format!("host {ip}{{% raw %}} {{{{ x }}}}{{% endraw %}}"));
}

#[test]
fn the_base_of_a_machine_is_a_variable() {
    for (machine, base) in [
        (edr(), "https://edr.example"),
        (json!({"address": {"dname": ["edr.example"]}}), "http://edr.example"),
        (json!({"address": {"dname": ["edr.example"]}, "port": "8443"}), "http://edr.example:8443"),
        (json!({"address": {"ipv4": ["203.0.113.9"]}}), "http://203.0.113.9"),
        (json!({"address": {"ipv6": ["2001:db8::1"]}, "port": "443"}), "https://[2001:db8::1]"),
        (
            json!({"address": {"url": ["https://edr.example/api/"], "ipv4": ["203.0.113.9"]}}),
            "https://edr.example/api",
        ),
    ] {
        let file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), machine);
        assert_eq!(native(&file)["variables"][MACHINE], base);
    }
}

#[test]
fn an_address_may_be_variables_that_no_step_writes() {
    for (machine, url) in [
        (json!({"address": {"url": ["__base__:value"]}}), "{{ variables['__base__'] }}/a"),
        (
            json!({"address": {"dname": ["__host__:value"]}, "port": "8443"}),
            "http://{{ constants['__host__'] }}:8443/a",
        ),
    ] {
        let file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), machine);
        assert_eq!(action(&file)["arguments"]["url"], url);
    }
}

#[test]
fn contents_have_their_form() {
    let command = |content_type: &str, content: &str| json!({"type": "http-api", "command": "POST /a HTTP/1.1", "headers": {"content-type": [content_type]}, "content": content});
    let form =
        action(&file(command("application/x-www-form-urlencoded", "a=1&b=__count__:value&a=x%20y"), edr()));
    assert_eq!(form["arguments"]["form"]["a"], json!(["1", "x y"]));
    let text = action(&file(command("text/plain", "ip: __ip__:value"), edr()));
    assert!(text["arguments"]["text"].as_str().is_some_and(|text| text.starts_with("ip: {{")));
    let xml = action(&file(command("application/xml", "<a>{{ b }}</a>"), edr()));
    assert_eq!(xml["arguments"]["text"], "{% raw %}<a>{{ b }}</a>{% endraw %}");
    let mistakes =
        imported(&file(command("application/xml", "<a>__ip__:value</a>"), edr())).expect_err("refused");
    assert!(mistakes.contains("(rule content)"), "{mistakes}");
    let broken = imported(&file(command("application/json", "{"), edr())).expect_err("refused");
    assert!(broken.contains("is declared to be JSON"), "{broken}");
}

#[test]
fn a_credential_is_taken_out() {
    let mut machine = edr();
    machine["authentication_info"] = json!(LOGIN);
    let file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), machine);
    let import = imported(&file).expect("imported");
    let [secret] = &import.secrets[..] else { panic!("one secret") };
    assert_eq!(secret.secret.expose(), "correct horse");
    assert_eq!(secret.name.as_str(), format!("cacao.{LOGIN}.password"));
    let native = native(&file);
    assert!(!native.to_string().contains("correct horse"));
    assert!(!format!("{import:?}").contains("correct horse"));
    let basic = &native["steps"][1]["arguments"]["auth"]["basic"];
    assert_eq!(basic, &json!({"user": "soar", "password": {"$secret": secret.name.as_str()}}));
}

#[test]
fn results_are_set_behind_the_action() {
    let mut file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), edr());
    file["workflow"][ACTION]["out_args"] = json!(["__count__", "__alert__"]);
    let steps = native(&file)["steps"].clone();
    assert_eq!(steps[1]["arguments"]["response"], "text");
    assert_eq!(steps[3]["id"], format!("{ACTION}.out"));
    assert!(steps[3]["set"]["__count__"].as_str().is_some_and(|text| text.contains("|int")));
    let manual = json!({"type": "manual", "command": "How many at __ip__:value?"});
    file["workflow"][ACTION]["commands"] = json!([manual]);
    file["workflow"][ACTION]["timeout"] = json!(60_000);
    let native = native(&file);
    let ask = &native["steps"][1];
    assert_eq!(ask["assignees"], json!(["ana"]));
    assert_eq!(ask["form"]["required"], json!(["count", "alert"]));
    assert_eq!(ask["timeout"], "1m");
    assert_eq!(
        native["steps"][2]["set"]["__count__"],
        format!("{{{{ steps['{ACTION}'].output.data['count'] }}}}")
    );
}

#[test]
fn a_shell_gets_each_value_as_a_word() {
    let bash = json!({"type": "bash", "command": "grep -c __ip__:value /tmp/a-__count__:value.log | awk '{{print $1}}'"});
    let run = action(&file(bash, edr()));
    let ip = "{{ (variables['__ip__'] if variables['__ip__'] is not none) }}";
    let command = run["arguments"]["command"].as_str().expect("a command");
    assert!(
        command.starts_with(&format!("grep -c {ip} /tmp/a-")) && command.contains("'{{print $1}}'"),
        "{command}"
    );
    assert_eq!((&run["integration"], &run["action"]), (&json!("bash"), &json!("run")));

    let login = "user-auth--00000000-0000-4000-8000-000000000001";
    let target = "ssh--00000000-0000-4000-8000-000000000001";
    let mut file = file(json!({"type": "ssh", "command": "systemctl status __host__:value"}), edr());
    file["authentication_info_definitions"] = json!({login: {"type": "user-auth", "username": "soar", "kms": true, "kms_key_identifier": "host-key"}});
    let address = json!({"ipv4": ["203.0.113.9"]});
    file["target_definitions"] = json!({target: {"type": "ssh", "name": "a", "address": address, "port": "2222", "authentication_info": login}});
    file["workflow"][ACTION]["targets"] = json!([target]);
    let run = action(&file);
    let arguments = &run["arguments"];
    assert_eq!(arguments["host"], "203.0.113.9");
    assert_eq!(arguments["port"], json!(2222));
    assert_eq!(arguments["user"], "soar");
    assert_eq!(arguments["key"], json!({"$secret": "host-key"}));
    assert_eq!(arguments["command"], "systemctl status {{ constants['__host__'] }}");
}

#[test]
fn the_start_takes_external_variables_from_the_input() {
    let file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), edr());
    let start = native(&file)["steps"][0].clone();
    assert!(
        start["set"]["__given__"].as_str().is_some_and(|text| text.contains("input['__given__']")),
        "{start}"
    );
    assert_eq!(start["id"], START);
}

#[test]
fn what_fails_ends_as_failed_after_its_exception() {
    let mut file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), edr());
    let notice = "action--00000000-0000-4000-8000-000000000002";
    file["workflow"][notice] = file["workflow"][ACTION].clone();
    file["workflow_exception"] = json!(notice);
    let native = native(&file);
    let catch = native["catch"].as_array().expect("a catch");
    assert_eq!(catch[0]["id"], notice);
    let fail = catch[1]["fail"].as_str().expect("a failure at the end");
    assert!(fail.contains(&format!("steps['{ACTION}'].error.message")), "{fail}");
}

#[test]
fn what_cannot_be_done_is_refused_by_its_rule() {
    let get = json!({"type": "http-api", "command": "GET /a HTTP/1.1"});
    let with = |command: &str| json!({"type": "http-api", "command": command});
    for (command, machine, rule) in [
        (get.clone(), json!({"address": {"dname": ["a.example", "b.example"]}}), "address-several-values"),
        (get.clone(), json!({"address": {"l2mac": ["00:00:5e:00:53:af"]}}), "address-kind"),
        (get.clone(), json!({"address": {}}), "command-without-address"),
        (
            get.clone(),
            json!({"address": {"dname": ["__ip__:value.example"]}, "port": "__given__:value"}),
            "address",
        ),
        (with("BREW /a HTTP/1.1"), edr(), "http-method"),
        (with("GET https://other.example/a HTTP/1.1"), edr(), "url-conflict"),
        (with("GET /a/../b HTTP/1.1"), edr(), "http-target"),
        (with("GET /__nobody__:value HTTP/1.1"), edr(), "variable-undeclared"),
        (with("GET /__ip__ HTTP/1.1"), edr(), "variable-without-value"),
    ] {
        match imported(&file(command.clone(), machine)) {
            Err(mistakes) => assert!(mistakes.contains(rule), "{mistakes}"),
            Ok(_) if rule == "address" => {}
            Ok(_) => panic!("{command} is not refused by {rule}"),
        }
    }
    let mut machine = edr();
    machine["authentication_info"] = json!(LOGIN);
    let printed = imported(&file(with("GET /__password__:value HTTP/1.1"), machine)).expect_err("refused");
    assert!(printed.contains("secret-variable") && !printed.contains("correct horse"), "{printed}");
}

#[test]
fn what_is_exported_is_imported_as_the_same() {
    let mut login = edr();
    login["authentication_info"] = json!(LOGIN);
    let post = json!({
        "type": "http-api",
        "command": "POST /hosts/__ip__:value?n=__count__:value HTTP/1.1",
        "headers": {"Content-Type": ["application/json"], "X-Note": ["a {{ __ip__:value"]},
        "content": "{\"ip\": \"__ip__:value\", \"n\": __count__:value, \"text\": \"a {{ __ip__:value %}\", \"list\": [true, null]}"
    });
    let form = json!({
        "type": "http-api",
        "command": "PUT /a HTTP/1.1",
        "headers": {"Content-Type": ["application/x-www-form-urlencoded"]},
        "content": "a=__count__:value&b=x"
    });
    let manual = json!({"type": "manual", "command": "Look at __ip__:value {% now %}, __alert__:value.host, __alert__:value['a b']"});
    let constant = json!({
        "type": "http-api",
        "command": "PUT /a HTTP/1.1",
        "headers": {"Content-Type": ["application/json"]},
        "content": "{\"b\": 1.10, \"a\": \"{{ x }}\"}"
    });
    let parts = json!({
        "type": "http-api",
        "command": "POST /hosts/__alert__:value.host HTTP/1.1",
        "content": "{\"text\": \"__alert__:value.host\", \"typed\": __alert__:value.host, \"all\": \"a __alert__:value\"}"
    });
    for (command, machine) in
        [(post, edr()), (form, login), (manual, edr()), (constant, edr()), (parts, edr())]
    {
        let file = file(command, machine);
        let first = imported(&file).expect("imported").playbook;
        let exported = export(&first);
        assert_eq!(exported.left_out, [], "{}", exported.json);
        let second = import(exported.json.to_string().as_bytes());
        let second = second.unwrap_or_else(|mistakes| panic!("{mistakes}\n{}", exported.json)).playbook;
        let printed = |playbook| serde_json::to_string_pretty(playbook).expect("JSON");
        assert_eq!(printed(&second), printed(&first), "{}", exported.json);
    }
}

#[test]
fn what_the_examples_do_that_cacao_cannot_say_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path().join("playbook.yaml");
        let Ok(text) = std::fs::read(&path) else { continue };
        let playbook = Playbook::parse(&text).expect("a playbook");
        let exported = export(&playbook);
        seen += 1;
        // An alert is read by all of them, and no variable of CACAO is one.
        assert!(!exported.left_out.is_empty(), "{}", path.display());
        assert_eq!(exported, export(&playbook));
    }
    assert!(seen > 0);
}
