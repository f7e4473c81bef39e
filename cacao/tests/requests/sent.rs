//! What is sent, and to whom: content as it is written, parts of dictionaries as texts, and credentials to their machine alone.

use serde_json::{Value, json};

use super::{ACTION, LOGIN, action, edr, file, imported, native};

fn post(content_type: &str, content: &Value) -> Value {
    let mut command = json!({
        "type": "http-api",
        "command": "POST /a HTTP/1.1",
        "headers": {"Content-Type": [content_type]}
    });
    command.as_object_mut().expect("a map").extend(content.as_object().expect("a map").clone());
    command
}

#[test]
fn content_without_references_is_sent_as_it_is_written() {
    for (content_type, content) in [
        ("application/json", r#"{ "z": 1.10, "a": 1e2, "u": "\u00e9\/" }"#),
        ("application/vnd.api+json; charset=utf-8", "[ 1 ]\n"),
        ("application/x-www-form-urlencoded", "b=1&a=%7e&b=2&c"),
        ("application/x-ndjson", "{}\n{}\n"),
    ] {
        let written = file(post(content_type, &json!({"content": content})), edr());
        let arguments = action(&written)["arguments"].clone();
        assert_eq!(arguments["text"], content);
        assert_eq!((&arguments["json"], &arguments["form"]), (&Value::Null, &Value::Null));
    }
    let encoded = post("application/json", &json!({"content_b64": "eyJiIjoxLCAiYSI6Mn0="}));
    assert_eq!(action(&file(encoded, edr()))["arguments"]["bytes"], "eyJiIjoxLCAiYSI6Mn0=");
}

#[test]
fn content_that_is_no_json_is_refused_with_its_line() {
    for (content, why) in [
        ("{\"a\": 1,\n \"b\": [1,]}", "in its line 2, "),
        ("{\"a\": __count__:value,\n \"b\" 1}", "in its line 2, "),
        ("{\"a\": 1,\n \"a\": 2}", "in its line 2, the field \"a\" is there already"),
        ("{\"a\": __ip__}", "in its line 1, "),
    ] {
        let mistakes = imported(&file(post("application/json", &json!({"content": content})), edr()))
            .expect_err(content);
        assert!(mistakes.contains(why) && mistakes.contains("(rule content)"), "{mistakes}");
    }
    for mark in ["\u{f8ff}0", "\\uF8FF0", "x\u{f8ff}"] {
        let content = format!("{{\"a\": __count__:value, \"b\": \"{mark}\"}}");
        let mistakes = imported(&file(post("application/json", &json!({"content": content})), edr()))
            .expect_err("what marks variables is no value");
        assert!(mistakes.contains("U+F8FF") && mistakes.contains("(rule content)"), "{mistakes}");
    }
    let bare = post("application/json", &json!({"content": "{\"a\": \"__ip__\"}"}));
    let mistakes = imported(&file(bare, edr())).expect_err("a name without its value");
    assert!(mistakes.contains("(rule variable-without-value)"), "{mistakes}");
}

#[test]
fn the_credential_of_an_agent_is_not_for_another_machine() {
    let get = json!({"type": "http-api", "command": "GET /a HTTP/1.1"});
    let mut agent = edr();
    agent["authentication_info"] = json!(LOGIN);
    agent["type"] = json!("http-api");
    agent["name"] = json!("agent");
    let other = json!({"address": {"dname": ["other.example"]}, "port": "443"});
    for (target, gets, warned) in [(edr(), true, false), (other, false, true)] {
        let mut written = file(get.clone(), target);
        let agent_id = "http-api--00000000-0000-4000-8000-000000000002";
        written["agent_definitions"] = json!({agent_id: agent});
        written["workflow"][ACTION]["agent"] = json!(agent_id);
        let import = imported(&written).expect("imported");
        let rules: Vec<&str> = import.warnings.iter().map(|finding| finding.rule.name()).collect();
        assert_eq!(rules.contains(&"agent-credential"), warned, "{rules:?}");
        let arguments = native(&written)["steps"][1]["arguments"].clone();
        assert_eq!(arguments.get("auth").is_some(), gets, "{arguments}");
    }
}

#[test]
fn no_finding_tells_an_address_that_may_have_a_credential() {
    for url in
        ["https://soar:horse@edr.example/v1", "https://edr.example/v1?token=horse", "soar:horse@edr.example"]
    {
        let get = json!({"type": "http-api", "command": "GET /a HTTP/1.1"});
        let mistakes = imported(&file(get, json!({"address": {"url": [url]}}))).expect_err(url);
        assert!(!mistakes.contains("horse"), "{mistakes}");
    }
}

#[test]
fn a_target_with_a_fragment_is_refused() {
    for line in ["GET /channels/#general HTTP/1.1", "GET /a?q=1#b HTTP/1.1", "GET /é HTTP/1.1"] {
        let mistakes = imported(&file(json!({"type": "http-api", "command": line}), edr())).expect_err(line);
        assert!(mistakes.contains("(rule http-target)"), "{mistakes}");
    }
}

#[test]
fn a_token_is_sent_as_its_header_says_or_not_at_all() {
    let login = "oauth2--00000000-0000-4000-8000-000000000001";
    let with = |header: &str| {
        let mut machine = edr();
        machine["authentication_info"] = json!(login);
        let mut written = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), machine);
        written["authentication_info_definitions"] =
            json!({login: {"type": "oauth2", "oauth_header": header, "token": "correct horse"}});
        written
    };
    for header in ["Authorization: Bearer", "authorization:bearer", "Bearer", "Authorization", ""] {
        assert!(action(&with(header))["arguments"]["auth"]["bearer"]["$secret"].is_string(), "{header}");
    }
    for header in ["X-Api-Key", "Authorization: OAuth", "Authorization: Bearer abc"] {
        let mistakes = imported(&with(header)).expect_err(header);
        assert!(mistakes.contains("(rule authentication)"), "{mistakes}");
    }
}

#[test]
fn how_tokens_are_fetched_is_written_out() {
    let login = "oauth2--00000000-0000-4000-8000-000000000001";
    let with = |word: &str, text: &str| {
        let mut machine = edr();
        machine["authentication_info"] = json!(login);
        let mut written = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), machine);
        let mut info = json!({"type": "oauth2", "oauth_header": "Authorization: Bearer", "token": "",
            "token_url": "https://login.example/token", "client_id": "soar", "client_secret": "correct horse", "scope": "a"});
        info[word] = json!(text);
        written["authentication_info_definitions"] = json!({login: info});
        written
    };
    assert_eq!(action(&with("client_id", "soar 2"))["arguments"]["auth"]["oauth2"]["client_id"], "soar 2");
    for word in ["client_id", "scope", "token_url"] {
        for text in ["__host__:value", "a {{ b }}"] {
            let mistakes = imported(&with(word, text)).expect_err(text);
            assert!(mistakes.contains(&format!("whose `{word}`")), "{mistakes}");
        }
    }
}

#[test]
fn a_command_of_this_machine_is_not_for_another_one() {
    let linux = "linux--00000000-0000-4000-8000-000000000001";
    let with = |place: &str, address: Value| {
        let mut written = file(json!({"type": "bash", "command": "iptables -F"}), edr());
        written["target_definitions"] = json!({linux: {"type": "linux", "name": "a", "address": address}});
        written["workflow"][ACTION].as_object_mut().expect("a map").remove("targets");
        match place {
            "agent" => {
                written["agent_definitions"] = written["target_definitions"].take();
                written.as_object_mut().expect("a map").remove("target_definitions");
                written["workflow"][ACTION]["agent"] = json!(linux);
            }
            _ => written["workflow"][ACTION]["targets"] = json!([linux]),
        }
        written
    };
    for place in ["agent", "targets[0]"] {
        let mistakes = imported(&with(place, json!({"ipv4": ["203.0.113.9"]}))).expect_err(place);
        assert!(mistakes.contains("(rule bash-elsewhere)") && mistakes.contains(place), "{mistakes}");
        for here in
            [json!({"ipv4": ["127.0.0.1"]}), json!({"dname": ["localhost"]}), json!({"ipv6": ["::1"]})]
        {
            assert_eq!(action(&with(place, here))["integration"], "bash");
        }
    }
}

#[test]
fn a_network_address_may_have_a_port() {
    let mut written = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), edr());
    let id = "net-address--00000000-0000-4000-8000-000000000001";
    let machine =
        json!({"type": "net-address", "name": "a", "address": {"dname": ["edr.example"]}, "port": "8443"});
    written["target_definitions"] = json!({id: machine});
    written["workflow"][ACTION]["targets"] = json!([id]);
    let import = imported(&written).expect("imported");
    assert!(!import.warnings.iter().any(|finding| finding.rule.name() == "unknown-property"));
    let variables = native(&written)["variables"].clone();
    assert_eq!(variables["net_address__00000000_0000_4000_8000_000000000001"], "http://edr.example:8443");
}

#[test]
fn an_integration_is_told_of_machines_with_the_values_of_their_addresses_and_of_no_credential() {
    let mut target = edr();
    target["address"] = json!({"dname": ["__ip__:value.internal"], "ipv4": ["192.0.2.7"]});
    target["authentication_info"] = json!(LOGIN);
    let written = file(json!({"type": "kestrel", "command": "GET process"}), target);
    let import = imported(&written).expect("imported");
    let playbook = serde_json::to_value(&import.playbook).expect("a playbook");
    let arguments = &playbook["steps"][1]["arguments"];
    let told = &arguments["targets"][0];
    assert!(
        told["dname"][0].as_str().is_some_and(|name| name.contains("{{") && name.ends_with(".internal")),
        "{told}"
    );
    assert_eq!((&told["ipv4"], &told["port"]), (&json!(["192.0.2.7"]), &json!("443")));
    assert!(!arguments.to_string().contains("$secret"));
    let rules: Vec<&str> = import.warnings.iter().map(|finding| finding.rule.name()).collect();
    assert!(rules.contains(&"agent-credential"), "{rules:?}");
}
