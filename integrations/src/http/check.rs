//! The check of an author's arguments before anything runs: each mistake with its place, and the grant that is missing
//! to reach an endpoint. Sends nothing, looks nothing up.

use updraft_protocol::{Failure, Flaw, Value};
use url::Url;

use super::arguments::{check_headers, check_method, check_url, is_variable, path_in};
use super::auth::Auth;
use super::fields::{Fields, mistake};
use super::options::Options;
use super::payload::Payload;
use super::pools::Pools;

/// The flaws of arguments with `null` in place of each template and secret.
pub(super) fn flaws(arguments: &Value) -> Vec<Flaw> {
    let Value::Object(fields) = arguments else { return Vec::new() };
    let mut found: Vec<Failure> = Vec::new();
    found.extend(check_method(fields).err());
    found.extend(check_url(fields).err());
    found.extend(check_headers(fields));
    found.extend(set_twice(fields));
    found.extend(Auth::mistakes(fields));
    found.extend(Options::mistakes(fields));
    found.extend(Payload::mistakes(fields));
    found.iter().map(flaw).chain(holes(fields)).collect()
}

/// The grant that is missing to reach an endpoint, as far as its text shows: a name is judged when it is looked up.
pub(super) fn missing_for(base: &str, pools: &Pools) -> Option<String> {
    let url = Url::parse(base).ok()?;
    pools.missing(url.scheme() == "https", url.host_str()?, url.port_or_known_default()?)
}

/// Headers that another argument sets. Their names are constants, whatever their values will be.
fn set_twice(fields: &Fields) -> Vec<Failure> {
    let Some(Value::Object(headers)) = fields.get("headers") else { return Vec::new() };
    let is_map = |name: &str| matches!(fields.get(name), Some(Value::Object(map)) if !map.is_empty());
    let twice = |header: &String| {
        let message = if header.eq_ignore_ascii_case("authorization") && is_map("auth") {
            "`auth` sets this header"
        } else if header.eq_ignore_ascii_case("content-type") && is_map("multipart") {
            "of `multipart`, Updraft sets this header itself"
        } else {
            return None;
        };
        Some(mistake(&format!("headers.{}", header.escape_debug()), message))
    };
    headers.keys().filter_map(twice).collect()
}

/// Names of `path` that are not in the path of the URL, and names in it that are not in `path`.
fn holes(fields: &Fields) -> Vec<Flaw> {
    let Some(Value::String(url)) = fields.get("url") else { return Vec::new() };
    let within = &url[path_in(url)];
    let given = fields.get("path").and_then(Value::as_object);
    let superfluous =
        given.into_iter().flatten().filter(|(name, _)| !within.contains(&format!("{{{name}}}")));
    let superfluous = superfluous.map(|(name, _)| Flaw {
        place: format!("path.{}", name.escape_debug()),
        message: format!("the path of `url` has no `{{{name}}}`"),
    });
    let names = within.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let names = names.map(|(name, _)| name).filter(|name| is_variable(name));
    let open = names.filter(|name| !given.is_some_and(|given| given.contains_key(*name)));
    let open = open.map(|name| Flaw {
        place: "url".to_owned(),
        message: format!(
            "`path` gives no `{name}` for `{{{name}}}`; braces that are meant as such are written `%7B` and `%7D`"
        ),
    });
    superfluous.chain(open).collect()
}

/// The mistake of an argument's parser: `arguments.PLACE: MESSAGE`.
fn flaw(failure: &Failure) -> Flaw {
    let text = failure.message.strip_prefix("arguments").unwrap_or(&failure.message);
    let (place, message) = text.split_once(": ").unwrap_or(("", text));
    Flaw { place: place.trim_start_matches('.').to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft_protocol::limits::{HTTP_PARTS, HTTP_URL_BYTES};

    use super::*;

    /// The flaws of these arguments and a URL, as `PLACE: MESSAGE`.
    fn told(arguments: serde_json::Value) -> Vec<String> {
        let mut all = json!({"url": "https://tool.example/a"});
        for (name, value) in arguments.as_object().unwrap() {
            all[name] = value.clone();
        }
        flaws(&all.into()).iter().map(|flaw| format!("{}: {}", flaw.place, flaw.message)).collect()
    }

    #[test]
    fn what_the_first_run_would_refuse_is_told_before_it() {
        let oauth2 = |more: serde_json::Value| {
            let mut all =
                json!({"token_url": "https://l.example/t", "client_id": "id", "client_secret": null});
            for (name, value) in more.as_object().unwrap() {
                all[name] = value.clone();
            }
            json!({"auth": {"oauth2": all}})
        };
        let bearer = json!({"bearer": null});
        let parts: serde_json::Value = (0..=HTTP_PARTS).map(|n| (format!("p{n}"), json!("a"))).collect();
        for (arguments, place) in [
            (oauth2(json!({"refresh_token": null})), "auth.oauth2.grant: `refresh_token` is needed"),
            (oauth2(json!({"token_url": "ftp://a"})), "auth.oauth2.token_url: "),
            (oauth2(json!({"client_id": ""})), "auth.oauth2.client_id: "),
            (oauth2(json!({"scope": [1]})), "auth.oauth2.scope: "),
            (
                json!({"auth": {"basic": {"user": "a:b", "password": null}}}),
                "auth.basic.user: a name with `:`",
            ),
            (json!({"auth": {"basic": {"user": ""}}}), "auth.basic.user: a text is needed"),
            (json!({"auth": {"basic": {"user": null, "password": ""}}}), "auth.basic.password: "),
            (
                json!({"auth": bearer, "headers": {"authorization": null}}),
                "headers.authorization: `auth` sets",
            ),
            (
                json!({"multipart": {"a": null}, "headers": {"Content-Type": "a/b"}}),
                "headers.Content-Type: of `multi",
            ),
            (json!({"bytes": "no base64!"}), "bytes: a text of base64"),
            (json!({"multipart": {"a": {"filename": null}}}), "multipart.a: one of `content` and `bytes`"),
            (json!({"multipart": {"a": {"content": "a", "bytes": "YQ=="}}}), "multipart.a: one of"),
            (json!({"multipart": {"a": {"bytes": "!"}}}), "multipart.a.bytes: a text of base64"),
            (
                json!({"multipart": {"a": {"content": null, "content_type": "pdf"}}}),
                "multipart.a.content_type: ",
            ),
            (json!({ "multipart": parts }), "multipart: at most"),
            (json!({"url": "https://tool.example/a/{id}?x={y}"}), "url: `path` gives no `id` for `{id}`"),
            (
                json!({"url": "https://tool.example/{id}", "path": {"id": null, "b": null}}),
                "path.b: the path",
            ),
            (json!({"url": format!("https://tool.example/{}", "a".repeat(HTTP_URL_BYTES))}), "url: "),
        ] {
            let told = told(arguments.clone());
            assert!(told.len() == 1 && told[0].starts_with(place), "{arguments}: {told:?}");
        }
    }

    #[test]
    fn what_is_not_known_yet_is_no_mistake() {
        for arguments in [
            json!({"auth": {"basic": {"user": null, "password": null}}}),
            json!({"auth": null, "headers": {"Authorization": null}}),
            json!({"auth": {"oauth2": {"token_url": null, "client_id": null, "grant": "refresh_token",
                "refresh_token": null, "parameters": {"audience": null}}}}),
            json!({"bytes": null, "headers": {"Content-Type": "a/b"}}),
            json!({"multipart": {"a": null, "b": {"content": null}, "c": {"bytes": null, "filename": null},
                "d": {"content": null, "bytes": "YQ=="}, "e": {"content": 5}}}),
            json!({"multipart": null, "text": "a"}),
            json!({"url": null, "path": {"id": null}}),
            json!({"url": "https://tool.example/{id}/%7Bx%7D/{a b}?q={y}", "path": {"id": null}}),
        ] {
            assert_eq!(told(arguments.clone()), Vec::<String>::new(), "{arguments}");
        }
    }
}
