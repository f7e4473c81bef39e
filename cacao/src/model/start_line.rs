//! The first line of a request: method, target, version. Owns its parts; does not look into the target.

use thiserror::Error;

/// The versions of HTTP that are written as the standard has them.
const VERSIONS: [&str; 5] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3"];

/// The first line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartLine {
    /// The method, in capital letters.
    pub method: String,
    /// A path with a query, or a whole URL.
    pub target: String,
    /// The version as it is written, if one is.
    pub version: Option<String>,
}

/// Why a text is no first line of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAStartLine {
    /// There is no target.
    #[error("needs a method, a target and a version, such as `GET /hosts HTTP/1.1`")]
    Target,
    /// The method is no word.
    #[error("begins with no method: `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD` or another word")]
    Method,
    /// A line break, or another control character.
    #[error("has a line break or another control character; it is one line")]
    Lines,
    /// More than three parts.
    #[error("has more than a method, a target and a version; a blank in the target is written `%20`")]
    Parts,
}

impl NotAStartLine {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl StartLine {
    /// The parts of a line. A version is the last part that begins with `HTTP`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotAStartLine> {
        let text = text.trim_matches(' ');
        if text.chars().any(char::is_control) {
            return Err(NotAStartLine::Lines);
        }
        let mut parts: Vec<&str> = text.split(' ').filter(|part| !part.is_empty()).collect();
        let is_version = |part: &&str| part.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("http"));
        let version = match parts.last() {
            Some(last) if parts.len() > 2 && is_version(last) => parts.pop(),
            _ => None,
        };
        match parts[..] {
            [] | [_] => Err(NotAStartLine::Target),
            [method, target] if method.bytes().all(|byte| byte.is_ascii_alphabetic()) => Ok(Self {
                method: method.to_ascii_uppercase(),
                target: target.to_owned(),
                version: version.map(str::to_owned),
            }),
            [_, _] => Err(NotAStartLine::Method),
            _ => Err(NotAStartLine::Parts),
        }
    }

    /// Whether its version is written as HTTP has it.
    pub fn has_version(&self) -> bool {
        self.version.as_deref().is_some_and(|version| VERSIONS.contains(&version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_parts() {
        for (text, method, target, version) in [
            ("GET /a?b=1 HTTP/1.1", "GET", "/a?b=1", Some("HTTP/1.1")),
            ("post get HTTP1.1", "POST", "get", Some("HTTP1.1")),
            (" DELETE  /a ", "DELETE", "/a", None),
            ("GET http://a/b", "GET", "http://a/b", None),
            ("GET /__x__:value HTTP/2", "GET", "/__x__:value", Some("HTTP/2")),
        ] {
            let line = StartLine::parse(text).unwrap();
            assert_eq!(
                (line.method.as_str(), line.target.as_str(), line.version.as_deref()),
                (method, target, version)
            );
        }
        assert!(StartLine::parse("GET /a HTTP/1.1").unwrap().has_version());
        assert!(!StartLine::parse("GET /a HTTP1.1").unwrap().has_version());
        assert!(!StartLine::parse("GET /a").unwrap().has_version());
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for (text, why) in [
            ("", NotAStartLine::Target),
            ("GET", NotAStartLine::Target),
            ("/a HTTP/1.1", NotAStartLine::Method),
            ("GET /a b HTTP/1.1", NotAStartLine::Parts),
            ("GET /a HTTP/1.1\r\nX: y", NotAStartLine::Lines),
        ] {
            assert_eq!(StartLine::parse(text), Err(why), "{text}");
        }
    }
}
