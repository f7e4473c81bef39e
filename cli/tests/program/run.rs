//! `updraft run` and `updraft demo`: exit codes, and what they say.

use std::io::Write;
use std::process::Stdio;

use crate::ended::{Ended, ended, updraft};
use crate::given::{example, files, playbook, two_requests};
use crate::tools::{Tool, Tools};

const END: &str = "  - {id: done, end: {seen: '{{ input }}', n: '{{ variables.n }}'}}\n";

#[test]
fn the_example_runs_against_served_tools_with_no_other_flags_and_is_told_as_one_document() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let (book, alert) = (example("playbook.yaml"), example("alert.json"));
    let (book, alert) = (book.to_str().unwrap(), alert.to_str().unwrap());
    let place = tools.place();
    let run = ended(dir.path(), &["run", book, "--input", alert, "--json", "--endpoint", &place]);
    assert_eq!(run.code, 0, "{}", run.err);
    let document = run.json();
    assert_eq!(document["execution"]["execution_status"], "completed");
    assert_eq!(document["execution"]["tenant_code"], "default");
    assert_eq!(document["execution"]["output"]["verdict"], "malicious");
    let tasks = document["tasks"].as_array().unwrap();
    let search = tasks.iter().find(|task| task["step_id"] == "search").unwrap();
    assert_eq!((&search["status"], &search["integration"]), (&"completed".into(), &"http".into()));
    assert_eq!(search["response"]["body"]["total"], 3);
    assert!(
        search["task_request_id"].is_string() && search["attempt"].is_u64() && search["runtime"].is_u64()
    );
    assert!(run.err.contains("search"), "progress goes to standard error: {}", run.err);
    assert_eq!(tools.stop(), 0);
    let left = std::fs::exists(dir.path().join("updraft-data/allow-net")).unwrap();
    assert!(!left, "the permission ends with the tools");
}

#[test]
fn tools_of_this_machine_are_out_of_reach_without_permission() {
    let (dir, elsewhere) = (files(&[]), files(&[]));
    let tools = Tools::serve(elsewhere.path());
    let steps = format!(
        "  - {{id: a, action: http.request, arguments: {{url: 'http://127.0.0.1:{}/acts'}}}}\n",
        tools.port
    );
    std::fs::write(dir.path().join("p.yaml"), playbook(&steps)).unwrap();
    let allowed = format!("127.0.0.1:{}", tools.port);
    for command in ["run", "validate"] {
        let run = ended(dir.path(), &[command, "p.yaml"]);
        assert_eq!((run.code, dir.path().join("updraft-data/journal").exists()), (2, false));
        let said = format!(
            "steps[0].arguments.url: missing here: permission to reach {allowed}; `--allow-net {allowed}` gives it"
        );
        assert!(run.out.contains(&said) || run.err.contains(&said), "{}{}", run.out, run.err);
    }
    let named = playbook(
        "  - {id: a, action: http.request, retry: {attempts: 1}, \
         arguments: {url: 'http://localhost:9/'}}\n",
    );
    std::fs::write(dir.path().join("named.yaml"), named).unwrap();
    let run = ended(dir.path(), &["run", "named.yaml", "--json", "--data", "named-data"]);
    assert_eq!((run.code, run.json()["tasks"][0]["error"]["kind"].as_str()), (1, Some("forbidden")));
    assert_eq!(ended(dir.path(), &["run", "p.yaml", "--allow-net", &allowed]).code, 0);
    let by_variable = updraft(dir.path(), &["run", "p.yaml"])
        .env("UPDRAFT_ALLOW_NET", format!("10.0.0.0/8,{allowed}"))
        .output();
    assert_eq!(Ended::from(by_variable.unwrap()).code, 0);
}

#[test]
fn a_proxy_is_used_where_it_is_asked_for_and_for_hosts_that_are_allowed_by_name() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
            head.push(byte[0]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        std::io::Write::write_all(&mut stream, answer).unwrap();
        String::from_utf8(head).unwrap()
    });
    let steps = "  - {id: a, action: http.request, arguments: {url: 'http://tool.invalid/a'}}\n";
    let dir = files(&[("p.yaml", &playbook(steps))]);
    let run = |arguments: &[&str]| {
        let proxy = format!("http://soar:hunter2@{address}");
        let output = updraft(dir.path(), arguments).env("UPDRAFT_PROXY", proxy).output();
        Ended::from(output.unwrap())
    };
    let refused = run(&["run", "p.yaml", "--json"]);
    let way = "by its name: the proxy http://127.0.0.1";
    assert!(refused.code == 2 && refused.err.contains(way), "{}", refused.err);
    assert!(refused.err.trim_end().ends_with("`--allow-net tool.invalid:80` gives it"), "{}", refused.err);
    assert_eq!(run(&["run", "p.yaml", "--allow-net", "tool.invalid"]).code, 0);
    let head = serving.join().unwrap();
    assert!(head.starts_with("GET http://tool.invalid/a HTTP/1.1\r\n"), "{head}");
    let wrong = updraft(dir.path(), &["run", "p.yaml"]).env("UPDRAFT_PROXY", "ftp://u:hunter2@h").output();
    let wrong = Ended::from(wrong.unwrap());
    assert!(
        wrong.code == 2 && wrong.err.contains("UPDRAFT_PROXY: ") && !wrong.err.contains("hunter2"),
        "{}",
        wrong.err
    );
}

#[test]
fn permissions_that_make_no_sense_are_refused_with_their_place() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--allow-net", "10.0.0.0/40"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--allow-net") && run.err.contains("10.0.0.0/40"), "{}", run.err);
    std::fs::create_dir(dir.path().join("updraft-data")).unwrap();
    std::fs::write(dir.path().join("updraft-data/allow-net"), "10.0.0.0/8\nh:0\n").unwrap();
    let run = updraft(dir.path(), &["run", "p.yaml"]).env("UPDRAFT_ALLOW_NET", "ok,no way").output();
    let run: Ended = run.unwrap().into();
    assert_eq!(run.code, 2);
    assert!(run.err.contains("UPDRAFT_ALLOW_NET: entry 2: `no way`"), "{}", run.err);
    assert!(run.err.contains("allow-net: line 2: `h:0`"), "{}", run.err);
}

#[test]
fn an_execution_that_fails_exits_1_and_one_that_times_out_3() {
    let failing = playbook("  - {id: no, fail: it failed}\n");
    let slow = playbook("  - {id: wait, delay: 1h}\n").replace("steps:", "timeout: 50ms\nsteps:");
    let dir = files(&[("failing.yaml", &failing), ("slow.yaml", &slow)]);
    let failed = ended(dir.path(), &["run", "failing.yaml", "--data", "a"]);
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert!(failed.out.contains("✗ failed in") && failed.out.contains("error: end_step"), "{}", failed.out);
    let timed_out = ended(dir.path(), &["run", "slow.yaml", "--data", "b", "--json"]);
    assert_eq!(timed_out.code, 3, "{}", timed_out.err);
    assert_eq!(timed_out.json()["execution"]["execution_status"], "timed_out");
}

#[test]
fn what_is_given_reaches_the_playbook_and_the_same_key_gives_the_same_execution() {
    let dir = files(&[("p.yaml", &playbook(END)), ("alert.json", " {\"ip\": \"203.0.113.9\"}\n")]);
    let arguments = [
        "run",
        "p.yaml",
        "--input",
        "alert.json",
        "--var",
        "n=[2]",
        "--alert-id",
        "A-1",
        "--uid",
        "ana",
        "--key",
        "k",
        "--tenant",
        "acme",
        "--durability",
        "os",
        "--json",
    ];
    let first = ended(dir.path(), &arguments);
    assert_eq!(first.code, 0, "{}", first.err);
    let execution = &first.json()["execution"];
    assert_eq!(execution["output"], serde_json::json!({"seen": {"ip": "203.0.113.9"}, "n": [2]}));
    let told = ["alert_id", "uid", "tenant_code"].map(|field| &execution[field]);
    assert_eq!(told, ["A-1", "ana", "acme"]);
    let again = ended(dir.path(), &arguments);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(again.json()["execution"]["peid"], execution["peid"]);
    let told = format!(
        "--key k: execution {} has this key; nothing is run anew",
        execution["peid"].as_str().unwrap()
    );
    assert!(again.err.contains(&told) && !first.err.contains("has this key"), "{}{}", first.err, again.err);
}

#[test]
fn a_key_is_a_playbooks_own_and_another_input_under_it_is_refused_or_shown_the_first() {
    let other = playbook(END).replace("name: test", "name: contain");
    let dir = files(&[
        ("p.yaml", &playbook(END)),
        ("other.yaml", &other),
        ("alert.json", "{\"ip\": \"203.0.113.9\", \"at\": 1}"),
        ("later.json", "{\"at\": 2, \"ip\": \"203.0.113.9\"}"),
    ]);
    let run = |arguments: &[&str]| {
        let mut all = vec!["run", "--json", "--durability", "os", "--key", "alert-4711"];
        all.extend(arguments);
        ended(dir.path(), &all)
    };
    let first = run(&["p.yaml", "--input", "alert.json"]);
    let contained = run(&["other.yaml", "--input", "alert.json"]);
    assert_eq!((first.code, contained.code), (0, 0), "{}{}", first.err, contained.err);
    let peid = first.json()["execution"]["peid"].as_str().unwrap().to_owned();
    assert_ne!(contained.json()["execution"]["peid"], *peid);
    assert_eq!(contained.json()["execution"]["playbook_name"], "contain");

    for arguments in
        [&["p.yaml", "--input", "later.json"][..], &["p.yaml", "--input", "alert.json", "--var", "n=2"]]
    {
        let refused = run(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        let told =
            ["--key alert-4711", &peid, "playbook test", "another --input or other --var", "return-first"];
        assert!(told.iter().all(|told| refused.err.contains(told)), "{}", refused.err);
        assert!(!refused.err.contains("203.0.113.9"), "{}", refused.err);
    }
    let redelivered = run(&["p.yaml", "--input", "later.json", "--on-reuse", "return-first"]);
    assert_eq!(redelivered.code, 0, "{}", redelivered.err);
    assert_eq!(redelivered.json()["execution"]["peid"], *peid);
    assert_eq!(redelivered.json()["execution"]["output"]["seen"]["at"], 1);
}

#[test]
fn input_comes_from_standard_input_too() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--input", "-", "--json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"[1, 2]").unwrap();
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.json()["execution"]["output"]["seen"], serde_json::json!([1, 2]));
}

#[test]
fn every_digit_of_a_number_is_told_as_it_was_given() {
    let dir =
        files(&[("p.yaml", &playbook(END)), ("alert.json", "{\"id\": 123456789012345678901234567890}")]);
    let arguments = ["run", "p.yaml", "--input", "alert.json", "--var", "n=0.30000000000000000001", "--json"];
    let run = ended(dir.path(), &arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    for digits in ["123456789012345678901234567890", "0.30000000000000000001"] {
        assert!(run.out.matches(digits).count() >= 2, "given and told: {}", run.out);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_is_stored() {
    let wrong = playbook("  - {id: a, action: nmap.scan, next: b}\n");
    let dir = files(&[("p.yaml", &wrong), ("alert.json", "{\n  \"a\": x\n}")]);
    let arguments = ["run", "p.yaml", "--input", "alert.json", "--var", "m=1", "--key", "", "--uid", ""];
    let run = ended(dir.path(), &arguments);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("alert.json: line 2, column 8: not JSON: "), "{}", run.err);
    assert!(run.err.contains("p.yaml: steps[0].action: "), "{}", run.err);
    assert!(run.err.contains("p.yaml: steps[0].next: "), "{}", run.err);
    assert!(run.err.contains("--key: 1 to 256 bytes"), "{}", run.err);
    assert!(run.err.contains("--uid: 1 to 256 bytes"), "{}", run.err);
    assert!(!dir.path().join("updraft-data").exists());
    std::fs::write(dir.path().join("p.yaml"), playbook(END)).unwrap();
    let run = ended(dir.path(), &["run", "p.yaml", "--var", "m=1"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--var m: the playbook has no such variable; it has n, tools"), "{}", run.err);
    assert!(!dir.path().join("updraft-data").exists());
}

#[test]
fn a_value_for_a_constant_is_refused_as_that() {
    let constant = playbook(END).replace("variables:", "constants: {limit: 5}\nvariables:");
    let dir = files(&[("p.yaml", &constant)]);
    let run = ended(dir.path(), &["run", "p.yaml", "--var", "limit=6"]);
    let told = "--var limit: it is a constant of the playbook, whose value nothing changes";
    assert!(run.code == 2 && run.err.contains(told), "{}", run.err);
}

#[test]
fn where_a_playbook_connects_to_is_given_as_such_or_not_at_all() {
    let dir = files(&[("p.yaml", &two_requests())]);
    let place = "tools=\"http://127.0.0.1:1\"";
    let run = ended(dir.path(), &["run", "p.yaml", "--var", place, "--endpoint", "m=http://h"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("--var tools: the playbook connects to it; write `--endpoint tools=URL`"),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("--endpoint m: the playbook has no such variable; it has n, tools"),
        "{}",
        run.err
    );
    let run = ended(dir.path(), &["run", "p.yaml", "--endpoint", "tools=127.0.0.1"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("--endpoint tools: steps[0].arguments.url connects to it: a URL is"),
        "{}",
        run.err
    );
    std::fs::write(dir.path().join("open.yaml"), two_requests().replace("'http://127.0.0.1:9'", "null"))
        .unwrap();
    let run = ended(dir.path(), &["run", "open.yaml"]);
    assert_eq!(run.code, 2);
    let told = "variables.tools: the playbook connects to it, and it is null; write `--endpoint tools=URL`";
    assert!(run.err.contains(told), "{}", run.err);
    assert!(!dir.path().join("updraft-data").exists());
}

#[test]
fn usage_that_makes_no_sense_exits_2() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    for arguments in [
        &["run"][..],
        &["fly"],
        &["run", "p.yaml", "--var", "n=x"],
        &["run", "p.yaml", "--endpoint", "tools"],
        &["run", "p.yaml", "--tenant", "a b"],
        &["run", "p.yaml", "--durability", "none"],
        &["run", "p.yaml", "--key", "k", "--on-reuse", "run"],
        &["run", "p.yaml", "--on-reuse", "return-first"],
        &["run", "p.yaml", "--log", "updraft=loud"],
        &["run", "missing.yaml"],
        &["run", "p.yaml", "--input", "missing.json"],
        &["list", "--status", "done"],
        &["list", "--limit", "0"],
        &["show", "7"],
        &["validate"],
    ] {
        let run = ended(dir.path(), arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert_ne!(run.err, "", "{arguments:?}");
    }
    assert!(!dir.path().join("updraft-data").exists());
}

#[test]
fn no_parser_speaks_to_people() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    for (arguments, told) in [
        (&["list", "--limit", "abc"][..], "'--limit <LIMIT>': a whole number from 1 to 4294967295 is needed"),
        (&["demo", "--port", "99999"], "a whole number from 0 to 65535 is needed"),
        (&["stress", "--shards", "x"], "a whole number from 1 to 256 is needed"),
        (&["stress", "--seed", "x"], "a whole number from 0 to 18446744073709551615 is needed"),
        (
            &["run", "p.yaml", "--log", "updraft=loud"],
            "--log: `updraft=loud` is none: a level is needed (off, error,",
        ),
        (&["run", "p.yaml", "--input", "."], ".: a directory; a file is needed"),
        (&["validate", "."], ".: a directory; a file is needed"),
    ] {
        let run = ended(dir.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        let said = run.out + &run.err;
        assert!(said.contains(told), "{arguments:?}: {said}");
        for word in ["digit found", "os error", "expected value", "directive", "u32", "u16"] {
            assert!(!said.contains(word), "{said}");
        }
    }
}

#[test]
fn another_definition_under_the_same_version_is_refused() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
    std::fs::write(dir.path().join("p.yaml"), playbook("  - {id: other, end: null}\n")).unwrap();
    let run = ended(dir.path(), &["run", "p.yaml"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("\"test\" version 1 is already stored with another definition"), "{}", run.err);
}

#[test]
fn a_secret_of_the_environment_is_sent_and_shown_nowhere() {
    let dir = files(&[]);
    let tool = Tool::listen();
    let steps = format!(
        "  - id: a\n    action: http.request\n    arguments:\n      url: \
         http://{}/x\n      headers: {{Authorization: {{$secret: siem.api-key, prefix: 'Bearer '}}}}\n",
        tool.address
    );
    std::fs::write(dir.path().join("p.yaml"), playbook(&steps)).unwrap();
    let allow = tool.address.to_string();
    let child = updraft(dir.path(), &["run", "p.yaml", "--json", "--log", "trace", "--allow-net", &allow])
        .env("UPDRAFT_SECRET_SIEM_API_KEY", "hunter2hunter2")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (head, stream) = tool.asked_with_head();
    assert!(head.to_ascii_lowercase().contains("authorization: bearer hunter2hunter2"), "{head}");
    Tool::answer(stream);
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.contains("hunter2") && !run.err.contains("hunter2"));
}

#[test]
fn the_demonstration_ends_well_and_leaves_nothing_in_the_directory() {
    let dir = files(&[]);
    let demo = ended(dir.path(), &["demo"]);
    assert_eq!(demo.code, 0, "{}", demo.err);
    assert!(demo.out.contains("✓ completed in") && demo.out.contains("tickets.open"), "{}", demo.out);
    let kept = ended(dir.path(), &["demo", "--json", "--data", "kept"]);
    assert_eq!(kept.json()["execution"]["output"]["verdict"], "malicious");
    assert!(kept.err.contains("tickets.open"), "{}", kept.err);
    let names: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["kept"]);
}
