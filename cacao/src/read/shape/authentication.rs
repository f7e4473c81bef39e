//! How to authenticate.

use super::data::EXTENSIONS;
use super::{Kind, Property, Shape, may, must};

static COMMON: &[Property] = &[
    must("type", &Kind::Text),
    may("name", &Kind::Text),
    may("description", &Kind::Text),
    may("authentication_info_extensions", &EXTENSIONS),
];

static KEPT_ELSEWHERE: &[Property] = &[may("kms", &Kind::Flag), may("kms_key_identifier", &Kind::Text)];

static PASSWORD: &[Property] = &[may("password", &Kind::Text)];

/// How a client has tokens given to it, which the standard does not say: an extension of Updraft's, or these properties.
static CLIENT: &[Property] = &[
    may("token_url", &Kind::Text),
    may("client_id", &Kind::Text),
    may("client_secret", &Kind::Text),
    may("scope", &Kind::Text),
];

static SHAPES: &[(&str, Shape)] = &[
    ("http-basic", &[COMMON, KEPT_ELSEWHERE, PASSWORD, &[may("user_id", &Kind::Text)]]),
    (
        "oauth2",
        &[COMMON, KEPT_ELSEWHERE, CLIENT, &[must("oauth_header", &Kind::Text), must("token", &Kind::Text)]],
    ),
    ("user-auth", &[COMMON, KEPT_ELSEWHERE, PASSWORD, &[may("username", &Kind::Text)]]),
];

/// All ways to authenticate by their ids.
pub(super) static AUTHENTICATIONS: Kind = Kind::Ids(&Kind::ByType(SHAPES, Some(&[COMMON])), 1);
