//! VirusTotal: what its reports give, that nothing is known is an answer only where it says so, and its quota.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use crate::served::{Served, assert_fails, call, replaced};
use crate::stubs::virustotal::{DOMAIN, IP, KEY, MD5, SHA256, URL, VirusTotal, report};

pub(crate) const FILE: &str = include_str!("../../../connectors/vendor/virustotal.yaml");

async fn vendor() -> Served<VirusTotal> {
    Served::start(|_| VirusTotal::default()).await
}

/// Calls an action of a vendor with the key of its account.
async fn ask(
    served: &Served<VirusTotal>,
    action: &str,
    arguments: Value,
) -> Result<Value, updraft_protocol::Failure> {
    let file = replaced(FILE, "interval: 20s", "interval: 100ms");
    let connector = served.connector(&file, &[("server", &served.url())]);
    call(&connector, KEY, action, arguments).await
}

#[tokio::test]
async fn what_it_knows_of_a_file_a_url_a_domain_and_an_address_is_told() {
    let served = vendor().await;
    for (action, arguments, gives) in [
        ("file", json!({"hash": MD5}), report(SHA256, [60, 1, 0, 4])),
        ("file", json!({"hash": SHA256.to_uppercase()}), report(SHA256, [60, 1, 0, 4])),
        ("url", json!({"url": URL}), report(SHA256, [5, 0, 70, 10])),
        ("domain", json!({"domain": DOMAIN}), report(DOMAIN, [9, 2, 50, 20])),
        ("ip", json!({"ip": IP}), report(IP, [3, 0, 60, 20])),
        ("ip", json!({"ip": "2001:db8::1"}), report("2001:db8::1", [3, 0, 60, 20])),
    ] {
        assert_eq!(ask(&served, action, arguments.clone()).await.unwrap(), gives, "{action} {arguments}");
    }
}

/// A file that many have seen has many names, and a report of several MiB.
#[tokio::test]
async fn the_report_of_a_file_that_many_have_seen_is_told_as_well() {
    let served = Served::start(|_| VirusTotal::heavy(3 << 20)).await;
    let output = ask(&served, "file", json!({"hash": MD5})).await.unwrap();
    assert_eq!(output, report(SHA256, [60, 1, 0, 4]));
}

#[tokio::test]
async fn what_it_does_not_know_is_an_answer() {
    let served = vendor().await;
    for (action, arguments) in [
        ("file", json!({"hash": "0".repeat(40)})),
        ("url", json!({"url": "https://nobody.example/?"})),
        ("domain", json!({"domain": "nobody.example"})),
        ("ip", json!({"ip": "198.51.100.1"})),
    ] {
        let output = ask(&served, action, arguments).await.unwrap();
        assert_eq!((&output["found"], &output["id"]), (&json!(false), &Value::Null), "{action}");
    }
}

/// A wrong address, or what stands before the vendor, never says that nothing is known of a file.
#[tokio::test]
async fn an_answer_of_somebody_else_does_not_say_that_nothing_is_known() {
    let served = vendor().await;
    let connector = served.connector(FILE, &[("server", &format!("{}/proxy", served.url()))]);
    let came = call(&connector, KEY, "file", json!({"hash": MD5})).await;
    assert_fails(came, FailureKind::Status, false, "404");
    let came = call(&connector, KEY, "comment", json!({"hash": MD5, "text": "seen"})).await;
    assert_fails(came, FailureKind::Status, false, "404");
}

#[tokio::test]
async fn a_key_that_is_wrong_is_told_and_not_tried_again() {
    let served = vendor().await;
    let connector = served.connector(FILE, &[("server", &served.url())]);
    for (action, arguments) in [
        ("ip", json!({"ip": IP})),
        ("scan_url", json!({"url": URL})),
        ("comment", json!({"hash": MD5, "text": "seen"})),
    ] {
        let came = call(&connector, "another", action, arguments).await;
        assert_fails(came, FailureKind::Forbidden, false, "Wrong API key");
    }
}

#[tokio::test]
async fn arguments_that_are_none_are_refused_by_the_file_or_by_the_vendor() {
    let served = vendor().await;
    for (action, arguments, says) in [
        ("file", json!({"hash": "not a hash"}), "arguments.hash"),
        ("comment", json!({"hash": "../urls", "text": "seen"}), "arguments.hash"),
        ("domain", json!({"domain": "no dots"}), "Domain \"no dots\" is not a valid domain pattern"),
        ("ip", json!({"ip": "192.0.2"}), "\"192.0.2\" is not a valid IP address"),
        ("scan_url", json!({"url": "ftp:nothing"}), "Unable to canonicalize url"),
    ] {
        assert_fails(ask(&served, action, arguments).await, FailureKind::InvalidArguments, false, says);
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_pauses_the_key_and_what_is_not_there_yet_is_asked_again() {
    let served = Served::start(|_| VirusTotal::with_quota(1, 3)).await;
    ask(&served, "ip", json!({"ip": IP})).await.unwrap();
    for (action, arguments) in [
        ("ip", json!({"ip": IP})),
        ("scan_url", json!({"url": URL})),
        ("comment", json!({"hash": MD5, "text": "seen"})),
    ] {
        let came = ask(&served, action, arguments).await;
        let failure = came.as_ref().unwrap_err();
        assert!(!failure.may_have_acted(), "{action}: the vendor has done nothing");
        assert_fails(came, FailureKind::RateLimited, true, "QuotaExceededError");
    }
    ask(&served, "ip", json!({"ip": IP})).await.unwrap();
    let early = Served::start(|_| VirusTotal::unavailable()).await;
    let came = ask(&early, "file", json!({"hash": MD5})).await;
    assert_fails(came, FailureKind::Status, true, "not available yet");
}

#[tokio::test]
async fn a_url_is_analysed_and_the_analysis_is_waited_for() {
    let served = vendor().await;
    let output = ask(&served, "scan_url", json!({"url": URL})).await.unwrap();
    let stats = json!({"malicious": 2, "suspicious": 1, "harmless": 68, "undetected": 21});
    for (name, count) in stats.as_object().unwrap() {
        assert_eq!(output[name], *count, "{name}");
    }
    let asked = served.asked();
    assert_eq!(
        asked.iter().map(|asked| asked.method.as_str()).collect::<Vec<_>>(),
        ["POST", "GET", "GET", "GET"]
    );
    assert_eq!(asked[0].form().unwrap(), [("url".to_owned(), URL.to_owned())]);
    assert_eq!(output["analysis"], asked[1].path[3], "{output}");
}

#[tokio::test]
async fn an_analysis_that_never_ends_times_out_and_is_not_begun_again() {
    let served = Served::start(|_| VirusTotal::stuck()).await;
    let file = replaced(FILE, "interval: 20s", "interval: 100ms");
    let file = replaced(&file, "deadline: 5m", "deadline: 1s");
    let connector = served.connector(&file, &[("server", &served.url())]);
    let came = call(&connector, KEY, "scan_url", json!({"url": URL})).await;
    assert!(came.as_ref().unwrap_err().may_have_acted(), "others can see the URL");
    assert_fails(came, FailureKind::Timeout, false, "not done");
    assert!(served.asked().len() > 1, "{}", served.asked().len());
}

/// The quota comes back within a minute: the analysis that was begun is not lost for it.
#[tokio::test]
async fn a_quota_that_is_used_up_between_two_questions_is_waited_for() {
    let served = Served::start(|_| VirusTotal::with_quota(2, 2)).await;
    let output = ask(&served, "scan_url", json!({"url": URL})).await.unwrap();
    assert_eq!((&output["malicious"], served.asked().len()), (&json!(2), 6));
}

#[tokio::test]
async fn a_comment_is_added_once() {
    let served = vendor().await;
    let comment = json!({"hash": MD5, "text": "seen \"here\""});
    let output = ask(&served, "comment", comment.clone()).await.unwrap();
    assert_eq!(output, json!({"id": format!("f-{SHA256}-c7e1")}));
    let again = ask(&served, "comment", comment).await;
    assert_fails(again, FailureKind::Status, false, "the same comment is there already");
    let unknown = ask(&served, "comment", json!({"hash": "0".repeat(32), "text": "seen"})).await;
    assert_fails(unknown, FailureKind::Status, false, "not found");
}
