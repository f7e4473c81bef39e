//! TLS and logins: what is never said without them, and what a server is not trusted with.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use updraft_integrations::MailIntegration;
use updraft_integrations::http::Tls;
use updraft_protocol::FailureKind::{NotConfigured, Unreachable};
use updraft_protocol::{Failure, Sending};

use crate::script::{Script, Secured, Server, certificate, says};
use crate::{PASSWORD, builder, call_with, called, password};

const SECRET: &str = "hunter2-hunter2";

/// An integration that trusts this authority, and logs in.
fn mail(scheme: &str, server: &Server, authority: &str) -> MailIntegration {
    let tls = Tls::new().trust(authority.as_bytes()).unwrap().server_name("mail.example").unwrap();
    let url = format!("{scheme}://soc%40corp.example@{}", server.addr);
    let builder = builder(&url).tls(tls).password(PASSWORD.parse().unwrap());
    builder.answer_within(Duration::from_secs(5)).build().unwrap()
}

/// An attempt that gets the password.
async fn logged_in(mail: &MailIntegration) -> Result<serde_json::Value, Failure> {
    let mut call = call_with(&json!({}));
    call.secrets = vec![password(SECRET)];
    called(mail, call).await
}

async fn refused(scheme: &str, script: Script, secured: Secured, authority: &str) -> (Failure, Server) {
    let server = Server::secured(script, secured).await;
    let mail = mail(scheme, &server, authority);
    let mut call = call_with(&json!({}));
    call.secrets = vec![password(SECRET)];
    call.sending = Sending::new(|| panic!("nothing is sent"));
    let failure = called(&mail, call).await.unwrap_err();
    assert!(!failure.may_have_acted() && !failure.message.contains(SECRET), "{failure}");
    (failure, server)
}

#[tokio::test]
async fn a_mail_goes_over_tls_from_the_beginning_or_after_it_was_offered() {
    let (config, authority) = certificate("mail.example");
    for (scheme, secured) in
        [("smtps", Secured::Implicit(config.clone())), ("smtp", Secured::StartTls(config.clone()))]
    {
        let server = Server::secured(vec![], secured).await;
        let output = logged_in(&mail(scheme, &server, &authority)).await.unwrap();
        assert_eq!(output["response_code"], 250);
        let login = BASE64_STANDARD.encode(format!("\0soc@corp.example\0{SECRET}"));
        let lines = server.lines();
        assert!(lines.contains(&format!("AUTH PLAIN {login}")), "{lines:?}");
        let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
        assert!(scheme == "smtps" || at("STARTTLS") < at("AUTH"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_user_and_password_gets_them_one_by_one() {
    let (config, authority) = certificate("mail.example");
    let script = vec![
        ("EHLO", says("250-mail.example\r\n250 AUTH=LOGIN")),
        ("AUTH LOGIN", says("334 VXNlcm5hbWU6")),
        ("c29jQGNvcnAuZXhhbXBsZQ==", says("334 UGFzc3dvcmQ6")),
        ("aHVudGVyMi1odW50ZXIy", says("235 2.7.0 welcome")),
    ];
    let server = Server::secured(script, Secured::Implicit(config)).await;
    assert!(logged_in(&mail("smtps", &server, &authority)).await.is_ok());
}

#[tokio::test]
async fn a_server_that_does_not_offer_tls_is_told_nothing() {
    let (config, authority) = certificate("mail.example");
    let stripped = vec![("EHLO", says("250-mail.example\r\n250-XXXXXXXA\r\n250 AUTH PLAIN"))];
    let (failure, server) = refused("smtp", stripped, Secured::StartTls(config), &authority).await;
    assert_eq!((failure.kind, failure.retryable()), (Unreachable, false));
    assert!(failure.message.contains("no STARTTLS"), "{failure}");
    assert!(!server.was_told("AUTH") && !server.was_told("MAIL"), "{:?}", server.lines());
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_taken_for_what_is_said_under_it() {
    let (config, authority) = certificate("mail.example");
    let script = vec![("STARTTLS", says("220 ready\r\n250-mail.example\r\n250 AUTH PLAIN"))];
    let (failure, server) = refused("smtp", script, Secured::StartTls(config), &authority).await;
    assert!(failure.message.contains("between STARTTLS and TLS"), "{failure}");
    assert!(!server.was_told("AUTH"));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_it() {
    let (config, _) = certificate("mail.example");
    let (other, authority) = certificate("other.example");
    for (scheme, secured, words) in [
        ("smtps", Secured::Implicit(config.clone()), "not trusted here"),
        ("smtp", Secured::StartTls(config), "not trusted here"),
        ("smtps", Secured::Implicit(other), "not for this name"),
    ] {
        let (failure, server) = refused(scheme, vec![], secured, &authority).await;
        assert_eq!((failure.kind, failure.retryable()), (Unreachable, false), "{failure}");
        assert!(failure.message.contains(words) && !server.was_told("AUTH"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_to_be_one() {
    let (_, authority) = certificate("mail.example");
    let (failure, _) = refused("smtps", vec![], Secured::Plain, &authority).await;
    assert!(failure.kind == Unreachable && failure.message.contains("no TLS"), "{failure}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_tried_again_and_shows_no_password() {
    let (config, authority) = certificate("mail.example");
    let login = BASE64_STANDARD.encode(format!("\0soc@corp.example\0{SECRET}"));
    for (answer, retryable) in [
        (format!("535 5.7.8 bad credentials {login} {SECRET}"), false),
        ("534 5.7.9 another factor is needed".to_owned(), false),
        ("454 4.7.0 not now".to_owned(), true),
    ] {
        let script = vec![("AUTH", says(&answer))];
        let (failure, server) = refused("smtps", script, Secured::Implicit(config.clone()), &authority).await;
        assert_eq!((failure.kind, failure.retryable()), (Unreachable, retryable), "{failure}");
        assert!(!failure.message.contains(&login) && !server.was_told("MAIL"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_without_a_known_login_is_told_as_such() {
    let (config, authority) = certificate("mail.example");
    let script = vec![("EHLO", says("250-mail.example\r\n250 AUTH GSSAPI"))];
    let (failure, _) = refused("smtps", script, Secured::Implicit(config), &authority).await;
    assert!(failure.message.contains("no login by PLAIN or LOGIN") && !failure.retryable(), "{failure}");
}

#[tokio::test]
async fn a_password_that_is_missing_is_waited_for() {
    let (config, authority) = certificate("mail.example");
    let server = Server::secured(vec![], Secured::Implicit(config)).await;
    let failure = called(&mail("smtps", &server, &authority), call_with(&json!({}))).await.unwrap_err();
    assert_eq!((failure.kind, server.connections()), (NotConfigured, 0));
}
