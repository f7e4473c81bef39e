//! The authentication of a request: Basic, a bearer token, OAuth 2. From the argument `auth` to checked values; fetches
//! nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use updraft_protocol::limits::HTTP_URL_BYTES;
use updraft_protocol::{Argument, Failure, Value};
use url::Url;

use super::fields::{Fields, header_value, mistake, pairs, scalar};

/// The methods of `auth`, of which one is given.
pub(super) const KNOWN: [(&str, Argument); 3] = [
    ("basic", Argument::Map(&[("user", Argument::Text), ("password", Argument::Text)])),
    ("bearer", Argument::Secret),
    ("oauth2", Argument::Map(&OAUTH2)),
];

const OAUTH2: [(&str, Argument); 8] = [
    ("token_url", Argument::Url),
    ("grant", Argument::Option),
    ("client_id", Argument::Text),
    ("client_secret", Argument::Secret),
    ("refresh_token", Argument::Secret),
    ("scope", Argument::Option),
    ("parameters", Argument::Fields),
    ("client_auth", Argument::Option),
];

/// The authentication of a request.
pub(crate) enum Auth {
    /// None, or by its headers.
    None,
    Basic {
        user: String,
        password: String,
    },
    Bearer(String),
    OAuth2(Box<OAuth2>),
}

/// How a token is fetched (RFC 6749).
pub(crate) struct OAuth2 {
    pub(crate) token_url: Url,
    pub(crate) grant: Grant,
    pub(crate) client_id: String,
    /// `None` for a public client.
    pub(crate) client_secret: Option<String>,
    pub(crate) scope: Option<String>,
    /// Additional parameters of some servers: `audience`, `resource`.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) client_auth: ClientAuth,
}

/// The grant for which a token is issued.
pub(crate) enum Grant {
    /// Client credentials (RFC 6749, 4.4).
    ClientCredentials,
    /// A refresh token (RFC 6749, 6).
    RefreshToken(String),
}

/// The place of the client's id and secret in a request for a token (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClientAuth {
    /// In `Authorization`, as Basic.
    Basic,
    /// In its form.
    Body,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic",
            Self::Bearer(_) => "Bearer",
            Self::OAuth2(_) => "OAuth2",
        })
    }
}

impl Auth {
    /// Reads the argument.
    pub(crate) fn read(given: Option<Value>) -> Result<Self, Failure> {
        let fields = match given {
            None | Some(Value::Null) => return Ok(Self::None),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(mistake("auth", "a map is needed")),
        };
        let mut given = fields.into_iter().filter(|(_, value)| !value.is_null());
        match (given.next(), given.next()) {
            (Some((name, value)), None) => match (name.as_str(), value) {
                ("basic", Value::Object(fields)) => basic(fields),
                ("bearer", value) => Ok(Self::Bearer(needed("auth.bearer", Some(value))?)),
                ("oauth2", Value::Object(fields)) => Ok(Self::OAuth2(Box::new(OAuth2::read(fields)?))),
                _ => Err(mistake("auth", "one of basic, bearer, oauth2 is needed, with its fields")),
            },
            _ => Err(mistake("auth", "one of basic, bearer, oauth2 is needed")),
        }
    }

    /// The mistakes in an author's `auth`.
    pub(crate) fn mistakes(fields: &Fields) -> Vec<Failure> {
        let Some(Value::Object(auth)) = fields.get("auth") else { return Vec::new() };
        let mut found = Vec::new();
        if let Some(Value::Object(basic)) = auth.get("basic") {
            // A value that is not known yet is not checked.
            let known = |name: &str| basic.get(name).filter(|value| !value.is_null()).cloned();
            found.extend(known("user").and_then(|value| user(Some(value)).err()));
            found.extend(known("password").and_then(|value| password(Some(value)).err()));
        }
        if let Some(Value::Object(oauth2)) = auth.get("oauth2") {
            found.extend(OAuth2::mistakes(oauth2));
        }
        found
    }

    /// A header with the same meaning would contradict it.
    pub(crate) fn check_beside(&self, headers: &[(HeaderName, HeaderValue)]) -> Result<(), Failure> {
        match self {
            Self::None => Ok(()),
            _ if !headers.iter().any(|(name, _)| *name == AUTHORIZATION) => Ok(()),
            _ => Err(mistake("headers.Authorization", "`auth` sets this header")),
        }
    }
}

fn basic(mut fields: Fields) -> Result<Auth, Failure> {
    let user = user(fields.remove("user"))?;
    let password = password(fields.remove("password").filter(|value| !value.is_null()))?;
    Ok(Auth::Basic { user, password })
}

fn user(given: Option<Value>) -> Result<String, Failure> {
    let place = "auth.basic.user";
    let user = needed(place, given)?;
    match user.contains(':') {
        true => Err(mistake(place, "a name with `:` cannot be sent (RFC 7617, 2)")),
        false => Ok(user),
    }
}

fn password(given: Option<Value>) -> Result<String, Failure> {
    match given {
        Some(value) => needed("auth.basic.password", Some(value)),
        // Tools that take a key as the user's name need no password.
        None => Ok(String::new()),
    }
}

impl OAuth2 {
    fn read(mut fields: Fields) -> Result<Self, Failure> {
        let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_null());
        let (token_url, grant) = (take("token_url"), take("grant"));
        let (client_secret, refresh_token) = (take("client_secret"), take("refresh_token"));
        let client_secret =
            client_secret.map(|value| needed("auth.oauth2.client_secret", Some(value))).transpose()?;
        let grant = match grant.as_ref().map(Value::as_str) {
            None | Some(Some("client_credentials")) if refresh_token.is_none() && client_secret.is_some() => {
                Grant::ClientCredentials
            }
            None | Some(Some("client_credentials")) => {
                let message = "client credentials need a `client_secret` and no `refresh_token`";
                return Err(mistake("auth.oauth2", message));
            }
            Some(Some("refresh_token")) => {
                Grant::RefreshToken(needed("auth.oauth2.refresh_token", refresh_token)?)
            }
            Some(_) => {
                return Err(mistake(
                    "auth.oauth2.grant",
                    "one of client_credentials, refresh_token is needed",
                ));
            }
        };
        let client_auth = match take("client_auth").as_ref().map(Value::as_str) {
            None | Some(Some("basic")) => ClientAuth::Basic,
            Some(Some("body")) => ClientAuth::Body,
            Some(_) => return Err(mistake("auth.oauth2.client_auth", "one of basic, body is needed")),
        };
        let scope = take("scope").map(scope).transpose()?;
        let parameters =
            take("parameters").map(|value| pairs("auth.oauth2.parameters", value)).transpose()?;
        Ok(Self {
            token_url: token_url_of(token_url)?,
            grant,
            client_id: needed("auth.oauth2.client_id", take("client_id"))?,
            client_secret,
            scope,
            parameters: parameters.unwrap_or_default(),
            client_auth,
        })
    }

    /// The mistakes in an author's `oauth2`. The value of a secret is not known yet, only that there is one.
    fn mistakes(fields: &Fields) -> Vec<Failure> {
        let known = |name: &str| fields.get(name).filter(|value| !value.is_null()).cloned();
        let token_url = known("token_url").and_then(|value| token_url_of(Some(value)).err());
        let client_id =
            known("client_id").and_then(|value| needed("auth.oauth2.client_id", Some(value)).err());
        let scope = known("scope").and_then(|value| scope(value).err());
        let grant = known("grant");
        let of_client = matches!(grant.as_ref().map(Value::as_str), None | Some(Some("client_credentials")));
        let grant = (of_client && fields.contains_key("refresh_token"))
            .then(|| mistake("auth.oauth2.grant", "`refresh_token` is needed here where one is given"));
        [token_url, client_id, scope, grant].into_iter().flatten().collect()
    }

    /// The grant's name in a request for a token.
    pub(crate) fn grant_type(&self) -> &'static str {
        match self.grant {
            Grant::ClientCredentials => "client_credentials",
            Grant::RefreshToken(_) => "refresh_token",
        }
    }
}

fn token_url_of(given: Option<Value>) -> Result<Url, Failure> {
    let place = "auth.oauth2.token_url";
    let Some(Value::String(text)) = given else { return Err(mistake(place, "a URL is needed")) };
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.filter(|url| url.as_str().len() <= HTTP_URL_BYTES).ok_or_else(|| {
        mistake(place, "a URL that starts with http:// or https:// is needed, without credentials")
    })
}

/// One text of words, or a list of them.
fn scope(value: Value) -> Result<String, Failure> {
    let wrong = || mistake("auth.oauth2.scope", "a text, or a list of texts, is needed");
    match value {
        Value::String(text) => Ok(text),
        Value::Array(items) => {
            let words = items.into_iter().map(|item| match item {
                Value::String(word) => Ok(word),
                _ => Err(wrong()),
            });
            words.collect::<Result<Vec<_>, _>>().map(|words| words.join(" "))
        }
        _ => Err(wrong()),
    }
}

fn needed(place: &str, value: Option<Value>) -> Result<String, Failure> {
    let text = value.and_then(scalar).filter(|text| !text.is_empty());
    text.ok_or_else(|| mistake(place, "a text is needed"))
}

/// `Authorization` for these credentials.
pub(crate) fn basic_header(place: &str, user: &str, password: &str) -> Result<HeaderValue, Failure> {
    header_value(place, &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// `Authorization` for this token.
pub(crate) fn bearer_header(place: &str, token: &str) -> Result<HeaderValue, Failure> {
    header_value(place, &format!("Bearer {token}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(auth: serde_json::Value) -> Result<Auth, Failure> {
        Auth::read(Some(auth.into()))
    }

    #[test]
    fn one_way_of_proof_is_taken_with_all_that_it_needs() {
        assert!(matches!(read(json!(null)).unwrap(), Auth::None));
        let Auth::Basic { user, password } = read(json!({"basic": {"user": "bob", "password": 7}})).unwrap()
        else {
            panic!("basic")
        };
        assert_eq!((user.as_str(), password.as_str()), ("bob", "7"));
        assert!(
            matches!(read(json!({"bearer": "t", "basic": null})).unwrap(), Auth::Bearer(token) if token == "t")
        );
        let oauth2 = json!({"oauth2": {
            "token_url": "https://login.example/token", "client_id": "id", "client_secret": "s",
            "scope": ["a", "b"], "parameters": {"audience": "x"}, "client_auth": "body",
        }});
        let Auth::OAuth2(oauth2) = read(oauth2).unwrap() else { panic!("oauth2") };
        assert_eq!((oauth2.grant_type(), oauth2.scope.as_deref()), ("client_credentials", Some("a b")));
        assert_eq!(oauth2.client_auth, ClientAuth::Body);
        assert_eq!(oauth2.parameters, [("audience".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn a_mistake_names_its_place_and_never_the_value() {
        let oauth2 = |more: serde_json::Value| {
            let mut all =
                json!({"token_url": "https://l.example/t", "client_id": "id", "client_secret": "hunter2"});
            for (name, value) in more.as_object().unwrap() {
                all[name] = value.clone();
            }
            json!({ "oauth2": all })
        };
        for (auth, place) in [
            (json!([]), "arguments.auth: "),
            (json!({}), "arguments.auth: "),
            (json!({"bearer": "hunter2", "basic": {"user": "a"}}), "arguments.auth: "),
            (json!({"bearer": ["hunter2"]}), "arguments.auth.bearer: "),
            (json!({"basic": {"password": "hunter2"}}), "arguments.auth.basic.user: "),
            (json!({"basic": {"user": "a:hunter2", "password": "p"}}), "arguments.auth.basic.user: "),
            (oauth2(json!({"token_url": "ftp://hunter2"})), "arguments.auth.oauth2.token_url: "),
            (
                oauth2(json!({"token_url": "https://u:hunter2@l.example"})),
                "arguments.auth.oauth2.token_url: ",
            ),
            (oauth2(json!({"client_secret": null})), "arguments.auth.oauth2: "),
            (oauth2(json!({"grant": "password"})), "arguments.auth.oauth2.grant: "),
            (oauth2(json!({"grant": "refresh_token"})), "arguments.auth.oauth2.refresh_token: "),
            (oauth2(json!({"client_id": ""})), "arguments.auth.oauth2.client_id: "),
            (oauth2(json!({"scope": [1]})), "arguments.auth.oauth2.scope: "),
            (oauth2(json!({"client_auth": "hunter2"})), "arguments.auth.oauth2.client_auth: "),
            (oauth2(json!({"parameters": {"a": {"b": 1}}})), "arguments.auth.oauth2.parameters.a: "),
        ] {
            let failure = read(auth.clone()).unwrap_err();
            assert!(failure.message.starts_with(place), "{auth}: {failure}");
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
    }
}
