//! How to authenticate: credentials go from the tree into types that are not shown.

use super::Properties;
use crate::model::{AuthenticationInfo, AuthenticationKind, ClientCredentials, SecretText};

/// What authenticates, with these properties.
pub(super) fn read(fields: Properties<'_>) -> AuthenticationInfo {
    let word = fields.text_or_empty("type");
    let extensions = fields.map("authentication_info_extensions");
    let kind = match word.as_str() {
        "http-basic" => AuthenticationKind::HttpBasic {
            user: fields.text("user_id"),
            password: secret(fields, "password"),
        },
        "user-auth" => AuthenticationKind::UserAuth {
            user: fields.text("username"),
            password: secret(fields, "password"),
        },
        "oauth2" => AuthenticationKind::OAuth2 {
            header: fields.text_or_empty("oauth_header"),
            token: SecretText::new(fields.text_or_empty("token")),
            client: extensions
                .0
                .get(ClientCredentials::EXTENSION)
                .map(Properties::of)
                .or(fields.text("token_url").is_some().then_some(fields))
                .map(client),
        },
        _ => AuthenticationKind::Other { word },
    };
    AuthenticationInfo {
        kind,
        name: fields.text("name"),
        description: fields.text("description"),
        kms: fields.flag("kms"),
        kms_key_identifier: fields.text("kms_key_identifier"),
        extensions: extensions.by_id().map(|(id, _)| id).collect(),
    }
}

fn secret(fields: Properties<'_>, name: &str) -> Option<SecretText> {
    fields.text(name).map(SecretText::new)
}

fn client(fields: Properties<'_>) -> ClientCredentials {
    ClientCredentials {
        token_url: fields.text_or_empty("token_url"),
        client_id: fields.text_or_empty("client_id"),
        client_secret: secret(fields, "client_secret"),
        scope: fields.text("scope"),
    }
}
