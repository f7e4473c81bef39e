//! The destinations of redirects, and the parts of the request that are sent there.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, HeaderName};

use super::*;

const HERE: &str = "https://tool.example/jobs?page=2";
const HEADERS: [&str; 7] =
    ["accept", "authorization", "content-type", "cookie", "idempotency-key", "proxy-x", "x-api-key"];

fn outgoing(method: Method) -> Outgoing {
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
    }
    Outgoing { method, url: HERE.parse().unwrap(), headers, body: Bytes::from_static(b"{}").into() }
}

fn hops(allowed: u8, elsewhere: bool) -> Hops {
    Hops::new(allowed, Carried { headers: vec![HeaderName::from_static("x-api-key")], elsewhere })
}

fn follow(hops: &mut Hops, status: u16, location: &str, outgoing: &mut Outgoing) -> Result<bool, Refused> {
    let mut masker = Masker::new();
    masker.add("hunter2");
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
    hops.follow(StatusCode::from_u16(status).unwrap(), &headers, outgoing, &masker)
}

#[test]
fn method_and_body_go_on_as_the_status_says() {
    for (status, method, expected, body) in [
        (301, Method::POST, Method::GET, false),
        (302, Method::POST, Method::GET, false),
        (303, Method::POST, Method::GET, false),
        (307, Method::POST, Method::POST, true),
        (308, Method::POST, Method::POST, true),
        (301, Method::PUT, Method::PUT, true),
        (302, Method::DELETE, Method::DELETE, true),
        (303, Method::DELETE, Method::GET, false),
        (303, Method::HEAD, Method::HEAD, false),
    ] {
        let mut out = outgoing(method);
        assert_eq!(follow(&mut hops(1, false), status, "/other", &mut out), Ok(true));
        assert_eq!((out.method, !out.body.is_empty()), (expected, body), "{status}");
        assert_eq!(out.headers.contains_key(CONTENT_TYPE), body, "{status}");
        assert_eq!(out.url.as_str(), "https://tool.example/other");
        assert!(out.headers.contains_key(AUTHORIZATION), "the same origin");
    }
}

#[test]
fn another_origin_gets_no_credentials_and_does_not_give_them_back() {
    for location in [
        "https://other.example/",
        "https://tool.example:8443/",
        "https://a.tool.example/",
        "//other.example/x",
    ] {
        let (mut hops, mut out) = (hops(3, false), outgoing(Method::POST));
        assert_eq!(follow(&mut hops, 307, location, &mut out), Ok(true), "{location}");
        let left: Vec<_> = out.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept", "content-type"], "{location}");
        assert_eq!(follow(&mut hops, 307, "https://tool.example/back", &mut out), Ok(true));
        assert_eq!(out.headers.len(), 2);
        assert!(out.headers.contains_key(ACCEPT));
    }
}

#[test]
fn a_secret_outside_of_the_headers_stays_at_its_origin() {
    let refused = |status, location: &str, method| {
        let mut out = outgoing(method);
        let answer = follow(&mut hops(1, true), status, location, &mut out);
        answer.is_err_and(|refused| {
            assert_eq!(refused.kind, FailureKind::Forbidden);
            assert!(refused.message.contains("other.example:443") && !refused.message.contains("page"));
            assert_eq!(out.url.as_str(), HERE, "nothing was changed");
            true
        })
    };
    let other = "https://other.example/";
    assert!(refused(307, other, Method::POST));
    assert!(refused(308, other, Method::POST));
    assert!(refused(302, other, Method::PUT), "keeps its body");
    assert!(!refused(302, other, Method::POST), "the body is left behind");
    assert!(refused(303, "https://other.example/?page=2", Method::POST), "the query goes along");
    assert!(refused(303, "https://other.example/?t=hunter2", Method::POST));
    assert!(refused(303, "https://other.example/hunter%32", Method::POST), "in another spelling");
    assert!(!refused(307, "https://tool.example/?page=2", Method::POST), "the same origin");
    // A server returned it after it was sent in a header.
    let mut out = outgoing(Method::GET);
    assert!(follow(&mut hops(1, false), 302, "https://other.example/?t=hunter2", &mut out).is_err());
}

#[test]
fn a_redirect_that_leads_nowhere_is_refused() {
    let refused = |location: &str| follow(&mut hops(1, false), 302, location, &mut outgoing(Method::GET));
    for (location, kind) in [
        ("http://tool.example/", FailureKind::Forbidden),
        ("ftp://tool.example/", FailureKind::Forbidden),
        ("file:///etc/passwd", FailureKind::InvalidResponse),
        ("data:text/plain,x", FailureKind::InvalidResponse),
        ("https://user:pass@tool.example/", FailureKind::Forbidden),
        ("https://[::1/", FailureKind::InvalidResponse),
        (&format!("/{}", "x".repeat(HTTP_URL_BYTES)), FailureKind::InvalidResponse),
    ] {
        assert_eq!(refused(location).unwrap_err().kind, kind, "{location}");
    }
    let mut out = outgoing(Method::GET);
    out.url = "http://tool.example/".parse().unwrap();
    assert_eq!(follow(&mut hops(1, false), 302, "https://tool.example/", &mut out), Ok(true));
}

#[test]
fn circles_and_too_many_hops_end() {
    let (mut hops, mut out) = (hops(3, false), outgoing(Method::GET));
    assert_eq!(follow(&mut hops, 302, "/a", &mut out), Ok(true));
    assert_eq!(follow(&mut hops, 302, "/b", &mut out), Ok(true));
    let circle = follow(&mut hops, 302, "/a#other", &mut out).unwrap_err();
    assert!(circle.message.contains("circle"), "{circle:?}");

    let (mut hops, mut out) = (super::tests::hops(2, false), outgoing(Method::GET));
    assert_eq!(follow(&mut hops, 302, "/a", &mut out), Ok(true));
    assert_eq!(follow(&mut hops, 302, "/b", &mut out), Ok(true));
    let many = follow(&mut hops, 302, "/c", &mut out).unwrap_err();
    assert!(many.message.contains("more than 2 times"), "{many:?}");
}

#[test]
fn what_is_no_redirect_is_the_answer() {
    for status in [200, 300, 304, 305, 306, 404] {
        let mut out = outgoing(Method::GET);
        assert_eq!(follow(&mut hops(1, false), status, "/a", &mut out), Ok(false), "{status}");
    }
    assert_eq!(follow(&mut hops(0, false), 302, "/a", &mut outgoing(Method::GET)), Ok(false));
    let answer = hops(1, false).follow(
        StatusCode::FOUND,
        &HeaderMap::new(),
        &mut outgoing(Method::GET),
        &Masker::new(),
    );
    assert_eq!(answer, Ok(false), "it says no place");
}
