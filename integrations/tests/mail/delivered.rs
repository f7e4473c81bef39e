//! Mails that are taken: what the server is told, what the step gets, which connections are kept.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::{Effect, Integration, TargetKind};

use crate::script::{Does, Server, says};
use crate::{attempt, builder, call_with, called, send};

#[tokio::test]
async fn a_mail_that_is_taken_says_for_whom_and_by_which_id() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let more = json!({"cc": ["b@corp.example"], "bcc": "analyst@corp.example"});
    let output = send(&mail, more).await.unwrap();
    let expected = json!({
        "message_id": "<0190aaaabbbb71118222333344445555@corp.example>",
        "accepted": ["analyst@corp.example", "b@corp.example"],
        "response_code": 250,
        "response": "2.0.0 queued as 4711",
    });
    assert_eq!(output, expected);
    let lines = server.lines();
    assert_eq!(lines[0], "EHLO [127.0.0.1]");
    assert!(lines[1].starts_with("MAIL FROM:<soc@corp.example> SIZE="), "{lines:?}");
    assert_eq!(lines[2..5], ["RCPT TO:<analyst@corp.example>", "RCPT TO:<b@corp.example>", "DATA"]);
    assert!(lines.contains(&"Subject: An alert".to_owned()) && lines.last().is_some_and(|line| line == "."));
}

#[tokio::test]
async fn no_line_is_longer_than_lines_of_mail_are() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let to: Vec<_> =
        (0..100).map(|n| json!({"address": format!("a{n}@corp.example"), "name": "Ä ö"})).collect();
    let more = json!({
        "to": to, "subject": "w ".repeat(440), "text": format!("a\nb\rc\n.\n{}\n\u{0}\u{7}é", "x".repeat(5_000)),
        "html": "ü".repeat(3_000), "attachments": [{"name": "ä \"b\".bin", "base64": "AAH/Ci4N"}],
        "headers": {"References": "<0123456789@corp.example> ".repeat(30).trim(), "X-Long": "y".repeat(800), "X-Wide": "é".repeat(400)},
    });
    send(&mail, more).await.unwrap();
    let lines = server.lines();
    for line in &lines {
        assert!(
            line.len() <= 998 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t'),
            "{line:?}"
        );
    }
    assert_eq!(lines.iter().filter(|line| line.contains("<a99@corp.example>")).count(), 2, "{lines:?}");
    assert!(lines.contains(&"..".to_owned()) && lines.contains(&"AAH/Ci4N".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_mail_of_the_same_tenant() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).build().unwrap();
    for _ in 0..3 {
        send(&mail, json!({})).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let mut other = call_with(&json!({}));
    other.tenant = "globex".parse().unwrap();
    called(&mail, other).await.unwrap();
    assert_eq!(server.connections(), 2);
    let none = builder(&server.plain()).keep_for(Duration::ZERO).build().unwrap();
    for _ in 0..2 {
        send(&none, json!({})).await.unwrap();
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_kept_connection_that_has_ended_is_replaced_before_anything_is_sent() {
    for ends in [Does::Closes, says("421 4.4.2 idle for too long")] {
        let server = Server::start(vec![("RSET", ends)]).await;
        let mail = builder(&server.plain()).build().unwrap();
        for _ in 0..3 {
            let (outcome, begun) = attempt(&mail, Duration::from_secs(5)).await;
            assert_eq!((outcome.is_ok(), begun), (true, 1));
        }
        assert_eq!(server.connections(), 3);
    }
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_left() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).keep_for(Duration::from_millis(20)).build().unwrap();
    send(&mail, json!({})).await.unwrap();
    while !server.was_told("QUIT") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_with_few_extensions_gets_mail_too() {
    let server = Server::start(vec![("EHLO", says("250 mail.example"))]).await;
    let mail = builder(&server.plain()).hello("soar.corp.example").build().unwrap();
    assert!(send(&mail, json!({})).await.is_ok());
    assert!(server.was_told("EHLO soar.corp.example"));
    assert!(server.lines().contains(&"MAIL FROM:<soc@corp.example>".to_owned()));
}

#[tokio::test]
async fn mails_at_once_have_a_bound() {
    let server = Server::start(vec![(".", Does::Hangs)]).await;
    let mail = std::sync::Arc::new(builder(&server.plain()).at_once(2).build().unwrap());
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let mail = mail.clone();
            tokio::spawn(async move { send(&mail, json!({})).await })
        })
        .collect();
    while server.lines().iter().filter(|line| *line == ".").count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.connections(), 2);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn what_it_declares_is_what_playbooks_are_checked_against() {
    let mail = builder("smtp://soc@mail.example").password("smtp-password".parse().unwrap()).build().unwrap();
    let spec = mail.spec("send");
    assert_eq!((mail.actions(), spec.effect, spec.is_idempotent), (&["send"][..], Effect::Write, false));
    assert_eq!((spec.target, spec.target_kind), (Some("to"), Some(TargetKind::Mail)));
    assert_eq!(spec.secrets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["smtp-password"]);
    assert!(spec.schema.is_some() && spec.example.is_some() && spec.says_sending);
    let uses = |arguments: serde_json::Value| mail.uses_files("send", &arguments.into());
    assert!(
        uses(json!({"attachments": [{"name": "a", "file": null}]})) && uses(json!({"attachments": null}))
    );
    assert!(!uses(json!({"attachments": [{"name": "a", "text": "b"}]})) && !uses(json!({})));
    assert!(!format!("{mail:?}").contains("password"));
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    use updraft_integrations::MailIntegration;
    use updraft_integrations::mail::MailBuilder;

    let refused = |server: &str, from: &str, change: fn(MailBuilder) -> MailBuilder| {
        let builder = MailIntegration::builder(server.parse().unwrap(), from);
        change(builder).build().unwrap_err().to_string()
    };
    let to = |builder: MailBuilder| builder.to("*".parse().unwrap());
    assert!(refused("smtp://a", "soc@b.example", |builder| builder).contains("domains"));
    assert!(refused("smtp://a", "soc", to).contains("`soc` is no sender"));
    assert!(refused("smtp-plain://a", "soc@b.example", to).contains("without TLS has to be allowed"));
    assert!(refused("smtp://u@a", "soc@b.example", to).contains("secret of a password"));
    assert!(
        refused("smtp://a", "soc@b.example", |builder| {
            builder.to("*".parse().unwrap()).password("p".parse().unwrap())
        })
        .contains("both a user")
    );
    assert!(
        refused("smtp-plain://u@a", "soc@b.example", |builder| {
            builder.to("*".parse().unwrap()).allow("a".parse().unwrap()).password("p".parse().unwrap())
        })
        .contains("over TLS alone")
    );
    assert!(
        refused("smtp://a", "soc@b.example", |builder| builder.to("*".parse().unwrap()).at_once(0))
            .contains("from 1 to")
    );
    assert!(
        refused("smtp://a", "soc@b.example", |builder| {
            builder.to("*".parse().unwrap()).answer_within(Duration::ZERO)
        })
        .contains("waited for")
    );
    assert!(
        refused("smtp://a", "soc@b.example", |builder| { builder.to("*".parse().unwrap()).hello("a b\r\n") })
            .contains("no name of a machine")
    );
}
