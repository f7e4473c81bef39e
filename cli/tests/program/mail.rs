//! Mail: sent by the server that the operator names, to the domains that they allow, and refused elsewhere with the option that lets it be.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::ended::{ended, updraft};
use crate::given::{files, playbook};

const TELL: &str = "  - id: tell\n    action: mail.send\n    arguments:\n      to: ['{{ input.who }}', soc@corp.example]\n      \
                    subject: 'Alert {{ input.id }}'\n      text: 'See {{ input.text }}'\n      \
                    html: '<p title=\"{{ input.text }}\">{{ input.text }}</p>'\n  - end: '{{ steps.tell.output.accepted }}'\n";

/// A server that takes one mail, and what it was told.
fn server() -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut told = Vec::new();
        let mut in_mail = false;
        stream.write_all(b"220 mail.example\r\n").unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            told.push(line.clone());
            let answer = match line.as_str() {
                "." if in_mail => "250 2.0.0 queued",
                _ if in_mail => continue,
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            in_mail = line == "DATA";
            if stream.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                break;
            }
        }
        told
    });
    (address, served)
}

#[test]
fn a_playbook_sends_mail_by_the_server_that_is_named_and_is_refused_without() {
    let input = json!({"who": "analyst@corp.example", "id": 4711, "text": "a\n.\n\"><b>b"}).to_string();
    let dir = files(&[("p.yaml", &playbook(TELL)), ("in.json", &input)]);
    let refused = ended(dir.path(), &["validate", "p.yaml"]);
    let way = "p.yaml: steps[0].action: no integration \"mail\"; `--smtp URL --smtp-from ADDRESS --smtp-to DOMAIN` lets it be sent by a server";
    assert!(refused.code == 2 && refused.out.lines().any(|line| line == way), "{}", refused.out);
    let (address, served) = server();
    let url = format!("smtp-plain://{address}");
    let given = ["--smtp", &url, "--smtp-from", "SOC <soc@corp.example>", "--allow-net", &address];
    let run = [&["run", "p.yaml", "--input", "in.json", "--json", "--smtp-to", "corp.example"], &given[..]]
        .concat();
    let output = updraft(dir.path(), &run).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told} {}", String::from_utf8_lossy(&output.stderr));
    let run: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(run["execution"]["output"], json!(["analyst@corp.example", "soc@corp.example"]));
    let lines = served.join().unwrap();
    assert!(
        lines.contains(&"Subject: Alert 4711".to_owned()) && lines.contains(&"..".to_owned()),
        "{lines:?}"
    );
    let text = "&quot;&gt;&lt;b&gt;b";
    assert!(lines.contains(&format!("{text}\">a")) && lines.contains(&format!("{text}</p>")), "{lines:?}");
    let other = [&["validate", "p.yaml", "--smtp-to", "other.example"], &given[..]].concat();
    let refused = ended(dir.path(), &other);
    let way = "arguments.to[1]: missing here: permission to send mail to corp.example; `--smtp-to corp.example` gives it";
    assert!(refused.code == 2 && refused.out.lines().any(|line| line.ends_with(way)), "{}", refused.out);
}

#[test]
fn a_dry_run_sends_nothing_whatever_is_allowed() {
    let input = json!({"who": "analyst@corp.example", "id": 1, "text": "t"}).to_string();
    let dir = files(&[("p.yaml", &playbook(TELL)), ("in.json", &input)]);
    let given = ["--smtp", "smtps://mail.invalid", "--smtp-from", "soc@corp.example", "--smtp-to", "*"];
    let run = [&["run", "p.yaml", "--input", "in.json", "--dry-run", "--examples"], &given[..]].concat();
    let told = ended(dir.path(), &run);
    assert_eq!(told.code, 0, "{} {}", told.out, told.err);
    let needs = ended(dir.path(), &["run", "p.yaml", "--input", "in.json", "--dry-run"]);
    assert!(needs.code == 5 && needs.out.contains("mail.send {"), "{} {}", needs.out, needs.err);
    assert!(needs.out.contains("Alert 1"), "what would have been sent is told: {}", needs.out);
}

#[test]
fn a_server_that_makes_no_sense_is_refused_and_no_password_is_shown() {
    let dir = files(&[("p.yaml", &playbook(TELL))]);
    let told = |url: &str, more: &[&str]| {
        let given = [
            "validate",
            "p.yaml",
            "--smtp",
            url,
            "--smtp-from",
            "soc@corp.example",
            "--smtp-to",
            "corp.example",
        ];
        let ended = ended(dir.path(), &[&given[..], more].concat());
        (ended.code, format!("{}{}", ended.out, ended.err))
    };
    for (url, words) in [
        ("mail.corp.example", "a server is `smtps://HOST`"),
        ("smtp-plain://127.0.0.1:25", "--smtp: 127.0.0.1:25: a server without TLS has to be allowed"),
        ("smtp-plain://soc@127.0.0.1:25", "a password is sent over TLS alone"),
    ] {
        let more: &[&str] = if url.contains('@') { &["--allow-net", "127.0.0.1"] } else { &[] };
        let (code, said) = told(url, more);
        assert!(code == 2 && said.contains(words), "{url}: {said}");
    }
    let (code, said) = told("smtp://soc@mail.corp.example", &[]);
    assert!(code == 2 && said.contains("secret `smtp-password`"), "{said}");
    let (code, said) = told("smtp://soc:hunter2@mail.corp.example", &[]);
    assert!(
        code == 2 && said.contains("--smtp: a password is a secret") && !said.contains("hunter2"),
        "{said}"
    );
    let alone = ended(dir.path(), &["validate", "p.yaml", "--smtp", "smtp://mail.corp.example"]);
    assert!(alone.code == 2 && alone.err.contains("--smtp-from"), "{}", alone.err);
}
