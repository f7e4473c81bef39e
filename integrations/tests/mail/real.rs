//! Mails that a real server takes: aiosmtpd, by TLS, with a login. Read back by its own parser of mails, which is Python's.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use updraft_integrations::MailIntegration;
use updraft_integrations::http::Tls;
use updraft_protocol::FailureKind::{Status, Unreachable};

use crate::script::identity;
use crate::{PASSWORD, builder, call_with, called, password};

/// Debian's; `python3-aiosmtpd` has the server, which `./test` installs.
const PYTHON: &str = "/usr/bin/python3";

/// What a mail is to who reads it.
const READ: &str = r#"
import email, email.policy, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = [{"type": part.get_content_type(), "name": part.get_filename(),
          "content": part.get_content() if part.get_content_maintype() == "text" else part.get_content().hex()}
         for part in mail.walk() if not part.is_multipart()]
print(json.dumps({"headers": {name: str(value) for name, value in mail.items()}, "parts": parts,
                  "defects": [str(defect) for part in mail.walk() for defect in part.defects]}))
"#;

struct Server {
    process: Child,
    dir: TempDir,
    port: u16,
    authority: String,
}

impl Server {
    fn start(mode: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let (certificate, key, authority) = identity("mail.example");
        std::fs::write(dir.path().join("certificate"), certificate.pem()).unwrap();
        std::fs::write(dir.path().join("key"), key.serialize_pem()).unwrap();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server.py");
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut process = Command::new(PYTHON)
            .arg(script)
            .arg(dir.path())
            .arg(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{PYTHON}, with python3-aiosmtpd, is needed for this test: {error}")
            });
        loop {
            if let Ok(port) = std::fs::read_to_string(dir.path().join("port")) {
                return Self { process, dir, port: port.parse().unwrap(), authority };
            }
            if process.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
                panic!("the server does not start; python3-aiosmtpd is needed for this test: {log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn mail(&self, scheme: &str) -> MailIntegration {
        let tls = Tls::new().trust(self.authority.as_bytes()).unwrap().server_name("mail.example").unwrap();
        let url = format!("{scheme}://soc%40corp.example@127.0.0.1:{}", self.port);
        builder(&url).tls(tls).password(PASSWORD.parse().unwrap()).build().unwrap()
    }

    /// A mail that it has taken: its envelope, and what it is to who reads it.
    fn taken(&self, number: usize) -> (Value, Value) {
        let file = std::fs::File::open(self.dir.path().join(format!("{number}.eml"))).unwrap();
        let mut file = BufReader::new(file);
        let mut head = String::new();
        file.read_line(&mut head).unwrap();
        let mut mail = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut mail).unwrap();
        let path = self.dir.path().join("mail");
        std::fs::write(&path, mail).unwrap();
        let read = Command::new(PYTHON)
            .args(["-c", READ])
            .stdin(std::fs::File::open(path).unwrap())
            .output()
            .unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        (serde_json::from_str(&head).unwrap(), serde_json::from_slice(&read.stdout).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn send(mail: &MailIntegration, secret: &str, more: Value) -> Result<Value, updraft_protocol::Failure> {
    let mut call = call_with(&more);
    call.secrets = vec![password(secret)];
    called(mail, call).await
}

#[tokio::test]
async fn a_real_server_takes_a_mail_and_readers_see_what_was_written() {
    for mode in ["smtps", "smtp"] {
        let server = Server::start(mode);
        let mail = server.mail(mode);
        let text = "Grüße\n.\nFrom: evil@d.example\n..\n\nBcc: x\n";
        let more = json!({
            "to": [{"address": "analyst@corp.example", "name": "Jürgen \"J\" Ö, <evil@d.example>"}, "b@corp.example"],
            "bcc": "c@corp.example",
            "subject": "Ransomware auf HÖST-7: „ja“",
            "text": text,
            "html": "<p>Grüße</p>\n",
            "attachments": [
                {"name": "ä \"1\".bin", "base64": "AAECDQr/"},
                {"name": "note.txt", "text": "a\nb"},
                {"name": format!("{}.csv", "long".repeat(30)), "text": "x;y\r\n", "content_type": "text/csv"},
            ],
            "headers": {"X-Alert": "4711", "References": "<a@corp.example> <b@corp.example>"},
        });
        for _ in 0..2 {
            let output = send(&mail, "hunter2-hunter2", more.clone()).await.unwrap();
            assert_eq!(output["response"], "2.0.0 kept", "{output}");
        }
        let (envelope, read) = server.taken(2);
        let to = ["analyst@corp.example", "b@corp.example", "c@corp.example"];
        assert_eq!(envelope, json!({"from": "soc@corp.example", "to": to, "tls": true}));
        assert_eq!(read["defects"], json!([]), "{read}");
        let headers = &read["headers"];
        assert_eq!(headers["Subject"], "Ransomware auf HÖST-7: „ja“");
        assert_eq!(
            headers["To"],
            "\"Jürgen \\\"J\\\" Ö, <evil@d.example>\" <analyst@corp.example>, b@corp.example"
        );
        assert_eq!(headers["References"], "<a@corp.example> <b@corp.example>");
        assert_eq!(headers["Message-ID"], "<0190aaaabbbb71118222333344445555@corp.example>");
        assert_eq!((&headers["X-Alert"], headers.get("Bcc")), (&json!("4711"), None));
        let parts = read["parts"].as_array().unwrap();
        let told: Vec<(&str, &str)> = parts
            .iter()
            .map(|part| (part["type"].as_str().unwrap(), part["content"].as_str().unwrap()))
            .collect();
        let expected = [
            ("text/plain", text),
            ("text/html", "<p>Grüße</p>\n"),
            ("application/octet-stream", "0001020d0aff"),
            ("text/plain", "a\nb"),
            ("text/csv", "x;y\r\n"),
        ];
        let same = |(kind, content): &(&str, &str), (own, written): &(&str, &str)| {
            kind == own
                && content.replace("\r\n", "\n").trim_end() == written.replace("\r\n", "\n").trim_end()
        };
        assert!(told.len() == 5 && told.iter().zip(&expected).all(|(a, b)| same(a, b)), "{told:?}");
        assert_eq!(parts[2]["name"], "ä \"1\".bin");
        assert_eq!(parts[4]["name"], format!("{}.csv", "long".repeat(30)));
    }
}

#[tokio::test]
async fn a_real_server_refuses_a_wrong_password_and_an_unknown_recipient() {
    let server = Server::start("smtp");
    let mail = server.mail("smtp");
    let failure = send(&mail, "wrong-password", json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (Unreachable, false), "{failure}");
    assert!(failure.message.contains("535"), "{failure}");
    let failure = send(&mail, "hunter2-hunter2", json!({"cc": "nobody@corp.example"})).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (Status, false), "{failure}");
    assert!(
        failure.message.ends_with("recipient nobody@corp.example: 550 5.1.1 no such mailbox"),
        "{failure}"
    );
    assert!(!server.dir.path().join("1.eml").exists());
}
