//! Jira Cloud, REST API v2: <https://developer.atlassian.com/cloud/jira/platform/rest/v2/intro/>. One project, `SEC`, with issues, of
//! which a search gives two at a time. Who has a wrong token is nobody, as at Jira, and not refused everywhere.

use std::sync::{Mutex, PoisonError};

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::multipart;
use crate::served::{Asked, Vendor, html, json as answer, with};

pub(crate) const USER: &str = "soc@example.com";
pub(crate) const TOKEN: &str = "ATATT3xFfGF0:with/signs+and=more";
const ACCOUNT: &str = "5b10a2844c20165700ede21g";
const GONE: &str = "Issue does not exist or you do not have permission to see it.";
/// The largest attachment, in bytes.
pub(crate) const ATTACHMENT_BYTES: usize = 1024;
/// Issues that are there at the beginning.
const ISSUES: usize = 5;

/// What people have done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) created: Vec<Value>,
    pub(crate) comments: Vec<(String, String)>,
    pub(crate) transitions: Vec<(String, String)>,
    pub(crate) attachments: Vec<(String, Vec<u8>)>,
    /// Calls that are still refused because of the rate.
    refused: u32,
}

/// The vendor.
#[derive(Default)]
pub(crate) struct Jira(Mutex<Done>);

impl Jira {
    /// One that refuses so many calls because of their rate.
    pub(crate) fn limited(calls: u32) -> Self {
        Self(Mutex::new(Done { refused: calls, ..Done::default() }))
    }

    /// What people have done.
    pub(crate) fn done<T>(&self, look: impl FnOnce(&Done) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The fields of an issue, as far as they are asked for.
fn issue(number: usize, fields: Option<&str>) -> Value {
    let all = json!({
        "summary": format!("Finding {number}"), "labels": ["soc"], "description": "What was found",
        "status": {"self": "https://your-domain.atlassian.net/rest/api/2/status/3", "name": "In Progress", "id": "3",
            "statusCategory": {"id": 4, "key": "indeterminate"}},
        "assignee": null, "created": "2026-05-18T20:19:00.000+0000", "project": {"id": "10000", "key": "SEC"},
    });
    let all: Map<String, Value> = all.as_object().unwrap().clone();
    let kept = match fields {
        None | Some("*all") => all,
        Some(names) => {
            let names: Vec<&str> = names.split(',').collect();
            all.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect()
        }
    };
    json!({
        "expand": "renderedFields,names", "id": (10_000 + number).to_string(), "key": format!("SEC-{number}"), "fields": kept,
        "self": format!("https://your-domain.atlassian.net/rest/api/2/issue/{}", 10_000 + number),
    })
}

/// The number of an issue that is there, by its key or id.
fn number(key: &str) -> Option<usize> {
    let number = match key.to_ascii_uppercase().strip_prefix("SEC-") {
        Some(number) => number.parse().ok()?,
        None => key.parse::<usize>().ok()?.checked_sub(10_000)?,
    };
    (1..=ISSUES).contains(&number).then_some(number)
}

fn search(asked: &Asked, is_known: bool) -> Response {
    let Some(jql) = asked.parameter("jql").map(str::trim) else {
        return refused(400, &["The JQL query is missing"], json!({}));
    };
    let many = asked.parameter("maxResults").map_or(Ok(50), str::parse::<usize>);
    if !many.is_ok_and(|many| (1..=5000).contains(&many)) {
        return refused(400, &["maxResults must be between 1 and 5000"], json!({}));
    }
    if jql.is_empty() || jql.to_lowercase().starts_with("order by") {
        let message =
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.";
        return refused(400, &[message], json!({}));
    }
    if jql.ends_with('=') {
        return refused(
            400,
            &["Error in the JQL Query: Expecting a value at the end of the query."],
            json!({}),
        );
    }
    // What nobody may see is not found, and no mistake.
    let all = if is_known { ISSUES } else { 0 };
    let begin = match asked.parameter("nextPageToken") {
        None => 0,
        Some(token) => match token.strip_prefix("CAEaAggC==&").and_then(|at| at.parse::<usize>().ok()) {
            Some(at) => at,
            None => return refused(400, &["The provided next page token is invalid."], json!({})),
        },
    };
    let end = all.min(begin + 2);
    let issues: Vec<Value> =
        (begin..end).map(|at| issue(at + 1, Some(asked.parameter("fields").unwrap_or("id")))).collect();
    match end < all {
        true => answer(
            200,
            json!({"issues": issues, "nextPageToken": format!("CAEaAggC==&{end}"), "isLast": false}),
        ),
        false => answer(200, json!({"issues": issues, "isLast": true})),
    }
}

fn create(done: &mut Done, asked: &Asked) -> Response {
    let Some(body) = asked.json() else {
        return refused(400, &["There was an error parsing JSON"], json!({}));
    };
    let fields = &body["fields"];
    let is_text_or_absent = |name: &str| fields.get(name).is_none_or(Value::is_string);
    let errors: Map<String, Value> = [
        ("project", fields["project"]["key"] == "SEC", "valid project is required"),
        (
            "issuetype",
            ["Task", "Bug"].iter().any(|name| fields["issuetype"]["name"] == *name),
            "Specify a valid issue type",
        ),
        (
            "summary",
            fields["summary"].as_str().is_some_and(|text| !text.trim().is_empty()),
            "You must specify a summary of the issue.",
        ),
        ("description", is_text_or_absent("description"), "Operation value must be a string"),
        ("labels", fields.get("labels").is_none_or(Value::is_array), "Operation value must be an array"),
        (
            "priority",
            fields.get("priority").is_none_or(|one| one["name"] == "High"),
            "The priority selected is invalid.",
        ),
        (
            "assignee",
            fields.get("assignee").is_none_or(|one| one["accountId"] == ACCOUNT),
            "User does not exist.",
        ),
    ]
    .into_iter()
    .filter(|(_, fits, _)| !fits)
    .map(|(name, _, says)| (name.to_owned(), json!(says)))
    .collect();
    if !errors.is_empty() {
        return refused(400, &[], Value::Object(errors));
    }
    done.created.push(fields.clone());
    answer(
        201,
        json!({"id": "10099", "key": "SEC-99", "self": "https://your-domain.atlassian.net/rest/api/2/issue/10099"}),
    )
}

fn comment(done: &mut Done, key: &str, asked: &Asked) -> Response {
    let text = asked.json().and_then(|body| body["body"].as_str().map(str::to_owned));
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return refused(400, &[], json!({"comment": "Comment body can not be empty!"}));
    };
    done.comments.push((key.to_owned(), text.clone()));
    let author = json!({"accountId": ACCOUNT, "displayName": "SOC", "active": true});
    answer(
        201,
        json!({"id": "10500", "author": author, "body": text, "created": "2026-05-18T20:19:00.000+0000", "jsdPublic": true}),
    )
}

fn transition(done: &mut Done, key: &str, asked: &Asked) -> Response {
    let id = asked.json().and_then(|body| body["transition"]["id"].as_str().map(str::to_owned));
    match id {
        None => refused(400, &["Missing 'transition' identifier"], json!({})),
        Some(id) if id == "31" => {
            done.transitions.push((key.to_owned(), id));
            axum::http::StatusCode::NO_CONTENT.into_response()
        }
        Some(id) => refused(400, &[&format!("Transition id '{id}' is not valid for this issue.")], json!({})),
    }
}

fn attach(done: &mut Done, asked: &Asked) -> Response {
    if asked.header("x-atlassian-token") != Some("no-check") {
        return (axum::http::StatusCode::FORBIDDEN, "XSRF check failed").into_response();
    }
    let Some(parts) = multipart::parts(asked).filter(|parts| !parts.is_empty()) else {
        return refused(400, &["The request is no multipart/form-data"], json!({}));
    };
    let files: Vec<_> =
        parts.into_iter().filter(|part| part.name == "file" && part.filename.is_some()).collect();
    if files.iter().any(|file| file.content.len() > ATTACHMENT_BYTES) {
        let message = format!("The file is too large: attachments have at most {ATTACHMENT_BYTES} bytes.");
        return refused(413, &[&message], json!({}));
    }
    // Parts of another name are not seen.
    let attached = files.into_iter().map(|file| {
        let (name, size) = (file.filename.unwrap_or_default(), file.content.len());
        done.attachments.push((name.clone(), file.content));
        json!({
            "id": "10001", "filename": name, "size": size, "mimeType": "application/octet-stream",
            "created": "2026-05-18T20:19:00.000+0000", "content": "https://your-domain.atlassian.net/rest/api/2/attachment/content/10001",
        })
    });
    answer(200, Value::Array(attached.collect()))
}

impl Jira {
    fn of_issue(&self, asked: &Asked, key: &str, rest: &[&str]) -> Response {
        let Some(number) = number(key) else { return refused(404, &[GONE], json!({})) };
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (asked.method.as_str(), rest) {
            ("GET", []) => answer(200, issue(number, asked.parameter("fields"))),
            ("POST", ["comment"]) => comment(&mut done, key, asked),
            ("GET", ["transitions"]) => {
                let to = json!({"id": "10002", "name": "Done", "statusCategory": {"key": "done"}});
                answer(
                    200,
                    json!({"expand": "transitions", "transitions": [{"id": "31", "name": "Done", "to": to, "isGlobal": true}]}),
                )
            }
            ("POST", ["transitions"]) => transition(&mut done, key, asked),
            ("POST", ["attachments"]) => attach(&mut done, asked),
            _ => html(404, "Oops, you've found a dead link."),
        }
    }
}

impl Vendor for Jira {
    fn answer(&self, asked: &Asked) -> Response {
        let segments = asked.segments();
        let ["rest", "api", "2", resource @ ..] = segments.as_slice() else {
            return html(404, "Oops, you've found a dead link.");
        };
        {
            let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if done.refused > 0 {
                done.refused -= 1;
                let refused = with(refused(429, &["Rate limit exceeded."], json!({})), "retry-after", "5");
                return with(refused, "ratelimit-reason", "jira-quota-based");
            }
        }
        let is_browser = asked.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla"));
        if asked.method == "POST" && is_browser {
            return (axum::http::StatusCode::FORBIDDEN, "XSRF check failed").into_response();
        }
        let authorization = asked.header("authorization");
        let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{TOKEN}")));
        let is_known = authorization == Some(&expected);
        let answered = match (asked.method.as_str(), resource) {
            ("GET", ["myself"]) if is_known => answer(
                200,
                json!({"accountId": ACCOUNT, "accountType": "atlassian", "active": true, "displayName": "SOC", "emailAddress": USER, "locale": "en_US"}),
            ),
            (_, ["myself"]) => return unauthenticated(),
            ("GET" | "POST", ["search"]) => {
                let message =
                    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.";
                refused(410, &[message], json!({}))
            }
            ("GET", ["search", "jql"]) => search(asked, is_known),
            ("POST", ["issue"]) if !is_known => return unauthenticated(),
            (_, ["issue", _, ..]) if !is_known => refused(404, &[GONE], json!({})),
            ("POST", ["issue"]) => create(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), asked),
            (_, ["issue", key, rest @ ..]) => self.of_issue(asked, key, rest),
            _ => html(404, "Oops, you've found a dead link."),
        };
        match is_known {
            true => answered,
            false => with(answered, "x-seraph-loginreason", "AUTHENTICATED_FAILED"),
        }
    }
}

fn unauthenticated() -> Response {
    let body =
        json!({"message": "Client must be authenticated to access this resource.", "status-code": 401});
    with(answer(401, body), "x-seraph-loginreason", "AUTHENTICATED_FAILED")
}

fn refused(status: u16, messages: &[&str], errors: Value) -> Response {
    answer(status, json!({"errorMessages": messages, "errors": errors}))
}
