//! Attributes of HTML: what a value in one is read as. Knows those that name a place to connect to, and those that are code.

/// Attributes whose value is a URL.
const URLS: [&str; 13] = [
    "action",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "longdesc",
    "manifest",
    "poster",
    "src",
    "usemap",
];
/// Attributes that are code, a document, or several URLs; and all that begin with `on`.
const CODE: [&str; 6] = ["content", "imagesrcset", "ping", "srcdoc", "srcset", "style"];

const NO_CODE: &str =
    "no value stands in an attribute that is code, as `style` and `onclick` are, or has several URLs";
const NO_URL: &str = "a URL is written up to its path, as in `href=\"https://siem.corp.example/alerts/{{ … }}\"`: no value says where it leads";

/// What a value in an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    /// Text.
    Text,
    /// A part of a URL behind its host.
    Url,
}

/// The value of an attribute that the author has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begun {
    Text,
    Code,
    /// A URL, with what has come of it until its path begins.
    Url(String),
    /// A URL whose path has begun.
    Path,
}

impl Begun {
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit(':').next().unwrap_or(name);
        if CODE.contains(&name) || name.starts_with("on") {
            Self::Code
        } else if URLS.contains(&name) {
            Self::Url(String::new())
        } else {
            Self::Text
        }
    }

    pub(super) fn after(self, c: char) -> Self {
        /// No host is longer, with its scheme.
        const BYTES: usize = 512;
        match self {
            Self::Url(mut written) if written.len() < BYTES => {
                written.push(c.to_ascii_lowercase());
                if leads(&written) { Self::Path } else { Self::Url(written) }
            }
            other => other,
        }
    }

    /// What a value is that comes now.
    ///
    /// # Errors
    /// No value may stand here.
    pub(super) fn value(&self) -> Result<Attribute, &'static str> {
        match self {
            Self::Text => Ok(Attribute::Text),
            Self::Path => Ok(Attribute::Url),
            Self::Code => Err(NO_CODE),
            Self::Url(_) => Err(NO_URL),
        }
    }
}

/// Whether a URL has come to its path or query, by one that connects to a host that its author wrote; or to the address of a mail.
fn leads(written: &str) -> bool {
    let host = ["http://", "https://"].into_iter().find_map(|scheme| written.strip_prefix(scheme));
    let host = host.and_then(|rest| rest.strip_suffix(['/', '?', '#']));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['&', '\\'])) || written == "mailto:"
}
