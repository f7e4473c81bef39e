//! Microsoft Graph, v1.0, with the token server of Entra: <https://learn.microsoft.com/graph/api/overview>,
//! <https://learn.microsoft.com/graph/errors>, <https://learn.microsoft.com/graph/paging>. Its tokens end; lists come in pages.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::served::{Asked, Vendor, json as answer, with};

pub(crate) const DIRECTORY: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
pub(crate) const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
pub(crate) const SECRET: &str = "qWgdYAmab0YSkuL1qKv5bPX+/=&";
pub(crate) const USER: &str = "AdeleV@contoso.com";
/// A guest, whose name has a `#`.
pub(crate) const GUEST: &str = "ada_adatum.com#EXT#@contoso.com";
const USER_ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
pub(crate) const ALERT: &str = "da637551227677560813_-961444813";
/// The most items of a page, whatever is asked for.
const PAGE_MOST: usize = 1000;

/// Where the next page of a list is.
#[derive(Debug, Default, Clone)]
pub(crate) enum Next {
    /// At a link with a token.
    #[default]
    Linked,
    /// Nowhere: some lists of security have no link, however many items there are.
    Untold,
    /// At somebody else's.
    At(String),
    /// At the page itself.
    Circle,
}

/// How this one behaves.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    pub(crate) next: Next,
    /// Items of each list.
    pub(crate) items: usize,
    /// Requests that a token is good for.
    pub(crate) uses: Option<u32>,
    /// Requests of this number, from 0, that are too many.
    pub(crate) throttled: Vec<u32>,
    /// What this application may not do.
    pub(crate) forbidden: bool,
}

/// What it keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Tokens that were given.
    pub(crate) tokens: u32,
    /// Requests with the newest of them.
    used: u32,
    /// Requests to Graph.
    requests: u32,
    /// Changes, in their order.
    pub(crate) changes: Vec<(String, Value)>,
}

/// The vendor.
pub(crate) struct Graph {
    address: SocketAddr,
    behaviour: Behaviour,
    kept: Mutex<Kept>,
}

impl Graph {
    pub(crate) fn new(address: SocketAddr, behaviour: Behaviour) -> Self {
        Self { address, behaviour, kept: Mutex::default() }
    }

    /// What it keeps.
    pub(crate) fn kept<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A token, for who is known.
    fn token(&self, asked: &Asked, directory: &str) -> Response {
        let refused = |status: u16, error: &str, code: u32, description: &str| {
            let text = format!("AADSTS{code}: {description} Trace ID: 0000 Correlation ID: 0000");
            answer(
                status,
                json!({"error": error, "error_description": text, "error_codes": [code], "trace_id": "0000"}),
            )
        };
        let Some(form) = asked.form().filter(|_| asked.method == "POST") else {
            return refused(400, "invalid_request", 900_144, "The request body must be a form.");
        };
        let field =
            |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if directory != DIRECTORY {
            return refused(400, "invalid_request", 90_002, "Tenant not found.");
        }
        if field("grant_type") != Some("client_credentials") {
            return refused(400, "unsupported_grant_type", 70_003, "The grant type is not supported.");
        }
        if field("scope").is_none_or(|scope| !scope.ends_with("/.default")) {
            return refused(
                400,
                "invalid_scope",
                70_011,
                "The provided value for the input parameter 'scope' is not valid.",
            );
        }
        if field("client_id") != Some(CLIENT) {
            return refused(
                400,
                "unauthorized_client",
                700_016,
                "Application was not found in the directory.",
            );
        }
        if field("client_secret") != Some(SECRET) {
            return refused(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tokens += 1;
        kept.used = 0;
        let token = format!("eyJ0eXAi.token-{}", kept.tokens);
        answer(
            200,
            json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}),
        )
    }

    /// Whether the newest token came along, and has not ended.
    fn refusal(&self, asked: &Asked) -> Option<Response> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let unauthorized = |message: &str| {
            let refused = error(401, "InvalidAuthenticationToken", message);
            Some(with(
                refused,
                "www-authenticate",
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/\"",
            ))
        };
        let number = kept.requests;
        kept.requests += 1;
        match asked.header("authorization") {
            None => return unauthorized("Access token is empty."),
            Some(given) if given != format!("Bearer eyJ0eXAi.token-{}", kept.tokens) => {
                return unauthorized("Access token validation failure.");
            }
            Some(_) => {}
        }
        if self.behaviour.uses.is_some_and(|uses| kept.used >= uses) {
            return unauthorized("Lifetime validation failed, the token is expired.");
        }
        kept.used += 1;
        if self.behaviour.throttled.contains(&number) {
            return Some(with(
                error(429, "TooManyRequests", "Please retry again later."),
                "retry-after",
                "1",
            ));
        }
        let denied = "Insufficient privileges to complete the operation.";
        self.behaviour.forbidden.then(|| error(403, "Authorization_RequestDenied", denied))
    }

    /// One page of a list whose items are made.
    fn list(&self, asked: &Asked, path: &str, item: impl Fn(usize) -> Value) -> Response {
        if let Some(filter) = asked.parameter("$filter")
            && !["status", "createdDateTime", "userPrincipalName"]
                .iter()
                .any(|known| filter.starts_with(known))
        {
            return error(400, "BadRequest", "Invalid filter clause: Could not find a property.");
        }
        let top = asked.parameter("$top").map_or(Ok(100), str::parse::<usize>);
        let Some(top) = top.ok().filter(|top| *top > 0) else {
            return error(400, "BadRequest", "Invalid value for $top.");
        };
        let begin = match asked.parameter("$skiptoken") {
            None => 0,
            Some(token) => match token.strip_prefix("MSZW/N+").and_then(|at| at.parse::<usize>().ok()) {
                Some(at) => at,
                None => return error(400, "BadRequest", "Skip token is invalid."),
            },
        };
        let end = self.behaviour.items.min(begin + top.min(PAGE_MOST));
        let items: Vec<Value> = (begin..end).map(item).collect();
        let mut body = json!({"@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#{path}"), "value": items});
        if end < self.behaviour.items {
            let here = format!("http://{}/v1.0/{path}?$top={top}", self.address);
            let next = match &self.behaviour.next {
                Next::Linked => Some(format!("{here}&$skiptoken=MSZW%2fN%2b{end}")),
                Next::Untold => None,
                Next::At(url) => Some(url.clone()),
                Next::Circle => Some(format!("{here}&$skiptoken=MSZW%2fN%2b{begin}")),
            };
            if let Some(next) = next {
                body["@odata.nextLink"] = json!(next);
            }
        }
        answer(200, body)
    }

    fn change(&self, what: &str, body: Value) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).changes.push((what.to_owned(), body));
    }

    fn update_alert(&self, asked: &Asked, id: &str) -> Response {
        let Some(body) = asked.json().filter(|body| !body.as_object().unwrap().is_empty()) else {
            return error(400, "BadRequest", "Empty Payload. JSON content expected.");
        };
        if id != ALERT {
            return error(404, "NotFound", &format!("Alert '{id}' is not found."));
        }
        let known = ["status", "classification", "determination", "assignedTo", "customDetails"];
        if body
            .as_object()
            .unwrap()
            .iter()
            .any(|(name, value)| !known.contains(&name.as_str()) || value.is_null())
        {
            return error(400, "BadRequest", "Invalid property value.");
        }
        self.change("alert", body.clone());
        let mut whole = alert(0);
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        answer(200, whole)
    }

    fn user(&self, asked: &Asked, user: &str, rest: &[&str]) -> Response {
        let Some(principal) =
            [(USER, USER), (USER_ID, USER), (GUEST, GUEST)].iter().find(|(known, _)| known == &user)
        else {
            let message = format!(
                "Resource '{user}' does not exist or one of its queried reference-property objects are not present."
            );
            return error(404, "Request_ResourceNotFound", &message);
        };
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let whole = json!({
                    "id": USER_ID, "displayName": "Adele Vance", "userPrincipalName": principal.1, "accountEnabled": true,
                    "mail": USER, "jobTitle": "Retail Manager",
                });
                // `accountEnabled` comes to who asks for it.
                let fields: Vec<&str> = asked
                    .parameter("$select")
                    .map_or(vec!["id", "displayName"], |names| names.split(',').collect());
                let kept = whole
                    .as_object()
                    .unwrap()
                    .clone()
                    .into_iter()
                    .filter(|(name, _)| fields.contains(&name.as_str()));
                let mut body = Value::Object(kept.collect());
                body["@odata.context"] = json!("https://graph.microsoft.com/v1.0/$metadata#users/$entity");
                answer(200, body)
            }
            ("PATCH", []) => match asked.json().filter(|body| body["accountEnabled"].is_boolean()) {
                Some(body) => {
                    self.change(user, body);
                    StatusCode::NO_CONTENT.into_response()
                }
                None => error(400, "Request_BadRequest", "Invalid property 'accountEnabled'."),
            },
            ("POST", ["revokeSignInSessions"]) => {
                self.change("revoked", json!(user));
                answer(
                    200,
                    json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Edm.Boolean", "value": true}),
                )
            }
            _ => error(400, "BadRequest", "Resource not found for the segment."),
        }
    }
}

fn alert(at: usize) -> Value {
    json!({
        "id": if at == 0 { ALERT.to_owned() } else { format!("da{at:018}_{at}") }, "providerAlertId": format!("da{at:018}_{at}"),
        "incidentId": "28282", "status": "new", "severity": "high", "classification": "unknown", "determination": "unknown",
        "serviceSource": "microsoftDefenderForEndpoint", "title": format!("Suspicious sign-in {at}"), "assignedTo": null,
        "createdDateTime": "2026-05-18T20:19:00.4Z", "lastUpdateDateTime": "2026-05-18T20:20:00Z", "evidence": [],
    })
}

impl Vendor for Graph {
    fn answer(&self, asked: &Asked) -> Response {
        let segments = asked.segments();
        if let [directory, "oauth2", "v2.0", "token"] = segments.as_slice() {
            return self.token(asked, directory);
        }
        let writes = ["POST", "PATCH", "PUT"].contains(&asked.method.as_str());
        if writes && asked.header("content-length").is_none() && asked.header("transfer-encoding").is_none() {
            return error(411, "LengthRequired", "A Content-Length header is required on the request.");
        }
        if let Some(refusal) = self.refusal(asked) {
            return refusal;
        }
        match (asked.method.as_str(), segments.as_slice()) {
            ("GET", ["v1.0", "organization"]) => {
                let context = "https://graph.microsoft.com/v1.0/$metadata#organization";
                let one = json!({"id": DIRECTORY, "displayName": "Contoso", "countryLetterCode": "US", "verifiedDomains": []});
                answer(200, json!({"@odata.context": context, "value": [one]}))
            }
            ("GET", ["v1.0", "security", "alerts_v2"]) => self.list(asked, "security/alerts_v2", alert),
            ("PATCH", ["v1.0", "security", "alerts_v2", id]) => self.update_alert(asked, id),
            ("GET", ["v1.0", "auditLogs", "signIns"]) => self.list(asked, "auditLogs/signIns", |at| {
                json!({"id": format!("66ea54eb-{at}"), "userPrincipalName": USER, "ipAddress": "192.0.2.1", "status": {"errorCode": 0}})
            }),
            (_, ["v1.0", "users", user, rest @ ..]) => self.user(asked, user, rest),
            _ => error(400, "BadRequest", "Resource not found for the segment."),
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let inner = json!({"date": "2026-05-18T20:19:00", "request-id": "1b8b", "client-request-id": "1b8b"});
    answer(status, json!({"error": {"code": code, "message": message, "innerError": inner}}))
}
