//! Webhooks: what of a request an event has, and under which key it is submitted. Knows no HTTP server, and no secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use updraft_protocol::limits::{WEBHOOK_EVENT_HEADERS, WEBHOOK_KEY_BYTES, WEBHOOK_TOLERANCE};
use updraft_protocol::{Json, Name, SignatureScheme, Timestamp, Value, Webhook, WebhookBody};

use crate::mistake::Mistake;

/// A request to a webhook: its headers, by names in small letters, in the order in which they came, and its body.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Arc<[u8]>,
}

impl WebhookRequest {
    /// A header that is there once: of two that contradict each other, one could be signed and the other be read.
    pub fn single(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// Adds what makes no sense in a webhook.
pub(super) fn check(webhook: &Webhook, mistakes: &mut Vec<Mistake>) {
    let mut add =
        |place: &str, message: &str| mistakes.push(Mistake::new(format!("on.webhook.{place}"), message));
    if webhook.signature.header.is_some() && webhook.signature.scheme != SignatureScheme::Plain {
        add("signature.header", "only a `plain` signature has a header of its own");
    }
    let tolerance = webhook.signature.tolerance.0;
    if tolerance.is_zero() || tolerance > WEBHOOK_TOLERANCE {
        add("signature.tolerance", "1 s to 1 h are allowed");
    }
    if webhook.headers.len() > WEBHOOK_EVENT_HEADERS {
        add("headers", &format!("at most {WEBHOOK_EVENT_HEADERS} headers"));
    }
    let named = webhook.signature.header.iter().map(|name| ("signature.header".to_owned(), name));
    let named =
        named.chain(webhook.idempotency_header.iter().map(|name| ("idempotency_header".to_owned(), name)));
    let of_event = webhook.headers.iter().enumerate().map(|(at, name)| (format!("headers[{at}]"), name));
    for (place, name) in named.chain(of_event) {
        if !is_header(name) {
            add(&place, "a header's name has letters, digits, `-` and `_`, at most 64");
        } else if SECRET_HEADERS.contains(&&*name.to_ascii_lowercase()) {
            add(&place, "this header has a secret, which an event has not");
        }
    }
}

/// Headers that show who makes a request.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

fn is_header(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// The event of a request; `None` if its body is none of the kind that the trigger takes.
pub(super) fn event(
    trigger: &Name,
    webhook: &Webhook,
    request: &WebhookRequest,
    at: Timestamp,
) -> Option<Json> {
    let body = body(webhook.body, &request.body)?;
    let headers = webhook.headers.iter().map(|name| {
        let name = name.to_ascii_lowercase();
        let value = request.single(&name).map_or(Value::Null, |value| Value::String(value.to_owned()));
        (name, value)
    });
    let text = |text: &str| Value::String(text.to_owned());
    let fields = [
        ("kind", text("webhook")),
        ("trigger", text(trigger.as_str())),
        ("at", text(&at.to_string())),
        ("headers", Value::Object(headers.collect())),
        ("body", body),
    ];
    let fields: BTreeMap<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(Json::from(&Value::Object(fields)))
}

fn body(kind: WebhookBody, bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    match kind {
        WebhookBody::Json => Value::parse(text).ok(),
        WebhookBody::Form => {
            let pairs = url::form_urlencoded::parse(text.as_bytes());
            // Of a field that comes twice the first counts.
            let mut fields = BTreeMap::new();
            for (name, value) in pairs {
                fields.entry(name.into_owned()).or_insert_with(|| Value::String(value.into_owned()));
            }
            Some(Value::Object(fields))
        }
    }
}

/// The key of a request: the header that its trigger names, else the id that GitHub gives to a delivery, else the signature.
pub(super) fn key(
    trigger: &Name,
    webhook: &Webhook,
    request: &WebhookRequest,
    signature: &str,
) -> Option<String> {
    let of_header = |name: &str| request.single(name).filter(|value| !value.is_empty());
    // Digits in other letters are the same signature.
    let signature = &*signature.to_ascii_lowercase();
    let (what, value) = match (&webhook.idempotency_header, webhook.signature.scheme) {
        (Some(header), _) => ("key", of_header(&header.to_ascii_lowercase())?),
        (None, SignatureScheme::Github) => match of_header("x-github-delivery") {
            Some(delivery) => ("delivery", delivery),
            None => ("signature", signature),
        },
        (None, _) => ("signature", signature),
    };
    if value.len() > WEBHOOK_KEY_BYTES {
        return None;
    }
    // A digest: what a sender writes is no part of a key that people read.
    let digest = Sha256::digest(value.as_bytes());
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("trigger/{trigger}/{what}/{digest}"))
}

#[cfg(test)]
mod tests {
    use updraft_protocol::Trigger;

    use super::*;
    use crate::trigger::PlannedTrigger;

    fn webhook(said: &str) -> Webhook {
        let file = format!("{{trigger: t, version: 1, playbook: p, on: {{webhook: {said}}}}}");
        let planned = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap();
        planned.webhook().unwrap().clone()
    }

    fn request(headers: &[(&str, &str)], body: &[u8]) -> WebhookRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WebhookRequest { headers, body: body.into() }
    }

    fn name() -> Name {
        Name::new("t").unwrap()
    }

    #[test]
    fn an_event_has_the_body_with_all_digits_and_the_headers_that_are_named() {
        let json = webhook("{signature: {scheme: github, secret: s}, headers: [X-Event, X-Other]}");
        let came = request(
            &[("x-event", "push"), ("x-secret", "no")],
            br#"{"n": 1.10, "d": 12345678901234567890123}"#,
        );
        let event = event(&name(), &json, &came, Timestamp(0)).unwrap();
        let expected = r#"{"at":"1970-01-01T00:00:00.000Z","body":{"d":12345678901234567890123,"n":1.1},"headers":{"x-event":"push","x-other":null},"kind":"webhook","trigger":"t"}"#;
        assert_eq!(event.as_str(), expected);
        let form = webhook("{signature: {scheme: slack, secret: s}, body: form}");
        let came = request(&[], b"a=1%202&a=3&b=");
        let event = super::event(&name(), &form, &came, Timestamp(0)).unwrap();
        assert!(event.as_str().contains(r#""body":{"a":"1 2","b":""}"#), "{}", event.as_str());
        for bytes in [&b"{"[..], b"\xff", b""] {
            assert_eq!(super::event(&name(), &json, &request(&[], bytes), Timestamp(0)), None);
        }
    }

    #[test]
    fn a_key_is_of_the_named_header_else_of_the_delivery_else_of_the_signature() {
        let by = |said: &str, headers: &[(&str, &str)], signature: &str| {
            key(&name(), &webhook(said), &request(headers, b""), signature)
        };
        let of = |said: &str, headers: &[(&str, &str)]| by(said, headers, "5ab1");
        let github = "{signature: {scheme: github, secret: s}}";
        let delivery = of(github, &[("x-github-delivery", "d")]).unwrap();
        assert!(delivery.starts_with("trigger/t/delivery/") && delivery.len() == 51, "{delivery}");
        assert!(of(github, &[]).unwrap().starts_with("trigger/t/signature/"));
        assert_ne!(of(github, &[("x-github-delivery", "e")]), Some(delivery));
        let named = "{signature: {scheme: plain, secret: s}, idempotency_header: X-Id}";
        assert!(of(named, &[("x-id", "7")]).unwrap().starts_with("trigger/t/key/"));
        for scheme in ["github", "slack", "stripe", "plain"] {
            let said = format!("{{signature: {{scheme: {scheme}, secret: s}}}}");
            let digits = ["5ab1", "5AB1", "5aB1"].map(|signature| by(&said, &[], signature).unwrap());
            assert!(digits.iter().all(|key| *key == digits[0]), "{scheme}: {digits:?}");
            assert_ne!(by(&said, &[], "5ab2").unwrap(), digits[0]);
        }
        let long = "x".repeat(WEBHOOK_KEY_BYTES + 1);
        for headers in
            [vec![], vec![("x-id", "")], vec![("x-id", "1"), ("x-id", "2")], vec![("x-id", &*long)]]
        {
            assert_eq!(of(named, &headers), None, "{headers:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        let file = "
trigger: t
version: 1
playbook: p
on: {webhook: {signature: {scheme: slack, secret: s, tolerance: 2h, header: X-A}, headers: [Authorization, 'a b'], idempotency_header: ''}}
";
        let mistakes = PlannedTrigger::checked(Trigger::parse(file.as_bytes()).unwrap()).unwrap_err();
        let places: Vec<&str> = mistakes.iter().map(|mistake| &*mistake.path).collect();
        let expected = [
            "on.webhook.signature.header",
            "on.webhook.signature.tolerance",
            "on.webhook.idempotency_header",
            "on.webhook.headers[0]",
            "on.webhook.headers[1]",
        ];
        assert_eq!(places, expected, "{mistakes:#?}");
    }
}
