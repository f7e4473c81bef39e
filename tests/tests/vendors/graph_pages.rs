//! The lists of Microsoft Graph: all pages, tokens that end and pauses between them, and links that are not followed.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use crate::graph::{ask, vendor};
use crate::served::Served;
use crate::served::assert_fails;
use crate::stubs::graph::{Behaviour, Graph, Next};

async fn of(items: usize, next: Next) -> Served<Graph> {
    vendor(Behaviour { items, next, ..Behaviour::default() }).await
}

fn count(output: &Value, name: &str) -> usize {
    output[name].as_array().unwrap().len()
}

#[tokio::test]
async fn the_alerts_of_all_pages_are_one_list() {
    let served = of(25, Next::Linked).await;
    let filter = "status eq 'new' and severity eq 'high'";
    let output = ask(&served, "alerts", json!({"filter": filter, "top": 10})).await.unwrap();
    assert_eq!((count(&output, "alerts"), &output["more"]), (25, &json!(false)));
    assert_eq!(output["alerts"][24]["title"], "Suspicious sign-in 24");
    let asked = served.asked();
    let lists: Vec<_> = asked.iter().filter(|asked| asked.method == "GET").collect();
    assert_eq!(lists.len(), 3);
    assert_eq!((lists[0].parameter("$filter"), lists[0].parameter("$top")), (Some(filter), Some("10")));
    // The link has all of the query, in its own spelling.
    assert_eq!(
        lists[2].query,
        [("$top".to_owned(), "10".to_owned()), ("$skiptoken".to_owned(), "MSZW/N+20".to_owned())]
    );
}

#[tokio::test]
async fn sign_ins_are_listed_and_a_filter_that_is_none_is_told() {
    let served = of(3, Next::Linked).await;
    let output = ask(&served, "sign_ins", json!({"filter": "userPrincipalName eq 'AdeleV@contoso.com'"}))
        .await
        .unwrap();
    assert_eq!((count(&output, "sign_ins"), &output["more"]), (3, &json!(false)));
    for action in ["sign_ins", "alerts"] {
        let came = ask(&served, action, json!({"filter": "colour eq 'red'"})).await;
        assert_fails(came, FailureKind::InvalidArguments, false, "Invalid filter clause");
    }
}

/// Lists of security end without a link after their first page, also where there are others.
#[tokio::test]
async fn a_full_page_without_a_link_may_not_be_all() {
    let served = of(25, Next::Untold).await;
    let output = ask(&served, "alerts", json!({"top": 10})).await.unwrap();
    assert_eq!((count(&output, "alerts"), &output["more"]), (10, &json!(true)));
    let all = ask(&served, "alerts", json!({"top": 26})).await.unwrap();
    assert_eq!((count(&all, "alerts"), &all["more"]), (25, &json!(false)));
    let none = of(0, Next::Untold).await;
    let output = ask(&none, "alerts", json!({"top": 10})).await.unwrap();
    assert_eq!((count(&output, "alerts"), &output["more"]), (0, &json!(false)));
}

#[tokio::test]
async fn a_token_that_ends_between_two_pages_is_renewed_and_no_page_is_lost() {
    let behaviour = Behaviour { items: 25, uses: Some(2), ..Behaviour::default() };
    let served = vendor(behaviour).await;
    let output = ask(&served, "alerts", json!({"top": 5})).await.unwrap();
    assert_eq!((count(&output, "alerts"), &output["more"]), (25, &json!(false)));
    assert_eq!(served.vendor.kept(|kept| kept.tokens), 3, "five pages, two with each token");
}

#[tokio::test]
async fn a_pause_between_two_pages_is_waited_for_and_one_before_the_first_is_told() {
    let behaviour = Behaviour { items: 15, throttled: vec![1], ..Behaviour::default() };
    let served = vendor(behaviour).await;
    let output = ask(&served, "alerts", json!({"top": 10})).await.unwrap();
    assert_eq!(count(&output, "alerts"), 15);
    let busy = vendor(Behaviour { items: 15, throttled: vec![0], ..Behaviour::default() }).await;
    let came = ask(&busy, "alerts", json!({"top": 10})).await;
    assert_eq!(came.as_ref().unwrap_err().retry_after(), Some(std::time::Duration::from_secs(1)));
    assert_fails(came, FailureKind::RateLimited, true, "429");
}

/// Whoever can write into an answer does not get a token of the tenant.
#[tokio::test]
async fn a_link_to_another_origin_is_refused_and_nothing_is_sent_there() {
    let other = of(0, Next::Linked).await;
    for link in [
        format!("{}/v1.0/security/alerts_v2", other.url()),
        "https://graph.microsoft.com.evil.example/v1.0/security/alerts_v2".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let served = of(25, Next::At(link.clone())).await;
        let came = ask(&served, "alerts", json!({"top": 10})).await;
        assert_fails(came, FailureKind::Forbidden, false, "another origin");
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_page_that_leads_to_itself_ends() {
    let served = of(25, Next::Circle).await;
    let came = ask(&served, "alerts", json!({"top": 10})).await;
    assert_fails(came, FailureKind::InvalidResponse, false, "has come before");
    assert!(served.asked().len() <= 4, "{}", served.asked().len());
}
