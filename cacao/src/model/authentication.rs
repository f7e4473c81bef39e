//! How to authenticate to an agent or a target. Owns that no credential is shown.

use std::collections::BTreeSet;

use super::{CacaoId, SecretText};

/// How to authenticate.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthenticationInfo {
    /// The way, with its credentials.
    pub kind: AuthenticationKind,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether the credentials are kept elsewhere, under `kms_key_identifier`.
    pub kms: bool,
    /// The name under which the credentials are kept.
    pub kms_key_identifier: Option<String>,
    /// The extensions that say something of it. What they say is not kept, since it may be a credential.
    pub extensions: BTreeSet<CacaoId>,
}

/// A way to authenticate.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthenticationKind {
    /// A name and a password in a header of HTTP.
    HttpBasic {
        /// The name.
        user: Option<String>,
        /// The password.
        password: Option<SecretText>,
    },
    /// A token of OAuth 2.
    OAuth2 {
        /// The header that has the token, with its beginning: `Authorization: Bearer`.
        header: String,
        /// The token.
        token: SecretText,
        /// What fetches a token, where the extension of Updraft says it.
        client: Option<ClientCredentials>,
    },
    /// A name and a password.
    UserAuth {
        /// The name.
        user: Option<String>,
        /// The password.
        password: Option<SecretText>,
    },
    /// A way that the standard does not name. Its properties are not kept, since they may be credentials.
    Other {
        /// The word for the way.
        word: String,
    },
}

impl AuthenticationKind {
    /// The words for all ways that the standard names.
    pub const WORDS: [&'static str; 3] = ["http-basic", "oauth2", "user-auth"];

    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::HttpBasic { .. } => "http-basic",
            Self::OAuth2 { .. } => "oauth2",
            Self::UserAuth { .. } => "user-auth",
            Self::Other { word } => word,
        }
    }
}

/// The credentials of a client, for which a server of OAuth 2 gives tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Where tokens are given.
    pub token_url: String,
    /// Who asks.
    pub client_id: String,
    /// What proves it; with `kms` none.
    pub client_secret: Option<SecretText>,
    /// What is asked for.
    pub scope: Option<String>,
}

impl ClientCredentials {
    /// The id of the extension of an `oauth2` object in which they stand.
    pub const EXTENSION: &'static str = "extension-definition--0b5d2a3e-6c1f-4f0e-9a54-7b8f3c2d1e60";
}
