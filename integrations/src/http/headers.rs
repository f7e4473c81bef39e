//! The headers of an answer in a step's output: those that the step names, and those about where and when to continue.
//! Never `Set-Cookie` unless it is named, and bounded in size.

use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use updraft_masking::Masker;
use updraft_protocol::limits::HTTP_KEPT_HEADERS_BYTES;

/// Kept without being named.
const ALWAYS: [&str; 3] = ["link", "location", "retry-after"];
/// The prefixes of headers about rate limits; the last is that of the IETF's draft.
const RATE_LIMITS: [&str; 3] = ["x-ratelimit", "x-rate-limit", "ratelimit"];

/// The headers that are kept, by their names in lower case.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Kept {
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether some were left out because of their size.
    pub(crate) cut: bool,
}

/// Keeps the headers that the step names first, so that the others take no space from them.
pub(crate) fn keep(all: &HeaderMap, named: &[HeaderName], masker: &Masker) -> Kept {
    let mut kept = Kept::default();
    let unnamed = all.keys().filter(|name| is_kept(name.as_str()) && !named.contains(name));
    let mut bytes = 0;
    for name in named.iter().chain(unnamed) {
        if !all.contains_key(name) || kept.headers.contains_key(name.as_str()) {
            continue;
        }
        let values: Vec<String> = all.get_all(name).iter().map(text).collect();
        let value = masker.text(values.join(", "));
        let more = name.as_str().len() + value.len();
        if bytes + more > HTTP_KEPT_HEADERS_BYTES {
            kept.cut = true;
            continue;
        }
        bytes += more;
        kept.headers.insert(masker.text(name.as_str().to_owned()), value);
    }
    kept
}

fn is_kept(name: &str) -> bool {
    ALWAYS.contains(&name) || RATE_LIMITS.iter().any(|prefix| name.starts_with(prefix))
}

/// UTF-8, or else latin-1, which fits any bytes.
pub(crate) fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &[u8])]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        list.iter().map(entry).for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn headers_that_lead_on_and_those_that_are_named_are_kept() {
        let all = headers(&[
            ("location", b"/jobs/1"),
            ("link", b"</a>; rel=next"),
            ("link", b"</b>; rel=prev"),
            ("retry-after", b"7"),
            ("ratelimit", b"\"a\";r=1"),
            ("ratelimit-policy", b"x"),
            ("x-ratelimit-remaining", b"3"),
            ("x-rate-limit-reset", b"4"),
            ("etag", b"\"v1\""),
            ("x-name", b"gr\xfcn"),
            ("x-utf", "grün".as_bytes()),
            ("server", b"nginx"),
            ("set-cookie", b"a=b"),
        ]);
        let named = ["etag", "x-name", "x-utf", "x-missing"].map(HeaderName::from_static);
        let kept = keep(&all, &named, &Masker::new());
        let expected = [
            ("etag", "\"v1\""),
            ("link", "</a>; rel=next, </b>; rel=prev"),
            ("location", "/jobs/1"),
            ("ratelimit", "\"a\";r=1"),
            ("ratelimit-policy", "x"),
            ("retry-after", "7"),
            ("x-name", "grün"),
            ("x-rate-limit-reset", "4"),
            ("x-ratelimit-remaining", "3"),
            ("x-utf", "grün"),
        ];
        let kept_headers: Vec<_> =
            kept.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(kept_headers, expected);
        assert!(!kept.cut);
        let cookie = keep(&all, &[HeaderName::from_static("set-cookie")], &Masker::new());
        assert_eq!(cookie.headers["set-cookie"], "a=b");
    }

    #[test]
    fn what_is_named_takes_its_room_first_and_the_rest_is_left_out() {
        let long = vec![b'x'; HTTP_KEPT_HEADERS_BYTES];
        let all = headers(&[("link", &long), ("etag", b"1"), ("location", b"/7"), ("retry-after", b"5")]);
        let kept = keep(&all, &[HeaderName::from_static("etag")], &Masker::new());
        assert_eq!(kept.headers.keys().collect::<Vec<_>>(), ["etag", "location", "retry-after"]);
        assert!(kept.cut);
    }

    #[test]
    fn a_secret_is_not_kept() {
        let mut masker = Masker::new();
        masker.add("hunter2");
        let kept = keep(&headers(&[("location", b"/?token=hunter2&a=1")]), &[], &masker);
        assert_eq!(kept.headers["location"], "/?token=***&a=1");
    }
}
