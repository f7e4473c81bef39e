//! Pages: one list of all of them, and tools whose pages never end, lead elsewhere or repeat.

use tokio::time::Instant;

use axum::response::IntoResponse;
use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use crate::server::{Came, Tool, call, json as answer};

/// A connector with one action whose pages come in this way.
fn listing(query: &str, pagination: &str) -> String {
    format!(
        "
connector: listing
version: 1
base_url: BASE/v1
auth: {{bearer: {{$secret: token}}}}
actions:
  list:
    arguments: {{properties: {{kind: {{type: string}}}}}}
    request: {{path: /items, query: {{kind: '{{{{ arguments.kind }}}}', {query}}}}}
    pagination: {{{pagination}}}
"
    )
}

fn parameter(came: &Came, name: &str) -> Option<String> {
    let (_, query) = came.target.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
}

const CURSOR: &str = "by: cursor, items: '{{ body.data }}', next: '{{ body.next|default(none) }}'";

#[tokio::test]
async fn a_cursor_leads_through_all_pages() {
    let tool = Tool::start(|number, came| {
        let wanted = (number > 0).then(|| format!("c{number}"));
        assert_eq!(parameter(came, "cursor"), wanted);
        match number {
            0 | 1 => answer(200, json!({"data": [number, 10 + number], "next": format!("c{}", number + 1)})),
            _ => answer(200, json!({"data": [99]})),
        }
    })
    .await;
    let listing = tool.connector(&listing("cursor: '{{ page.cursor }}'", CURSOR));
    let output = call(&listing, "list", json!({"kind": "a b"})).await.unwrap();
    assert_eq!(output, json!({"items": [0, 10, 1, 11, 99], "more": false}));
    let came = tool.came();
    assert_eq!(came[2].target, "/v1/items?cursor=c2&kind=a+b");
    assert!(came.iter().all(|one| one.header("authorization") == "Bearer secret-token"));
    let keys: std::collections::BTreeSet<&str> =
        came.iter().map(|one| one.header("idempotency-key")).collect();
    assert_eq!(keys.len(), 3, "a server that knows keys must not take one page for another");
}

#[tokio::test]
async fn a_cursor_that_repeats_ends_the_call() {
    let tool = Tool::start(|_, _| answer(200, json!({"data": [1], "next": "same"}))).await;
    let listing = tool.connector(&listing("cursor: '{{ page.cursor }}'", CURSOR));
    let failure = call(&listing, "list", json!({})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidResponse);
    assert_eq!(tool.came().len(), 2);
}

#[tokio::test]
async fn pages_without_an_end_are_bounded() {
    let tool = Tool::start(|number, _| answer(200, json!({"data": [1, 2], "next": number + 1}))).await;
    let three = tool.connector(&listing("cursor: '{{ page.cursor }}'", &format!("{CURSOR}, pages: 3")));
    let output = call(&three, "list", json!({})).await.unwrap();
    assert_eq!(output, json!({"items": [1, 2, 1, 2, 1, 2], "more": true}));
    let five = tool.connector(&listing("cursor: '{{ page.cursor }}'", &format!("{CURSOR}, at_most: 5")));
    let output = call(&five, "list", json!({})).await.unwrap();
    assert_eq!(output, json!({"items": [1, 2, 1, 2, 1], "more": true}));
    assert_eq!(tool.came().len(), 6);
}

#[tokio::test]
async fn large_items_are_bounded_by_their_bytes() {
    let tool =
        Tool::start(|number, _| answer(200, json!({"data": ["x".repeat(300 << 10)], "next": number + 1})))
            .await;
    let listing = tool.connector(&listing("cursor: '{{ page.cursor }}'", CURSOR));
    let output = call(&listing, "list", json!({})).await.unwrap();
    assert_eq!((output["items"].as_array().unwrap().len(), &output["more"]), (3, &Value::Bool(true)));
}

#[tokio::test]
async fn numbers_and_offsets_go_on_until_a_page_is_not_full() {
    let tool = Tool::start(|number, came| {
        assert_eq!(parameter(came, "page"), Some((number + 1).to_string()));
        answer(200, json!(vec![number; if number < 2 { 3 } else { 1 }]))
    })
    .await;
    let pages = "by: page, items: '{{ body }}', size: 3";
    let listing_pages = tool.connector(&listing("page: '{{ page.number }}'", pages));
    let output = call(&listing_pages, "list", json!({})).await.unwrap();
    assert_eq!(output, json!({"items": [0, 0, 0, 1, 1, 1, 2], "more": false}));
    let tool = Tool::start(|number, came| {
        assert_eq!(parameter(came, "start"), Some((2 * number).to_string()));
        answer(200, json!({"rows": if number < 2 { vec![1, 2] } else { vec![] }}))
    })
    .await;
    let offsets = "by: offset, items: '{{ body.rows }}'";
    let listing = tool.connector(&listing("start: '{{ page.offset }}'", offsets));
    let output = call(&listing, "list", json!({})).await.unwrap();
    assert_eq!(output, json!({"items": [1, 2, 1, 2], "more": false}));
}

#[tokio::test]
async fn links_of_header_and_body_are_followed_within_the_origin() {
    let tool = Tool::start(|number, _| match number {
        0 => ([("link", "</v1/items?page=2>; rel=\"next\"")], axum::Json(json!([1]))).into_response(),
        _ => axum::Json(json!([2])).into_response(),
    })
    .await;
    let by_header = tool.connector(&listing("top: 5", "by: link, items: '{{ body }}'"));
    let output = call(&by_header, "list", json!({})).await.unwrap();
    assert_eq!(output, json!({"items": [1, 2], "more": false}));
    assert_eq!(tool.came()[1].target, "/v1/items?page=2");
    assert_eq!(tool.came()[1].header("authorization"), "Bearer secret-token");
    let url = "by: url, items: '{{ body.value }}', next: \"{{ body['@odata.nextLink']|default(none) }}\"";
    let tool = Tool::start(|number, came| match number {
        0 => {
            let next = format!("http://{}/v1/items?$skip=2", came.header("host"));
            answer(200, json!({"value": [1], "@odata.nextLink": next}))
        }
        _ => answer(200, json!({"value": [2]})),
    })
    .await;
    let listing = tool.connector(&listing("top: 5", url));
    assert_eq!(call(&listing, "list", json!({})).await.unwrap()["items"], json!([1, 2]));
    assert_eq!(tool.came()[1].target, "/v1/items?$skip=2");
}

#[tokio::test]
async fn a_link_to_another_origin_is_never_followed() {
    let other = Tool::start(|_, _| answer(200, json!([]))).await;
    let elsewhere = format!("<http://{}/v1/items?page=2>; rel=next", other.addr);
    let tool =
        Tool::start(move |_, _| ([("link", elsewhere.clone())], axum::Json(json!([1]))).into_response())
            .await;
    let listing = tool.connector(&listing("top: 5", "by: link, items: '{{ body }}'"));
    let failure = call(&listing, "list", json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Forbidden, false));
    assert_eq!(other.came().len(), 0);
}

#[tokio::test]
async fn a_pause_between_pages_is_waited_for() {
    let tool = Tool::start(|number, _| match number {
        1 => (axum::http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        0 => answer(200, json!({"data": [1], "next": "a"})),
        _ => answer(200, json!({"data": [2]})),
    })
    .await;
    let listing = tool.connector(&listing("cursor: '{{ page.cursor }}'", CURSOR));
    let began = Instant::now();
    let output = call(&listing, "list", json!({})).await.unwrap();
    assert_eq!(output["items"], json!([1, 2]));
    assert!(began.elapsed().as_millis() >= 1_000);
}

#[tokio::test]
async fn a_page_that_fails_or_has_no_list_fails_the_call() {
    let tool = Tool::start(|number, _| match number {
        0 => answer(200, json!({"data": [1], "next": "a"})),
        _ => answer(503, json!({})),
    })
    .await;
    let text = listing("cursor: '{{ page.cursor }}'", CURSOR);
    let failure = call(&tool.connector(&text), "list", json!({})).await.unwrap_err();
    assert!(failure.retryable() && failure.kind == FailureKind::Status);
    for body in [json!({"data": 7}), json!({"data": {"a": 1}}), json!({})] {
        let tool = Tool::start(move |_, _| answer(200, body.clone())).await;
        let failure = call(&tool.connector(&text), "list", json!({})).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidResponse);
    }
}

#[tokio::test]
async fn a_secret_in_the_query_goes_along_to_the_next_page_and_the_rest_is_the_links() {
    let tool = Tool::start(|number, _| match number {
        0 => answer(200, json!({"data": [1], "next": "/v1/items?after=1&kind=other"})),
        _ => answer(200, json!({"data": [2]})),
    })
    .await;
    let text = "
connector: keyed
version: 1
base_url: BASE/v1
actions:
  list:
    request: {path: /items, query: {kind: all, key: {$secret: token}}}
    pagination: {by: url, items: '{{ body.data }}', next: '{{ body.next|default(none) }}'}
";
    let keyed = tool.connector(text);
    let output = call(&keyed, "list", json!({})).await.unwrap();
    assert_eq!(output["items"], json!([1, 2]));
    let came = tool.came();
    assert_eq!(came[0].target, "/v1/items?key=secret-token&kind=all");
    assert_eq!(came[1].target, "/v1/items?after=1&kind=other&key=secret-token");
}

#[tokio::test]
async fn a_page_that_is_cut_fails_the_call() {
    let tool = Tool::start(|number, _| match number {
        0 => answer(200, json!({"data": [1], "next": "a"})),
        _ => (axum::http::StatusCode::OK, "{\"data\": [2").into_response(),
    })
    .await;
    let listing = tool.connector(&listing("cursor: '{{ page.cursor }}'", CURSOR));
    let failure = call(&listing, "list", json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::InvalidResponse, false));
}
