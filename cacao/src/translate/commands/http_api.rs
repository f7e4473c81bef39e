//! Commands `http-api`: a request of the native HTTP integration.

use updraft_protocol::Value;

use crate::model::{CacaoId, HttpCommand, StartLine};
use crate::rule::Rule;
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::address::is_base;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, map, set, step};
use crate::translate::out_args::Gives;
use crate::translate::references::Part;
use crate::translate::scope::Scope;
use crate::translate::texts::Form;

/// The methods that are sent.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// The headers that the integration sets itself.
const RESERVED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl<'p> Translator<'p> {
    /// A request.
    pub(in crate::translate) fn http_api(
        &mut self,
        call: Call<'p>,
        http: &HttpCommand,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        let arguments = self.request(call, http, None, around);
        let tool = Value::from("http.request");
        (step(id, [("action", tool), ("arguments", Value::Object(arguments))]), Gives::Answer)
    }

    /// The arguments of a request; `content_type` is that of a body whose headers say none.
    pub(super) fn request(
        &mut self,
        call: Call<'p>,
        http: &HttpCommand,
        content_type: Option<&str>,
        around: &Around,
    ) -> Fields {
        let scope = &around.scope;
        let property = call.property("command");
        if !METHODS.contains(&http.start.method.as_str()) {
            let message = format!("has the method `{}`; {} are sent", http.start.method, METHODS.join(", "));
            self.found(Rule::HttpMethod, call.number, &property, message);
        }
        let mut arguments = map([("method", Value::from(http.start.method.as_str()))]);
        set(&mut arguments, "url", self.url(call, &http.start, scope));
        let mut headers = self.headers(call, http, scope);
        let declared = http.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let declared = declared.and_then(|(_, values)| values.first()).map(String::as_str);
        if let (None, Some(content_type)) = (declared, content_type) {
            headers.insert("Content-Type".to_owned(), Value::from(content_type));
        }
        if let Some(id) = self.login(call) {
            if headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
                let message = format!("has a header `Authorization`, and `{id}` gives another one");
                self.found(Rule::HttpHeader, call.number, &call.property("headers"), message);
            }
            set(&mut arguments, "auth", self.http_auth((call.number, &call.property("command")), id, scope));
        }
        set(&mut arguments, "headers", (!headers.is_empty()).then_some(Value::Object(headers)));
        if let Some(content) = &http.content {
            let property = call.property("content");
            let body = self.content((call.number, &property), content, declared.or(content_type), scope);
            arguments.extend(body);
        }
        let response = if call.asked() > 0 { "text" } else { "none" };
        arguments.insert("response".to_owned(), Value::from(response));
        arguments
    }

    /// How the machine that a request is sent to is authenticated to. The credential of an agent is for the agent: a target that is
    /// another machine does not get it.
    fn login(&mut self, call: Call<'p>) -> Option<&'p CacaoId> {
        let asked = call.machine?.machine;
        let agent = self.definition(&call.action.agent)?.kind.machine();
        let of_agent = || agent.and_then(|agent| agent.authentication.as_ref());
        let is_agent = agent.is_some_and(|agent| agent.address == asked.address && agent.port == asked.port);
        match (&asked.authentication, of_agent()) {
            (Some(id), _) => Some(id),
            (None, Some(id)) if is_agent => Some(id),
            (None, Some(id)) => {
                let message = format!(
                    "has the credential `{id}`, which the target does not get, as it is another machine; where it is for the target, \
                     let the target have it as `authentication_info`"
                );
                self.found(Rule::AgentCredential, call.number, "agent", message);
                None
            }
            (None, None) => None,
        }
    }

    /// The URL of a request: what the machine's begin with, and the target of the start line.
    fn url(&mut self, call: Call<'p>, start: &StartLine, scope: &Scope) -> Option<String> {
        let (base, written) = self.http_base(call.number, call.machine?, scope)?;
        let property = call.property("command");
        let target = start.target.as_str();
        let is_whole = ["http://", "https://"].iter().any(|scheme| target.starts_with(scheme));
        let path = match (is_whole, &written) {
            (false, _) => target,
            (true, Some(base)) if continues(target, base) => target.get(base.len()..).unwrap_or_default(),
            (true, _) => {
                let message =
                    "is for another machine than the address of the target says; one of them is enough";
                self.found(Rule::UrlConflict, call.number, &property, message);
                return None;
            }
        };
        // The check of the file has told of one that is not there.
        let slash = if path.starts_with(['/', '?']) || path.is_empty() { "" } else { "/" };
        let parts = self.parts((call.number, &property), path, scope);
        let literal: String = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Variable(..) => "x",
            })
            .collect();
        if !is_path(&literal) {
            let message = "has a target that is no path: blanks, `\\`, `#`, letters beyond ASCII, `.` and `..` as a part, and `%` without two \
                           digits are none; `%23` is a `#`, and `%C3%A9` an `é`";
            self.found(Rule::HttpTarget, call.number, &property, message);
            return None;
        }
        let path = self.text((call.number, &property), path, scope, Form::Url);
        Some(format!("{base}{slash}{path}"))
    }

    /// The headers of a request, the values of each joined.
    fn headers(&mut self, call: Call<'p>, http: &HttpCommand, scope: &Scope) -> Fields {
        let mut headers = Fields::new();
        let mut seen = std::collections::BTreeSet::new();
        for (name, values) in &http.headers {
            let property = format!("{}[{name:?}]", call.property("headers"));
            let wrong = match name.to_ascii_lowercase().as_str() {
                lower if RESERVED.contains(&lower) => Some("is a header that Updraft sets itself"),
                lower if !is_token(lower) => Some("is no name of a header"),
                lower if !seen.insert(lower.to_owned()) => {
                    Some("is there twice, in capital and in small letters")
                }
                _ => None,
            };
            let joined = values.iter().map(|value| value.trim()).collect::<Vec<_>>().join(", ");
            let wrong = wrong.or_else(|| {
                joined
                    .chars()
                    .any(char::is_control)
                    .then_some("has a line break or another control character; it is one line")
            });
            if let Some(wrong) = wrong {
                self.found(Rule::HttpHeader, call.number, &property, wrong);
                continue;
            }
            let text = self.text((call.number, &property), &joined, scope, Form::Printed);
            headers.insert(name.clone(), Value::from(text));
        }
        headers
    }
}

/// Whether a URL begins with a base, and goes on with a path or a query.
fn continues(url: &str, base: &str) -> bool {
    is_base(base)
        && url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether the author's part of a path and query is one.
fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let escape = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let escaped = bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || escape(at));
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let dots = path.split('/').any(|part| {
        let part = part.split(';').next().unwrap_or_default();
        part == "." || part == ".."
    });
    // What follows a `#` is not sent.
    escaped && !dots && !text.contains(['\\', '#']) && text.chars().all(|c| c.is_ascii_graphic())
}

fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}
