//! The lines of mails: headers, parts, and what no value can do to them.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::address;
use super::super::policy::Policy;
use super::*;

const TASK: &str = "0190aaaa-bbbb-7111-8222-333344445555";

fn letter(more: &serde_json::Value) -> Letter {
    let policy = Policy { from: usual(), senders: Vec::new(), domains: vec!["*".parse().unwrap()] };
    let mut all = json!({"to": "a@corp.example", "subject": "s", "text": "t"});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    Letter::of(&all.into(), &policy).unwrap()
}

fn usual() -> Mailbox {
    address::written_mailbox("SOC <soc@corp.example>").unwrap()
}

fn loaded(name: &str, bytes: &[u8]) -> Loaded {
    let content_type = ContentType::parse("application/octet-stream").unwrap();
    Loaded { name: name.to_owned(), content_type, bytes: bytes.to_vec() }
}

fn mail(more: &serde_json::Value, attachments: Vec<Loaded>) -> String {
    let mail = Mail::of(letter(more), attachments, &usual(), TASK.parse().unwrap(), 1 << 20).unwrap();
    String::from_utf8(mail.lines).unwrap()
}

/// The headers before the first empty line, unfolded.
fn headers(mail: &str) -> BTreeMap<String, String> {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    head.split("\r\n")
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn a_mail_has_its_headers_and_no_others() {
    let more = json!({
        "to": [{"address": "a@corp.example", "name": "Ä, <evil@d.example>"}, "b@corp.example"],
        "cc": "c@corp.example", "bcc": "d@corp.example", "reply_to": "e@corp.example",
        "subject": "Ransomware auf HÖST-7",
        "headers": {"X-Alert": "4711", "In-Reply-To": "<x@corp.example>", "Auto-Submitted": "auto-generated"},
    });
    let text = mail(&more, vec![]);
    let headers = headers(&text);
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let expected = [
        "Auto-Submitted",
        "Cc",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "In-Reply-To",
        "MIME-Version",
        "Message-ID",
        "Reply-To",
        "Subject",
        "To",
        "X-Alert",
    ];
    assert_eq!(names, expected);
    assert_eq!(headers["Message-ID"], "<0190aaaabbbb71118222333344445555@corp.example>");
    assert_eq!(headers["From"], "SOC <soc@corp.example>");
    assert_eq!(headers["In-Reply-To"], "<x@corp.example>");
    assert!(
        headers["Subject"].starts_with("=?utf-8?b?") || headers["Subject"].contains("=?utf-8?b?"),
        "{text}"
    );
    assert!(!headers["To"].contains("<evil"), "a name is no address: {}", headers["To"]);
    assert!(headers["To"].ends_with("<a@corp.example>, b@corp.example"), "{}", headers["To"]);
    assert!(!text.contains("d@corp.example"), "those of `bcc` are known to the server alone");
}

#[test]
fn no_line_is_too_long_and_none_ends_in_another_way() {
    let long = "x".repeat(5_000);
    let more = json!({
        "to": (0..100).map(|n| format!("somebody-{n}@corp.example")).collect::<Vec<_>>(),
        "subject": "w ".repeat(440), "text": format!("a\nb\r\nc\rd\n.\n..e\n{long}\n\u{0}\u{7}é"), "html": long,
        "headers": {"References": "<0123456789@corp.example> ".repeat(30).trim(), "X-Long": "y".repeat(800)},
    });
    let text = mail(&more, vec![loaded("ä \"b\".bin", &[0, 1, 255, b'\n', b'.', b'\r'])]);
    for line in text.strip_suffix("\r\n").unwrap().split("\r\n") {
        assert!(line.len() <= 998, "{line}");
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t'), "{line:?}");
        assert!(!line.starts_with('.') || line.starts_with(".."), "{line:?}");
    }
    assert!(text.contains("AAH/Ci4N"), "bytes are carried as they are");
}

#[test]
fn a_dot_alone_on_a_line_does_not_end_a_mail() {
    let text = mail(&json!({"text": "a\n.\r\nQUIT\n.b"}), vec![]);
    assert!(text.ends_with("\r\n\r\na\r\n..\r\nQUIT\r\n..b\r\n"), "{text}");
    assert_eq!(lines(b".a\r.\n.\r\n\n.b"), b"..a\r\n..\r\n..\r\n\r\n..b\r\n");
    assert_eq!(lines(b""), b"");
}

#[test]
fn a_mail_is_the_same_in_every_attempt_and_no_part_can_end_another() {
    let more = json!({"html": "<b>t</b>"});
    let text = mail(&more, vec![loaded("a", b"1")]);
    let without_date =
        |text: &str| text.split("\r\n").filter(|line| !line.starts_with("Date: ")).collect::<String>();
    assert_eq!(without_date(&text), without_date(&mail(&more, vec![loaded("a", b"1")])));
    let boundary = |text: &str| {
        let at = text.find("boundary=\"").unwrap() + 10;
        text[at..].split('"').next().unwrap().to_owned()
    };
    let own = boundary(&text);
    let guessed = mail(&json!({"html": format!("--{own}\r\n\r\nevil")}), vec![loaded("a", b"1")]);
    assert_ne!(boundary(&guessed), own, "it depends on what is between");
    let order: Vec<usize> =
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/octet-stream"]
            .iter()
            .map(|part| text.find(part).unwrap())
            .collect();
    assert!(order.is_sorted(), "{text}");
}

#[test]
fn a_mail_that_is_too_large_is_none() {
    let of = |attachments, most| {
        Mail::of(letter(&json!({})), attachments, &usual(), TASK.parse().unwrap(), most).unwrap_err().kind
    };
    assert_eq!(of(vec![loaded("a", &[0; 900])], 1_000), FailureKind::TooLarge, "with what base64 takes");
    assert_eq!(of(vec![loaded("a", &[0; 600]), loaded("b", &[0; 600])], 1_000), FailureKind::TooLarge);
}
