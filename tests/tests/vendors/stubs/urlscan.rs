//! urlscan.io: <https://docs.urlscan.io/apis/urlscan-openapi>, <https://docs.urlscan.io/pages/error-codes>,
//! <https://docs.urlscan.io/pages/api-rate-limits>. Knows the scans of the past, and those that it was asked for.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Value, json};

use crate::served::{Asked, Vendor, html, json as answer};

pub(crate) const KEY: &str = "0b7c6a5e-7a3d-4c9e-9d0a-5f1e2d3c4b5a";
/// A scan that was deleted.
pub(crate) const DELETED: &str = "0196d976-07f6-7aae-8a57-aa0191450410";
/// The scan that it makes.
pub(crate) const SCAN: &str = "0196d976-07f6-7aae-8a57-aa019145f31c";
/// The scan that its documentation shows.
const SHOWN: &str = "0e37e828-a9d9-45c0-ac50-1ca579b86c72";
/// Countries from which it scans.
const COUNTRIES: [&str; 4] = ["de", "us", "jp", "fr"];
/// Scans of the past that a search finds.
const PAST: usize = 7;

/// What one account has asked for.
#[derive(Debug, Default)]
struct Known {
    /// Questions after which the scan is finished; `None` where none was asked for.
    unfinished: Option<u32>,
    url: String,
    tags: Value,
    /// Calls that are still refused because of the rate.
    refused: u32,
}

/// The vendor.
#[derive(Default)]
pub(crate) struct Urlscan {
    known: Mutex<Known>,
    /// Whether scans never finish.
    stuck: bool,
    /// Whether the page is found to be malicious.
    malicious: bool,
    /// Bytes of what the page has loaded.
    weight: usize,
    /// Seconds until the rate is there again, below 60.
    reset: u32,
}

impl Urlscan {
    /// One that never finishes a scan.
    pub(crate) fn stuck() -> Self {
        Self { stuck: true, ..Self::default() }
    }

    /// One to which every page is malicious.
    pub(crate) fn alarmed() -> Self {
        Self { malicious: true, ..Self::default() }
    }

    /// One whose pages load so much.
    pub(crate) fn heavy(bytes: usize) -> Self {
        Self { weight: bytes, ..Self::default() }
    }

    /// One that refuses so many calls because of their rate, which is there again after so many seconds.
    pub(crate) fn limited(calls: u32, reset: u32) -> Self {
        Self { known: Mutex::new(Known { refused: calls, ..Known::default() }), reset, ..Self::default() }
    }

    fn submit(&self, known: &mut Known, asked: &Asked) -> Response {
        let Some(body) = asked.json() else {
            return error(400, "Invalid JSON", "The body is no JSON");
        };
        let Some(url) = body["url"].as_str() else {
            let description =
                "The URL supplied was not OK, please specify it including the protocol, host and path";
            return error(400, "Missing URL properties", description);
        };
        if url.ends_with(".invalid/") {
            let description = "The domain could not be resolved to a valid IPv4/IPv6 address. We won't try to load it in the browser.";
            return error(400, "DNS Error - Could not resolve domain", description);
        }
        let given = |name: &str| body.get(name).cloned();
        let visibility = given("visibility").unwrap_or_else(|| json!("public"));
        let tags = given("tags").unwrap_or_else(|| json!([]));
        let country = given("country").unwrap_or_else(|| json!("de"));
        let fits = ["public", "unlisted", "private"].iter().any(|known| visibility == *known)
            && tags.as_array().is_some_and(|tags| tags.len() <= 10 && tags.iter().all(Value::is_string))
            && COUNTRIES.iter().any(|known| country == *known);
        if !fits {
            return invalid("ValidationError: a property of the scan is none");
        }
        known.unfinished = Some(3);
        known.url = url.to_owned();
        known.tags = tags;
        let result = format!("https://urlscan.io/result/{SCAN}/");
        answer(
            200,
            json!({
                "message": "Submission successful", "uuid": SCAN, "result": result, "visibility": visibility, "url": url,
                "api": format!("https://urlscan.io/api/v1/result/{SCAN}/"), "country": country,
                "options": {"useragent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"},
            }),
        )
    }

    fn result(&self, known: &mut Known, scan: &str) -> Response {
        if scan == DELETED {
            return error(410, "Scan deleted", "The scan was deleted");
        }
        if scan == SHOWN {
            return answer(200, self.found(known));
        }
        match known.unfinished.as_mut().filter(|_| scan == SCAN) {
            None => error(404, "No such scan submission", "We could not find this scan"),
            Some(0) if !self.stuck => answer(200, self.found(known)),
            Some(left) => {
                *left = left.saturating_sub(1);
                error(404, "Scan is not finished yet", "Please wait")
            }
        }
    }

    /// A result. What is not malicious is not said to be so.
    fn found(&self, known: &Known) -> Value {
        let body = "x".repeat(self.weight);
        let mut overall =
            json!({"score": 0, "categories": [], "brands": [], "tags": [], "hasVerdicts": false});
        if self.malicious {
            overall = json!({
                "score": 100, "categories": ["phishing"], "brands": ["bank"], "tags": [], "hasVerdicts": true, "malicious": true,
            });
        }
        json!({
            "data": {"requests": [{"request": {"request": {"url": known.url}}, "response": {"body": body}}], "cookies": [], "links": []},
            "stats": {"secureRequests": 1, "uniqIPs": 1, "uniqCountries": 1},
            "meta": {"processors": {"umbrella": {"data": []}}},
            "task": {
                "uuid": SCAN, "time": "2026-05-18T20:19:00.000Z", "url": known.url, "visibility": "unlisted", "method": "api",
                "source": "api", "tags": known.tags, "reportURL": format!("https://urlscan.io/result/{SCAN}/"),
                "screenshotURL": format!("https://urlscan.io/screenshots/{SCAN}.png"), "domURL": format!("https://urlscan.io/dom/{SCAN}/"),
            },
            "page": {
                "url": known.url, "domain": "example.com", "apexDomain": "example.com", "country": "US", "city": "", "server": "nginx",
                "ip": "192.0.2.1", "asn": "AS64496", "asnname": "EXAMPLE", "status": "200", "mimeType": "text/html", "title": "Example",
            },
            "lists": {
                "ips": ["192.0.2.1"], "countries": ["US"], "asns": ["64496"], "domains": ["example.com"], "servers": ["nginx"],
                "urls": [known.url], "linkDomains": [], "certificates": [], "hashes": ["0a1b"],
            },
            "verdicts": {
                "overall": overall, "urlscan": {"score": 0, "categories": [], "brands": []},
                "community": {"score": 0, "votesTotal": 0},
            },
        })
    }

    fn search(asked: &Asked) -> Response {
        let Some(query) = asked.parameter("q").filter(|query| !query.is_empty()) else {
            return invalid("ValidationError: \"q\" is required");
        };
        if query.contains(":::") {
            return error(400, "Failed to parse query", "The query is no query of the search");
        }
        let size = asked.parameter("size").map_or(Ok(100), str::parse::<usize>);
        let Ok(size) = size.map_err(drop).and_then(|size| (size <= 10_000).then_some(size).ok_or(())) else {
            return invalid("ValidationError: \"size\" must be less than or equal to 10000");
        };
        // The next page begins after the sort key of the last result of this one.
        let begin = match asked.parameter("search_after") {
            None => 0,
            Some(after) => match (0..PAST).find(|at| after == sort(*at)) {
                Some(at) => at + 1,
                None => return invalid("ValidationError: \"search_after\" is no sort key"),
            },
        };
        let end = PAST.min(begin + size);
        let results: Vec<Value> = (begin..end).map(past).collect();
        answer(200, json!({"results": results, "total": PAST, "took": 12, "has_more": end < PAST}))
    }
}

fn time(at: usize) -> u64 {
    1_747_599_540_000 - at as u64
}

fn id(at: usize) -> String {
    format!("0196d976-07f6-7aae-8a57-aa01914500{at:02}")
}

fn sort(at: usize) -> String {
    format!("{},{}", time(at), id(at))
}

/// A scan of the past, as a search tells it.
fn past(at: usize) -> Value {
    let id = id(at);
    json!({
        "_id": id, "_score": null, "sort": [time(at), id],
        "task": {"visibility": "public", "method": "api", "domain": "example.com", "uuid": id, "url": "https://example.com/"},
        "stats": {"uniqIPs": 1, "requests": 3, "dataLength": 1200},
        "page": {"domain": "example.com", "ip": "192.0.2.1", "country": "US", "status": "200"},
        "result": format!("https://urlscan.io/api/v1/result/{id}/"),
        "screenshot": format!("https://urlscan.io/screenshots/{id}.png"),
    })
}

impl Vendor for Urlscan {
    fn answer(&self, asked: &Asked) -> Response {
        let segments = asked.segments();
        // It answers with and without a slash at the end.
        let path = segments.strip_suffix(&[""]).unwrap_or(&segments);
        let ["api", "v1", resource @ ..] = path else { return html(404, "Not found") };
        match (asked.header("api-key"), resource) {
            (Some(KEY), _) | (None, ["search"]) => {}
            (None, ["result", _]) => return answer(403, json!({"warning": "You're not logged in!"})),
            (None, _) => {
                let message = "No API key supplied. Send the key using the 'API-Key' header";
                return answer(401, json!({"message": message, "status": 401}));
            }
            (Some(key), _) if key.len() != 36 => {
                return answer(400, json!({"message": "Invalid API key format", "status": 400}));
            }
            (Some(_), _) => {
                return answer(
                    401,
                    json!({"message": "API key supplied but not found in database!", "status": 401}),
                );
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let action = if resource == ["search"] { "search" } else { "unlisted" };
        if known.refused > 0 {
            known.refused -= 1;
            return limited(refused(action), action, 0, self.reset);
        }
        let answered = match (asked.method.as_str(), resource) {
            ("POST", ["scan"]) => self.submit(&mut known, asked),
            ("GET", ["result", scan]) => self.result(&mut known, scan),
            ("GET", ["search"]) => Self::search(asked),
            _ => error(404, "Not Found", "We could not find this page"),
        };
        limited(answered, action, 24, self.reset)
    }
}

fn refused(action: &str) -> Response {
    let message = format!("Rate limit for '{action}' exceeded");
    error(429, &message, "Limit is 60 per minute.")
}

/// The headers about the rate: the reset is an instant, in a text, and the seconds until it.
fn limited(mut response: Response, action: &str, remaining: u32, reset: u32) -> Response {
    let date = format!("Sun, 18 May 2025 20:18:{:02} GMT", 60 - reset.max(1));
    let (remaining, reset) = (remaining.to_string(), reset.to_string());
    let headers = [
        ("date", date.as_str()),
        ("x-rate-limit-scope", "user"),
        ("x-rate-limit-action", action),
        ("x-rate-limit-window", "minute"),
        ("x-rate-limit-limit", "60"),
        ("x-rate-limit-remaining", &remaining),
        ("x-rate-limit-reset", "2025-05-18T20:19:00.000Z"),
        ("x-rate-limit-reset-after", &reset),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value);
    }
    response
}

fn error(status: u16, message: &str, description: &str) -> Response {
    let errors = json!([{"title": message, "detail": description, "status": status}]);
    answer(
        status,
        json!({"message": message, "description": description, "status": status, "errors": errors}),
    )
}

/// A mistake in a parameter, which has another form.
fn invalid(message: &str) -> Response {
    let errors = json!([{
        "code": "validationerror", "title": "Field Validation Error", "description": message, "status": 400,
    }]);
    answer(400, json!({"code": "validationerror", "type": "query", "message": message, "errors": errors}))
}
