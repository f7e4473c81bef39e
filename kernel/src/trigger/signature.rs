//! Signatures of webhooks: whether a request was made by who has the secret, and not long ago. Secrets come as arguments, and are
//! compared in constant time. Reads no clock.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use updraft_protocol::limits::WEBHOOK_SIGNATURES;
use updraft_protocol::{SignatureScheme, Timestamp, WebhookSignature};

use super::WebhookRequest;

/// The header of a plain signature, where the trigger names none.
const PLAIN_HEADER: &str = "x-signature";

/// What was signed, and by which values.
struct Claim<'r> {
    /// What stands before the body in what was signed.
    prefix: String,
    signatures: Vec<&'r str>,
    /// When it was signed, in seconds since the epoch.
    at: Option<u64>,
}

/// The signature of a request that was made with this secret, not longer ago than its trigger allows; `None` for any other request,
/// without words about why: they would help who guesses.
pub(super) fn verified<'r>(
    signature: &WebhookSignature,
    secret: &str,
    request: &'r WebhookRequest,
    now: Timestamp,
) -> Option<&'r str> {
    let claim = claim(signature, request)?;
    if let Some(at) = claim.at {
        let tolerance = signature.tolerance.0.as_secs();
        if (now.0 / 1_000).abs_diff(at) > tolerance {
            return None;
        }
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(claim.prefix.as_bytes());
    mac.update(&request.body);
    // Each is compared whole, in constant time.
    let is_signed = |text: &&str| bytes(text).is_some_and(|given| mac.clone().verify_slice(&given).is_ok());
    claim.signatures.into_iter().take(WEBHOOK_SIGNATURES).find(is_signed)
}

fn claim<'r>(signature: &WebhookSignature, request: &'r WebhookRequest) -> Option<Claim<'r>> {
    match signature.scheme {
        SignatureScheme::Github => {
            let given = request.single("x-hub-signature-256")?.strip_prefix("sha256=")?;
            Some(Claim { prefix: String::new(), signatures: vec![given], at: None })
        }
        SignatureScheme::Slack => {
            let at = request.single("x-slack-request-timestamp")?;
            let given = request.single("x-slack-signature")?.strip_prefix("v0=")?;
            Some(Claim { prefix: format!("v0:{at}:"), signatures: vec![given], at: Some(seconds(at)?) })
        }
        SignatureScheme::Stripe => {
            let (mut at, mut signatures) = (None, Vec::new());
            for part in request.single("stripe-signature")?.split(',') {
                match part.trim().split_once('=') {
                    Some(("t", _)) if at.is_some() => return None,
                    Some(("t", text)) => at = Some(text),
                    Some(("v1", given)) => signatures.push(given),
                    _ => {}
                }
            }
            let at = at?;
            Some(Claim { prefix: format!("{at}."), signatures, at: Some(seconds(at)?) })
        }
        SignatureScheme::Plain => {
            let header = signature.header.as_deref().unwrap_or(PLAIN_HEADER).to_ascii_lowercase();
            let given = request.single(&header)?;
            let given = given.strip_prefix("sha256=").unwrap_or(given);
            Some(Claim { prefix: String::new(), signatures: vec![given], at: None })
        }
    }
}

/// Seconds, written in digits alone: what is signed and what is compared is the same text.
fn seconds(text: &str) -> Option<u64> {
    Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// The bytes of a hexadecimal digest.
fn bytes(text: &str) -> Option<Vec<u8>> {
    const DIGITS: usize = 64;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    Some(text).filter(|text| text.len() == DIGITS)?.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use updraft_protocol::{Name, Span};

    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn of(scheme: SignatureScheme) -> WebhookSignature {
        WebhookSignature { scheme, secret: Name::new("s").unwrap(), tolerance: Span::secs(300), header: None }
    }

    fn request(headers: &[(&str, &str)], body: &str) -> WebhookRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WebhookRequest { headers, body: body.as_bytes().into() }
    }

    fn signed(prefix: &str, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{prefix}{body}").as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_example_of_github_is_signed() {
        // From GitHub's documentation of validating deliveries.
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let given = format!("sha256={digest}");
        let whole = request(&[("x-hub-signature-256", &given)], "Hello, World!");
        assert_eq!(verified(&of(SignatureScheme::Github), SECRET, &whole, NOW), Some(digest));
        let other = request(&[("x-hub-signature-256", &given)], "Hello, World?");
        assert_eq!(verified(&of(SignatureScheme::Github), SECRET, &other, NOW), None);
        assert_eq!(verified(&of(SignatureScheme::Github), "another", &whole, NOW), None);
        let twice =
            request(&[("x-hub-signature-256", &given), ("x-hub-signature-256", &given)], "Hello, World!");
        assert_eq!(verified(&of(SignatureScheme::Github), SECRET, &twice, NOW), None, "which of the two?");
    }

    #[test]
    fn the_example_of_slack_is_signed_within_its_time_alone() {
        // From Slack's documentation of verifying requests.
        let secret = "8f742231b10e8888abcd99yyyzzz85a5";
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let digest = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let given = format!("v0={digest}");
        let whole =
            request(&[("x-slack-request-timestamp", "1531420618"), ("x-slack-signature", &given)], body);
        for (seconds, expected) in [
            (1_531_420_618, Some(digest)),
            (1_531_420_918, Some(digest)),
            (1_531_420_919, None),
            (1_531_420_317, None),
        ] {
            let found = verified(&of(SignatureScheme::Slack), secret, &whole, Timestamp(seconds * 1_000));
            assert_eq!(found, expected, "{seconds}");
        }
    }

    #[test]
    fn stripe_signs_with_a_time_and_may_give_signatures_of_two_secrets() {
        let (at, body) = (NOW.0 / 1_000, r#"{"id":"evt_1"}"#);
        let good = signed(&format!("{at}."), body);
        let other = "0".repeat(64);
        for (header, is_signed) in [
            (format!("t={at},v1={good}"), true),
            (format!("t={at}, v0=x, v1={other}, v1={good}"), true),
            (format!("t={at},v1={other}"), false),
            (format!("t={},v1={good}", at + 1), false),
            (format!("t={at},t={at},v1={good}"), false),
            (format!("v1={good}"), false),
            (format!("t=+{at},v1={good}"), false),
            (format!("t={at},v1={}", &good[..63]), false),
        ] {
            let whole = request(&[("stripe-signature", &header)], body);
            assert_eq!(
                verified(&of(SignatureScheme::Stripe), SECRET, &whole, NOW).is_some(),
                is_signed,
                "{header}"
            );
        }
    }

    #[test]
    fn a_plain_signature_stands_in_the_header_that_the_trigger_names() {
        let digest = signed("", "{}");
        let named = WebhookSignature { header: Some("X-Sig".into()), ..of(SignatureScheme::Plain) };
        assert!(verified(&named, SECRET, &request(&[("x-sig", &digest)], "{}"), NOW).is_some());
        assert!(verified(&named, SECRET, &request(&[("x-signature", &digest)], "{}"), NOW).is_none());
        let plain = of(SignatureScheme::Plain);
        let prefixed = format!("sha256={}", digest.to_uppercase());
        assert!(verified(&plain, SECRET, &request(&[("x-signature", &prefixed)], "{}"), NOW).is_some());
        assert!(verified(&plain, SECRET, &request(&[], "{}"), NOW).is_none());
    }
}
