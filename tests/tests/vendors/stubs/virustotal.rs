//! VirusTotal, API v3: <https://docs.virustotal.com/reference/overview>. Knows one file, one URL, one domain and one address; an
//! analysis is queued, then in progress, then completed.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::served::{Asked, Vendor, html, json as answer};

pub(crate) const KEY: &str = "64c0ffee64c0ffee64c0ffee64c0ffee64c0ffee64c0ffee64c0ffee64c0ffee";
pub(crate) const MD5: &str = "44d88612fea8a8f36de82e1278abb02f";
pub(crate) const SHA256: &str = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
/// Its base64 has `+` and `/` in the alphabet of MIME, and padding.
pub(crate) const URL: &str = "https://xn--e1aw.example/a?b=~~~&c=>>?";
pub(crate) const DOMAIN: &str = "bad.example";
pub(crate) const IP: &str = "192.0.2.7";
const ANALYSIS: &str = "u-5c3b7d0e0d5f1b6f0a1a6b2d8f5f4c9e7a1b3c5d7e9f0a2b4c6d8e0f1a3b5c7d-1717171717";

/// A quota that comes back.
struct Quota {
    calls: u32,
    /// Calls that it refuses until it is there again.
    refusals: u32,
}

/// The vendor.
#[derive(Default)]
pub(crate) struct VirusTotal {
    /// What is left of the quota, where there is one.
    quota: Mutex<Option<Quota>>,
    /// How often the analysis was asked for.
    polls: AtomicU32,
    comments: Mutex<Vec<String>>,
    /// An attribute that reports do not have any more.
    lost: Option<&'static str>,
    /// Whether analyses never end.
    stuck: bool,
    /// The report of the file is not there yet.
    unavailable: bool,
    /// Bytes of what else a report has.
    weight: usize,
}

impl VirusTotal {
    /// One that takes so many calls, then refuses so many, and takes all others.
    pub(crate) fn with_quota(calls: u32, refusals: u32) -> Self {
        Self { quota: Mutex::new(Some(Quota { calls, refusals })), ..Self::default() }
    }

    /// One whose reports have lost an attribute.
    pub(crate) fn without(attribute: &'static str) -> Self {
        Self { lost: Some(attribute), ..Self::default() }
    }

    /// One whose analyses never end.
    pub(crate) fn stuck() -> Self {
        Self { stuck: true, ..Self::default() }
    }

    /// One whose reports have so many bytes more.
    pub(crate) fn heavy(bytes: usize) -> Self {
        Self { weight: bytes, ..Self::default() }
    }

    /// One that is not ready to show the report of the file.
    pub(crate) fn unavailable() -> Self {
        Self { unavailable: true, ..Self::default() }
    }

    fn is_used_up(&self) -> bool {
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *quota {
            Some(Quota { calls: 0, refusals: 0 }) | None => false,
            Some(Quota { calls: 0, refusals }) => {
                *refusals -= 1;
                true
            }
            Some(Quota { calls, .. }) => {
                *calls -= 1;
                false
            }
        }
    }

    fn object(&self, kind: &str, id: &str, stats: [u32; 4]) -> Response {
        let [malicious, suspicious, harmless, undetected] = stats;
        let mut attributes = json!({
            "last_analysis_date": 1_717_171_717,
            "last_analysis_results": {
                "Bkav": {"category": "undetected", "engine_name": "Bkav", "engine_version": "2.0.0.1", "method": "blacklist", "result": null},
            },
            "last_analysis_stats": {
                "confirmed-timeout": 0, "failure": 0, "harmless": harmless, "malicious": malicious,
                "suspicious": suspicious, "timeout": 0, "type-unsupported": 12, "undetected": undetected,
            },
            "names": ["x".repeat(self.weight)],
            "reputation": -7,
            "tags": ["attachment"],
            "total_votes": {"harmless": 1, "malicious": 9},
        });
        if let Some(lost) = self.lost {
            attributes.as_object_mut().unwrap().remove(lost);
            attributes["last_analysis_stats"].as_object_mut().unwrap().remove(lost);
        }
        let link = format!("https://www.virustotal.com/api/v3/{kind}s/{id}");
        answer(
            200,
            json!({"data": {"id": id, "type": kind, "links": {"self": link}, "attributes": attributes}}),
        )
    }

    fn file(&self, id: &str) -> Response {
        if self.unavailable {
            return error(400, "NotAvailableYet", "The resource is not available yet");
        }
        match id {
            MD5 | SHA256 => self.object("file", SHA256, [60, 1, 0, 4]),
            _ => error(404, "NotFoundError", &format!("File \"{id}\" not found")),
        }
    }

    fn url(&self, id: &str) -> Response {
        let text = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref() {
            Some(URL) => self.object("url", SHA256, [5, 0, 70, 10]),
            _ => error(404, "NotFoundError", &format!("URL \"{id}\" not found")),
        }
    }

    fn domain(&self, domain: &str) -> Response {
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !domain.contains('.') || !domain.split('.').all(is_label) {
            let message = format!("Domain \"{domain}\" is not a valid domain pattern");
            return error(400, "InvalidArgumentError", &message);
        }
        match domain {
            DOMAIN => self.object("domain", domain, [9, 2, 50, 20]),
            _ => error(404, "NotFoundError", &format!("Domain \"{domain}\" not found")),
        }
    }

    fn address(&self, ip: &str) -> Response {
        match ip.parse::<IpAddr>() {
            Err(_) => error(400, "InvalidArgumentError", &format!("\"{ip}\" is not a valid IP address")),
            Ok(_) if [IP, "8.8.8.8", "2001:db8::1"].contains(&ip) => {
                self.object("ip_address", ip, [3, 0, 60, 20])
            }
            Ok(_) => error(404, "NotFoundError", &format!("IP address \"{ip}\" not found")),
        }
    }

    fn analyse(&self, asked: &Asked) -> Response {
        let Some(form) = asked.form() else {
            return error(400, "BadRequestError", "Invalid content type");
        };
        let Some((_, url)) = form.iter().find(|(name, _)| name == "url") else {
            return error(400, "BadRequestError", "Missing required parameter \"url\"");
        };
        if !url.starts_with("http") {
            return error(400, "InvalidArgumentError", "Unable to canonicalize url");
        }
        let link = format!("https://www.virustotal.com/api/v3/analyses/{ANALYSIS}");
        answer(200, json!({"data": {"type": "analysis", "id": ANALYSIS, "links": {"self": link}}}))
    }

    fn analysis(&self, id: &str) -> Response {
        if id != ANALYSIS {
            return error(404, "NotFoundError", &format!("Analysis \"{id}\" not found"));
        }
        let status = match self.polls.fetch_add(1, Ordering::Relaxed) {
            _ if self.stuck => "queued",
            0 => "queued",
            1 => "in-progress",
            _ => "completed",
        };
        let found = if status == "completed" { [2, 1, 68, 21] } else { [0; 4] };
        let [malicious, suspicious, harmless, undetected] = found;
        let attributes = json!({
            "date": 1_717_171_717, "status": status, "results": {},
            "stats": {"harmless": harmless, "malicious": malicious, "suspicious": suspicious, "timeout": 0, "undetected": undetected},
        });
        let links = json!({
            "item": "https://www.virustotal.com/api/v3/urls/5c3b", "self": "https://www.virustotal.com/api/v3/analyses/u-5c3b",
        });
        let data = json!({"id": id, "type": "analysis", "links": links, "attributes": attributes});
        answer(200, json!({"data": data, "meta": {"url_info": {"id": "5c3b", "url": URL}}}))
    }

    fn comment(&self, id: &str, asked: &Asked) -> Response {
        let Some(body) = asked.json() else {
            return error(400, "BadRequestError", "Invalid JSON");
        };
        let text = body["data"]["attributes"]["text"].as_str();
        let Some(text) = text.filter(|_| body["data"]["type"] == "comment") else {
            return error(400, "InvalidArgumentError", "The comment has no text");
        };
        if ![MD5, SHA256].contains(&id) {
            return error(404, "NotFoundError", &format!("File \"{id}\" not found"));
        }
        let mut comments = self.comments.lock().unwrap_or_else(PoisonError::into_inner);
        if comments.iter().any(|known| known == text) {
            return error(409, "AlreadyExistsError", "Comment already exists");
        }
        comments.push(text.to_owned());
        let attributes = json!({
            "date": 1_717_171_717, "html": text, "tags": [], "text": text,
            "votes": {"abuse": 0, "negative": 0, "positive": 0},
        });
        answer(
            200,
            json!({"data": {"id": format!("f-{SHA256}-c7e1"), "type": "comment", "attributes": attributes}}),
        )
    }
}

impl Vendor for VirusTotal {
    fn answer(&self, asked: &Asked) -> Response {
        let segments = asked.segments();
        let ["api", "v3", resource @ ..] = segments.as_slice() else {
            return html(404, "Error 404 (Not Found)");
        };
        match asked.header("x-apikey") {
            None => return error(401, "AuthenticationRequiredError", "X-Apikey header is missing"),
            Some(KEY) => {}
            Some(_) => return error(401, "WrongCredentialsError", "Wrong API key"),
        }
        if self.is_used_up() {
            return error(429, "QuotaExceededError", "Quota exceeded");
        }
        match (asked.method.as_str(), resource) {
            ("GET", ["files", id]) => self.file(id),
            ("GET", ["urls", id]) => self.url(id),
            ("GET", ["domains", domain]) => self.domain(domain),
            ("GET", ["ip_addresses", ip]) => self.address(ip),
            ("POST", ["urls"]) => self.analyse(asked),
            ("GET", ["analyses", id]) => self.analysis(id),
            ("POST", ["files", id, "comments"]) => self.comment(id, asked),
            _ => html(404, "Error 404 (Not Found)"),
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Response {
    answer(status, json!({"error": {"code": code, "message": message}}))
}

/// A report as the connector tells it.
pub(crate) fn report(id: &str, [malicious, suspicious, harmless, undetected]: [u32; 4]) -> Value {
    json!({
        "found": true, "id": id, "malicious": malicious, "suspicious": suspicious, "harmless": harmless,
        "undetected": undetected, "reputation": -7, "tags": ["attachment"],
    })
}
