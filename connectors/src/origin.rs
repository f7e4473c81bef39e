//! Origins: scheme, host and port. Owns which a connector may reach, and that what an answer leads to stays at that of its request.

use updraft_protocol::{Failure, FailureKind};
use url::{Origin, Url};

/// The origin of a URL of HTTP; `None` for anything else.
pub(crate) fn of(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    (url.has_host() && url.username().is_empty() && url.password().is_none()).then(|| url.origin())
}

/// The URL of a page that an answer names, resolved against that of its request.
///
/// # Errors
/// It is no URL, or leads to another origin: an answer never says where to connect to.
pub(crate) fn next(link: &str, first: &str) -> Result<String, Failure> {
    let invalid = |message: &str| Failure::new(FailureKind::InvalidResponse, message);
    let base = Url::parse(first).map_err(|_| invalid("the URL of the first page is none"))?;
    let next = base.join(link).map_err(|_| invalid("the link to the next page is no URL"))?;
    if !next.username().is_empty() || next.password().is_some() || next.origin() != base.origin() {
        let message = "the link to the next page leads to another origin than the first request";
        return Err(Failure::new(FailureKind::Forbidden, message).with_retryable(false));
    }
    Ok(next.into())
}

/// The link of this relation in a header `Link` (RFC 8288), if there is one.
pub(crate) fn linked(header: &str, relation: &str) -> Option<String> {
    let mut rest = header;
    loop {
        let begin = rest.find('<')? + 1;
        let end = begin + rest.get(begin..)?.find('>')?;
        let target = rest.get(begin..end)?;
        rest = rest.get(end + 1..)?;
        // The parameters end where the next link begins.
        let parameters = rest.get(..rest.find(",<").or_else(|| rest.find(", <")).unwrap_or(rest.len()))?;
        let is_relation =
            parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
                let value = value.trim().trim_end_matches(',').trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && value.split(' ').any(|word| word.eq_ignore_ascii_case(relation))
            });
        if is_relation {
            return Some(target.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_stays_at_the_origin_of_the_first() {
        let first = "https://api.example/v1/alerts?top=5";
        for (link, gives) in [
            ("?page=2", "https://api.example/v1/alerts?page=2"),
            ("/v1/more?a=b", "https://api.example/v1/more?a=b"),
            ("https://api.example:443/x", "https://api.example/x"),
        ] {
            assert_eq!(next(link, first).unwrap(), gives);
        }
        for link in [
            "http://api.example/x",
            "https://api.example:8443/x",
            "//evil.example/x",
            "https://api.example@evil.example/",
            "https://u:p@api.example/",
            "https://api.example.evil.example/",
            "file:///etc/passwd",
            "https:\\\\evil.example/",
        ] {
            assert_eq!(next(link, first).unwrap_err().kind, FailureKind::Forbidden, "{link}");
        }
        assert_eq!(next("https://[", first).unwrap_err().kind, FailureKind::InvalidResponse);
    }

    #[test]
    fn the_link_of_a_relation_is_found() {
        let header = r#"<https://a.example/1>; rel="prev", <https://a.example/3?x=1,2>; title="a; b"; rel="next last""#;
        assert_eq!(linked(header, "next").as_deref(), Some("https://a.example/3?x=1,2"));
        assert_eq!(linked("</p?2>; rel=next", "next").as_deref(), Some("/p?2"));
        assert_eq!(linked("</p?2>; rel=prev", "next"), None);
        for broken in ["", "<", "<a", "next", "<a>", "<a>; rel", "<a>; rel=\"prev\",", "ä<ö>ü"] {
            assert_eq!(linked(broken, "next"), None, "{broken}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(of("https://a.example/x"), of("https://a.example:443"));
        assert_ne!(of("https://a.example"), of("http://a.example"));
        for text in ["ftp://a", "https://u@a", "a.example", ""] {
            assert!(of(text).is_none(), "{text}");
        }
    }
}
