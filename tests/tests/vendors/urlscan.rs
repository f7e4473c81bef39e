//! urlscan: a scan that is waited for, what its results may lack, searches over several pages, and the rate that its headers tell.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::{Failure, FailureKind};

use crate::served::{Served, assert_fails, call, replaced};
use crate::stubs::urlscan::{DELETED, KEY, SCAN, Urlscan};

pub(crate) const FILE: &str = include_str!("../../../connectors/vendor/urlscan.yaml");

async fn vendor() -> Served<Urlscan> {
    Served::start(|_| Urlscan::default()).await
}

async fn ask(served: &Served<Urlscan>, key: &str, action: &str, arguments: Value) -> Result<Value, Failure> {
    let file = replaced(FILE, "interval: 5s", "interval: 100ms");
    let connector = served.connector(&file, &[("server", &served.url())]);
    call(&connector, key, action, arguments).await
}

fn of_url(url: &str) -> Value {
    json!({"url": url})
}

#[tokio::test]
async fn a_scan_is_begun_once_and_asked_for_until_it_is_finished() {
    let served = vendor().await;
    let arguments = json!({"url": "https://example.com/?a=1&b", "tags": ["case 7"], "country": "jp", "visibility": "private"});
    let output = ask(&served, KEY, "scan", arguments.clone()).await.unwrap();
    let asked = served.asked();
    assert_eq!(asked[0].json().unwrap(), arguments);
    assert_eq!(asked.iter().filter(|asked| asked.method == "POST").count(), 1);
    assert_eq!(asked.len(), 5, "the scan, three times not yet, the result");
    let expected = json!({
        "scan": SCAN, "url": "https://example.com/?a=1&b", "domain": "example.com", "ip": "192.0.2.1", "country": "US",
        "status": "200", "malicious": false, "score": 0, "categories": [], "ips": ["192.0.2.1"], "domains": ["example.com"],
        "report": format!("https://urlscan.io/result/{SCAN}/"),
        "screenshot": format!("https://urlscan.io/screenshots/{SCAN}.png"),
    });
    assert_eq!(output, expected);
    assert_eq!(ask(&served, KEY, "result", json!({"scan": SCAN})).await.unwrap(), expected);
}

#[tokio::test]
async fn a_url_alone_is_scanned_unlisted_and_a_malicious_page_is_told() {
    let served = Served::start(|_| Urlscan::alarmed()).await;
    let output = ask(&served, KEY, "scan", of_url("https://bank.example/")).await.unwrap();
    assert_eq!(
        served.asked()[0].json().unwrap(),
        json!({"url": "https://bank.example/", "visibility": "unlisted"})
    );
    assert_eq!((&output["malicious"], &output["score"]), (&json!(true), &json!(100)));
    assert_eq!(output["categories"], json!(["phishing"]));
}

/// A result has all that the page has loaded, often several MiB.
#[tokio::test]
async fn the_result_of_a_heavy_page_is_told_as_well() {
    let served = Served::start(|_| Urlscan::heavy(3 << 20)).await;
    let output = ask(&served, KEY, "scan", of_url("https://example.com/")).await.unwrap();
    assert_eq!(
        (&output["domain"], &output["malicious"], &output["note"]),
        (&json!("example.com"), &json!(false), &Value::Null)
    );
    let output = ask(&served, KEY, "result", json!({"scan": SCAN})).await.unwrap();
    assert_eq!((&output["scan"], &output["ips"]), (&json!(SCAN), &json!(["192.0.2.1"])));
}

#[tokio::test]
async fn a_scan_that_never_finishes_times_out_and_is_not_begun_again() {
    let served = Served::start(|_| Urlscan::stuck()).await;
    let file = replaced(FILE, "interval: 5s", "interval: 100ms");
    let file = replaced(&file, "deadline: 3m", "deadline: 1s");
    let connector = served.connector(&file, &[("server", &served.url())]);
    let came = call(&connector, KEY, "scan", of_url("https://example.com/")).await;
    assert!(came.as_ref().unwrap_err().may_have_acted());
    assert_fails(came, FailureKind::Timeout, false, "not done");
}

#[tokio::test]
async fn what_cannot_be_scanned_or_is_no_query_is_told_in_the_words_of_the_vendor() {
    let served = vendor().await;
    for (action, arguments, says) in [
        (
            "scan",
            of_url("https://nobody.invalid/"),
            "DNS Error - Could not resolve domain: The domain could not",
        ),
        (
            "scan",
            json!({"url": "https://example.com/", "country": "xx"}),
            "ValidationError: a property of the scan",
        ),
        ("search", json!({"query": ":::"}), "Failed to parse query: The query is no query"),
    ] {
        let came = ask(&served, KEY, action, arguments).await;
        assert!(!came.as_ref().unwrap_err().may_have_acted(), "{action}");
        assert_fails(came, FailureKind::InvalidArguments, false, says);
    }
    let none =
        ask(&served, KEY, "scan", json!({"url": "https://example.com/", "visibility": "secret"})).await;
    assert_fails(none, FailureKind::InvalidArguments, false, "arguments.visibility");
}

#[tokio::test]
async fn a_result_that_is_deleted_unknown_or_not_there_yet_is_told_apart() {
    let served = vendor().await;
    let result = async |scan: &str| ask(&served, KEY, "result", json!({"scan": scan})).await;
    assert_fails(result(DELETED).await, FailureKind::Status, false, "deleted");
    assert_fails(result(SCAN).await, FailureKind::Status, false, "No such scan submission");
    let stuck = Served::start(|_| Urlscan::stuck()).await;
    let file =
        replaced(&replaced(FILE, "interval: 5s", "interval: 100ms"), "deadline: 3m", "deadline: 300ms");
    let connector = stuck.connector(&file, &[("server", &stuck.url())]);
    let begun = call(&connector, KEY, "scan", of_url("https://example.com/")).await;
    assert_fails(begun, FailureKind::Timeout, false, "not done");
    let came = call(&connector, KEY, "result", json!({"scan": SCAN})).await;
    assert_fails(came, FailureKind::Status, true, "Scan is not finished yet");
}

#[tokio::test]
async fn each_way_in_which_a_key_is_refused_is_a_denial() {
    let served = vendor().await;
    let unknown = "0b7c6a5e-7a3d-4c9e-9d0a-000000000000";
    for (key, says) in [("no uuid", "Invalid API key format"), (unknown, "not found in database")] {
        for (action, arguments) in [
            ("scan", of_url("https://example.com/")),
            ("result", json!({"scan": SCAN})),
            ("search", json!({"query": "domain:example.com"})),
        ] {
            assert_fails(ask(&served, key, action, arguments).await, FailureKind::Forbidden, false, says);
        }
    }
}

#[tokio::test]
async fn a_search_goes_on_after_the_sort_key_of_its_last_result() {
    let served = vendor().await;
    let ids = |output: &Value| -> Vec<String> {
        output["scans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|scan| scan["_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ask(&served, KEY, "search", json!({"query": "domain:example.com AND date:>now-1d", "size": 3}))
        .await
        .unwrap();
    let mut whole = ids(&all);
    assert_eq!((whole.len(), &all["more"]), (7, &json!(false)));
    whole.dedup();
    assert_eq!(whole.len(), 7, "none came twice");
    let asked = served.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].parameter("q"), Some("domain:example.com AND date:>now-1d"));
    assert_eq!((asked[0].parameter("search_after"), asked[0].parameter("size")), (None, Some("3")));
    let some = ask(&served, KEY, "search", json!({"query": "domain:example.com", "size": 1})).await.unwrap();
    assert_eq!((ids(&some).len(), &some["more"]), (5, &json!(true)));
}

#[tokio::test]
async fn the_reset_of_a_rate_is_the_pause_that_is_made() {
    let served = Served::start(|_| Urlscan::limited(3, 17)).await;
    for (action, arguments) in [
        ("scan", of_url("https://example.com/")),
        ("result", json!({"scan": SCAN})),
        ("search", json!({"query": "domain:example.com"})),
    ] {
        let came = ask(&served, KEY, action, arguments).await;
        let failure = came.as_ref().unwrap_err();
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(17)), "{action}");
        assert!(!failure.may_have_acted(), "{action}");
        assert_fails(came, FailureKind::RateLimited, true, "Rate limit for");
    }
}
