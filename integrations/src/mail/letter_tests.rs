//! What arguments are refused, and where.

use serde_json::json;

use super::*;

fn policy() -> Policy {
    Policy {
        from: address::written_mailbox("SOC <soc@corp.example>").unwrap(),
        senders: vec![address::address("alerts@corp.example").unwrap()],
        domains: vec!["corp.example".parse().unwrap()],
    }
}

fn with(more: &serde_json::Value) -> Value {
    let mut all = json!({"to": "a@corp.example", "subject": "s", "text": "t"});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.into()
}

fn told(more: serde_json::Value) -> Failure {
    Letter::of(&with(&more), &policy()).unwrap_err()
}

#[test]
fn a_value_is_no_second_line_and_no_second_recipient() {
    for (more, place) in [
        (json!({"subject": "a\r\nBcc: evil@d.example"}), "subject"),
        (json!({"subject": "a\0b"}), "subject"),
        (json!({"subject": "a".repeat(MAIL_HEADER_BYTES + 1)}), "subject"),
        (json!({"subject": ["a"]}), "subject"),
        (json!({"to": "a@corp.example, b@corp.example"}), "to"),
        (json!({"to": ["a@corp.example", "b@corp.example\r\n"]}), "to[1]"),
        (json!({"cc": {"address": "a@corp.example", "name": "x\ny"}}), "cc"),
        (json!({"reply_to": "a"}), "reply_to"),
        (json!({"headers": {"X-Alert": "a\r\nb"}}), "headers.X-Alert"),
        (json!({"headers": {"X-A b": "a"}}), "headers.X-A b"),
        (json!({"headers": {"X-A:": "a"}}), "headers.X-A:"),
        (json!({"headers": {"Bcc": "a@corp.example"}}), "headers.Bcc"),
        (json!({"headers": {"From": "a@corp.example"}}), "headers.From"),
        (json!({"headers": {"Content-Type": "text/html"}}), "headers.Content-Type"),
        (json!({"headers": {"X-A": "a", "x-a": "b"}}), "headers.x-a"),
        (json!({"attachments": [{"name": "../a", "text": ""}]}), "attachments[0].name"),
        (json!({"attachments": [{"name": "a\r\nX: y", "text": ""}]}), "attachments[0].name"),
        (json!({"attachments": [{"name": "a"}]}), "attachments[0]"),
        (json!({"attachments": [{"name": "a", "text": "", "base64": ""}]}), "attachments[0]"),
        (json!({"attachments": [{"name": "a", "base64": "no base64!"}]}), "attachments[0].base64"),
        (json!({"attachments": [{"name": "a", "file": "/etc/passwd"}]}), "attachments[0].file"),
        (
            json!({"attachments": [{"name": "a", "text": "", "content_type": "a/b\r\nX: 1"}]}),
            "attachments[0].content_type",
        ),
        (
            json!({"attachments": [{"name": "a", "text": "", "content_type": "multipart/mixed"}]}),
            "attachments[0].content_type",
        ),
        (json!({"attachments": [{"name": "a", "text": "", "path": "x"}]}), "attachments[0].path"),
        (json!({"to": null}), "to"),
        (json!({"to": []}), "to"),
        (json!({"text": null}), "text"),
        (json!({"to": vec!["a@corp.example"; MAIL_RECIPIENTS + 1]}), "to"),
    ] {
        let failure = told(more.clone());
        assert_eq!(failure.kind, FailureKind::InvalidArguments, "{more}");
        let words = format!("arguments.{place}: ");
        assert!(failure.message.starts_with(&words), "{more}: {failure}");
    }
    assert!(told(json!({"headers": {"In-Replay-To": "<a@b>"}})).message.contains("\"in-reply-to\""));
}

#[test]
fn only_domains_and_senders_of_the_operator_are_used() {
    for (more, missing) in [
        (json!({"to": "a@d.example"}), "to: the operator has given no permission to send mail to d.example"),
        (json!({"bcc": ["a@corp.example", "a@sub.corp.example"]}), "bcc[1]: "),
        (json!({"from": "ceo@corp.example"}), "from: "),
    ] {
        let failure = told(more.clone());
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Forbidden, false), "{more}");
        assert!(failure.message.starts_with(&format!("arguments.{missing}")), "{failure}");
    }
    for from in ["soc@corp.example", "Alerts@CORP.example"] {
        assert!(Letter::of(&with(&json!({"from": from})), &policy()).is_ok(), "{from}");
    }
}

#[test]
fn recipients_are_each_one_once() {
    let more = json!({"cc": ["b@corp.example", "A@corp.example"], "bcc": "a@corp.example"});
    let letter = Letter::of(&with(&more), &policy()).unwrap();
    let all: Vec<String> = letter.recipients().iter().map(|one| one.email.to_string()).collect();
    assert_eq!(all, ["a@corp.example", "b@corp.example", "A@corp.example"]);
}

#[test]
fn what_is_not_known_yet_is_no_flaw_and_what_is_written_out_is_judged() {
    let flaws = |arguments: serde_json::Value, policy: Option<&Policy>| -> Vec<String> {
        let found = super::flaws(&arguments.into(), policy);
        found.into_iter().map(|flaw| format!("{}: {}", flaw.place, flaw.message)).collect()
    };
    let unknown = json!({"to": [null, {"address": null, "name": null}], "subject": null, "text": null,
        "attachments": [{"name": null, "text": null}, {"name": "a", "file": null}, null], "headers": {"X-A": null}, "from": null});
    assert_eq!(flaws(unknown, Some(&policy())), Vec::<String>::new());
    let written = json!({"to": ["a@d.example", "b"], "subject": "s", "html": null});
    let told = flaws(written.clone(), Some(&policy()));
    assert!(told[0].starts_with("to[1]: one address"), "{told:?}");
    assert_eq!(told[1], "to[0]: missing here: permission to send mail to d.example");
    assert_eq!(flaws(written, None).len(), 1, "without an operator any domain is allowed");
    assert_eq!(flaws(json!({"subject": "s", "text": "t"}), None), ["to: a recipient is needed"]);
    assert_eq!(flaws(json!({"to": null, "subject": "s"}), None), ["text: `text`, `html` or both are needed"]);
}
