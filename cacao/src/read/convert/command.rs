//! Commands: which of their properties a type needs, what base64 says, and the first line of a request.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Context, Properties};
use crate::model::{CacaoCommand, CommandKind, HttpCommand, HttpContent, Script, StartLine};
use crate::path::{item, property};
use crate::rule::Rule;

/// The properties of a command of a type that is not known, besides those that it has for itself.
const COMMON: [&str; 7] =
    ["type", "description", "version", "playbook_activity", "external_references", "command", "command_b64"];

/// The commands of an action; none where one of them cannot be read.
pub(super) fn all(fields: Properties<'_>, context: &mut Context<'_>) -> Option<Vec<CacaoCommand>> {
    let path = property(&context.path, "commands");
    let read: Vec<Option<CacaoCommand>> = fields
        .list("commands")
        .iter()
        .enumerate()
        .map(|(number, value)| read(Properties::of(value), &item(&path, number), context))
        .collect();
    read.into_iter().collect()
}

fn read(fields: Properties<'_>, path: &str, context: &mut Context<'_>) -> Option<CacaoCommand> {
    let word = fields.text("type")?;
    let kind = match word.as_str() {
        "manual" => CommandKind::Manual(script(fields, path, context)?),
        "bash" => CommandKind::Bash(script(fields, path, context)?),
        "caldera-cmd" => CommandKind::CalderaCmd(script(fields, path, context)?),
        "elastic" => CommandKind::Elastic(script(fields, path, context)?),
        "http-api" => CommandKind::HttpApi(http(fields, path, context)?),
        "jupyter" => CommandKind::Jupyter(script(fields, path, context)?),
        "kestrel" => CommandKind::Kestrel(script(fields, path, context)?),
        "openc2-http" => CommandKind::OpenC2Http(openc2(fields, path, context)?),
        "powershell" => CommandKind::Powershell(script(fields, path, context)?),
        "sigma" => CommandKind::Sigma(script(fields, path, context)?),
        "ssh" => CommandKind::Ssh(script(fields, path, context)?),
        "yara" => CommandKind::Yara(script(fields, path, context)?),
        _ => {
            let has_text = fields.0.contains_key("command") || fields.0.contains_key("command_b64");
            let script = if has_text { Some(script(fields, path, context)?) } else { None };
            CommandKind::Other { word, script, properties: fields.others(&COMMON) }
        }
    };
    Some(CacaoCommand {
        kind,
        description: fields.text("description"),
        version: fields.text("version"),
        playbook_activity: fields.text("playbook_activity"),
        external_references: fields.external_references(),
    })
}

/// The text of a command: exactly one of `command` and `command_b64` is there.
fn script(fields: Properties<'_>, path: &str, context: &mut Context<'_>) -> Option<Script> {
    match (fields.0.get("command"), fields.0.get("command_b64")) {
        (Some(_), Some(_)) => {
            let message = "has both `command` and `command_b64`: which of the two is meant cannot be told";
            context.tell(Rule::CommandText, path, message);
            None
        }
        (None, None) => {
            context.tell(Rule::CommandText, path, "`command` or `command_b64` is missing");
            None
        }
        (Some(text), None) => text.as_str().map(|text| Script { text: text.to_owned(), encoded: false }),
        (None, Some(text)) => {
            let path = property(path, "command_b64");
            let bytes = decoded(text.as_str()?, &path, context)?;
            match String::from_utf8(bytes) {
                Ok(text) => Some(Script { text, encoded: true }),
                Err(_) => {
                    context.tell(Rule::Base64, &path, "is no text in UTF-8 once it is decoded");
                    None
                }
            }
        }
    }
}

fn decoded(text: &str, path: &str, context: &mut Context<'_>) -> Option<Vec<u8>> {
    // Line breaks as some tools write them; RFC 4648 has none.
    let joined: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let read = STANDARD.decode(joined);
    if read.is_err() {
        context.tell(Rule::Base64, path, "is no base64 (RFC 4648, section 4)");
    }
    read.ok()
}

fn http(fields: Properties<'_>, path: &str, context: &mut Context<'_>) -> Option<HttpCommand> {
    let start = start_line(fields, path, context);
    let headers = headers(fields, path, context);
    let content = match (fields.text("content"), fields.text("content_b64")) {
        (Some(_), Some(_)) => {
            let message = "has both `content` and `content_b64`: which of the two is meant cannot be told";
            context.tell(Rule::HttpContent, path, message);
            return None;
        }
        (Some(text), None) => Some(HttpContent::Text(text)),
        (None, Some(text)) => {
            Some(HttpContent::Bytes(decoded(&text, &property(path, "content_b64"), context)?))
        }
        (None, None) => None,
    };
    Some(HttpCommand { start: start?, headers: headers?, content })
}

fn openc2(fields: Properties<'_>, path: &str, context: &mut Context<'_>) -> Option<HttpCommand> {
    if !fields.0.contains_key("content_b64") {
        context.tell(Rule::OpenC2Content, path, "`content_b64` is missing, which has the command of OpenC2");
        return None;
    }
    if fields.0.contains_key("content") {
        context.tell(Rule::OpenC2Content, path, "has its command in `content_b64` alone, and no `content`");
        return None;
    }
    let command = http(fields, path, context)?;
    if command.start.method != "POST" {
        let message = format!("is sent by POST, not by {}", command.start.method);
        context.tell(Rule::OpenC2Method, &property(path, "command"), message);
        return None;
    }
    Some(command)
}

fn start_line(fields: Properties<'_>, path: &str, context: &mut Context<'_>) -> Option<StartLine> {
    let Some(text) = fields.0.get("command") else {
        context.tell(Rule::HttpStartLine, path, "`command` is missing: the first line of the request");
        return None;
    };
    let path = property(path, "command");
    let line = match StartLine::parse(text.as_str()?) {
        Ok(line) => line,
        Err(error) => {
            context.tell(Rule::HttpStartLine, &path, error.to_string());
            return None;
        }
    };
    if !line.has_version() {
        let message = match &line.version {
            Some(version) => {
                format!("has the version {:?}; HTTP writes it as `HTTP/1.1`", crate::path::short(version))
            }
            None => "has no version, such as `HTTP/1.1`, at its end".to_owned(),
        };
        context.tell(Rule::HttpStartLineForm, &path, message);
    }
    let is_url = line.target.contains("://") || line.target.starts_with("__");
    if !line.target.starts_with('/') && !is_url {
        let message = "has a path that does not begin with `/`; it is taken as if it did";
        context.tell(Rule::HttpStartLineForm, &path, message);
    }
    Some(line)
}

/// The headers: a name is a word of HTTP, and a value is one line.
fn headers(
    fields: Properties<'_>,
    path: &str,
    context: &mut Context<'_>,
) -> Option<BTreeMap<String, Vec<String>>> {
    let path = property(path, "headers");
    let mut headers = BTreeMap::new();
    let mut wrong = false;
    for name in fields.map("headers").0.keys() {
        let values = fields.map("headers").texts(name);
        let is_token = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !is_token {
            context.tell(Rule::HttpHeader, &property(&path, name), "is no name of a header");
        }
        let is_line = values.iter().all(|value| !value.chars().any(|c| c.is_control() && c != '\t'));
        if !is_line {
            let message = "has a value with a line break or another control character";
            context.tell(Rule::HttpHeader, &property(&path, name), message);
        }
        wrong |= !is_token || !is_line;
        headers.insert(name.clone(), values);
    }
    (!wrong).then_some(headers)
}
