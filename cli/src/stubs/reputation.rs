//! The tools that have an opinion on a domain, URL, address or file: a reputation service, threat intelligence and a sandbox.
//! They know what the examples ask about, and give all else a score that is always the same.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::dispatcher::{Dispatcher, Refusal, Said};
use super::faults::{FaultProfile, hash};

const KINDS: [&str; 4] = ["domain", "hash", "ip", "url"];

/// What the service knows by name: what is asked about, its score, what it is.
const KNOWN: [(&str, u64, &str); 9] = [
    ("contoso-payroll.com", 91, "newly registered, imitates contoso.com"),
    ("contoso-payroll.com/login", 97, "credential harvesting"),
    ("9f2c1d7ae6b05483c1f0d9be77a4412e35d86c09b1fa2e7740c6d5938ab1e4f2", 88, "html smuggling"),
    ("contoso.com", 2, "known company"),
    ("4be7e2d08b3c96f15a04d7c2e9816fb3a57d20e4c81b936f5502ad7e1c94b860", 99, "lockbit 3.0 encryptor"),
    ("c05a9d3e7f1b2846a0e5d47c93b8f216de70159c4a8b3f62e7d0c1859b4a6e37", 94, "psexec service, renamed"),
    ("185.220.101.47", 96, "command and control, tor exit"),
    ("45.155.205.233", 92, "command and control, cobalt strike"),
    ("91.215.85.142", 89, "data exfiltration, mega mirror"),
];

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new()
        .route("/reputation/url", get(look_url))
        .route("/reputation/{kind}/{value}", get(look))
        .route("/intelligence/indicators", get(intelligence))
        .route("/sandbox/verdict", get(sandbox))
}

/// The score from which on an indicator is on the lists of threat intelligence.
const LISTED: u64 = 90;
/// The score from which on an indicator does harm in the sandbox.
const HARMFUL: u64 = 85;

/// An indicator that is asked about in the query.
#[derive(Deserialize)]
struct Indicator {
    kind: String,
    value: String,
}

async fn intelligence(
    State(dispatcher): State<Arc<Dispatcher>>,
    Query(indicator): Query<Indicator>,
    headers: HeaderMap,
) -> Response {
    let answer = || opinion(&indicator, LISTED);
    dispatcher.look("intelligence.lookup", FaultProfile::Steady, &headers, &indicator.value, answer).await
}

async fn sandbox(
    State(dispatcher): State<Arc<Dispatcher>>,
    Query(indicator): Query<Indicator>,
    headers: HeaderMap,
) -> Response {
    let answer = || opinion(&indicator, HARMFUL);
    dispatcher.look("sandbox.verdict", FaultProfile::Touchy, &headers, &indicator.value, answer).await
}

fn opinion(Indicator { kind, value }: &Indicator, malicious: u64) -> Said {
    let verdict = if score(value).0 >= malicious { "malicious" } else { "clean" };
    Ok((StatusCode::OK, json!({ "kind": kind, "value": value, "verdict": verdict })))
}

/// A link is asked about in the query: as a segment of a path, proxies change it on its way.
#[derive(Deserialize)]
struct Link {
    url: String,
}

async fn look_url(
    State(dispatcher): State<Arc<Dispatcher>>,
    Query(Link { url }): Query<Link>,
    headers: HeaderMap,
) -> Response {
    answer(&dispatcher, "url", &url, &headers).await
}

async fn look(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path((kind, value)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    answer(&dispatcher, &kind, &value, &headers).await
}

async fn answer(dispatcher: &Dispatcher, kind: &str, value: &str, headers: &HeaderMap) -> Response {
    dispatcher
        .look("reputation.lookup", FaultProfile::Touchy, headers, value, || reputation(kind, value))
        .await
}

fn reputation(kind: &str, value: &str) -> Said {
    if !KINDS.contains(&kind) {
        return Err(Refusal::unknown(format_args!("the kind; there are {}", KINDS.join(", "))));
    }
    let value: String = value.chars().take(512).collect();
    let (score, about) = score(&value);
    let verdict = match score {
        80.. => "malicious",
        50..80 => "suspicious",
        _ => "clean",
    };
    let engines = 70 + hash(&(&value, "engines")) % 20;
    Ok((
        StatusCode::OK,
        json!({
            "kind": kind,
            "value": value,
            "score": score,
            "verdict": verdict,
            "about": about,
            "engines": { "asked": engines, "flagged": engines * score / 100 },
        }),
    ))
}

fn score(value: &str) -> (u64, Option<&'static str>) {
    let plain = value.trim_start_matches("https://").trim_start_matches("http://");
    let known = KNOWN.iter().filter(|(name, ..)| plain.starts_with(name)).max_by_key(|(name, ..)| name.len());
    match known {
        Some((_, score, about)) => (*score, Some(about)),
        // One in eight of the unknown is bad.
        None if hash(&(value, "bad")).is_multiple_of(8) => (60 + hash(&value) % 41, None),
        None => (hash(&value) % 30, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_examples_ask_about_is_known() {
        let score = |value| super::score(value).0;
        assert_eq!(score("contoso-payroll.com"), 91);
        assert_eq!(score("https://contoso-payroll.com/login?u=1"), 97);
        assert_eq!(score("contoso.com"), 2);
    }

    #[test]
    fn the_tools_do_not_always_agree() {
        let verdict = |value: &str, malicious| {
            let indicator = Indicator { kind: "ip".to_owned(), value: value.to_owned() };
            opinion(&indicator, malicious).unwrap().1["verdict"].clone()
        };
        for (value, listed, harmful) in [
            ("185.220.101.47", "malicious", "malicious"),
            ("91.215.85.142", "clean", "malicious"),
            ("contoso.com", "clean", "clean"),
        ] {
            assert_eq!((verdict(value, LISTED), verdict(value, HARMFUL)), (listed.into(), harmful.into()));
        }
    }

    #[test]
    fn a_kind_that_nobody_rates_is_not_known() {
        assert!(reputation("weather", "x").is_err());
        let (status, body) = reputation("ip", "198.51.100.7").unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(reputation("ip", "198.51.100.7").unwrap().1, body);
    }
}
