//! What a file is, before it is read: a playbook of CACAO 2.0, or something else that people have under that name. Owns the messages
//! for files of other kinds.

use updraft_protocol::{Value, text};

use crate::path::short;

/// What `spec_version` is in playbooks that are read.
const VERSION: &str = "cacao-2.0";

/// Whether a file is meant to be a playbook of CACAO, of any version: a JSON object of the type `playbook` with a workflow, or with a
/// `spec_version` that begins with `cacao-`. A broken JSON text that has both words in its first bytes is one too.
pub fn looks_like_cacao(bytes: &[u8]) -> bool {
    /// How far a text that is no JSON is looked at.
    const BEGINNING_BYTES: usize = 4 << 10;
    let Ok(text) = text::decode(bytes) else { return false };
    if !text.trim_start().starts_with('{') {
        return false;
    }
    match Value::parse(&text) {
        Ok(value) => is_playbook(&value),
        Err(_) => {
            let beginning: String = text.chars().take(BEGINNING_BYTES).collect();
            beginning.contains("\"spec_version\"") && beginning.contains("\"cacao-")
        }
    }
}

fn is_playbook(value: &Value) -> bool {
    let word = |name: &str| value[name].as_str().unwrap_or_default();
    let known_type = matches!(word("type"), "playbook" | "playbook-template");
    word("spec_version").starts_with("cacao-") || known_type && value["workflow"].as_object().is_some()
}

/// What a text is that is no JSON, if that is known.
pub(super) fn other_text(text: &str) -> Option<String> {
    let begin = text.trim_start();
    if begin.is_empty() {
        return Some("the file is empty".to_owned());
    }
    let line = |word: &str| begin.lines().any(|line| line.starts_with(word));
    if !begin.starts_with(['{', '[']) && line("spec_version:") {
        return Some(
            "it is taken for a CACAO playbook in YAML, as it has `spec_version:`; CACAO is written as JSON"
                .to_owned(),
        );
    }
    if !begin.starts_with(['{', '[']) && line("format:") && line("steps:") {
        return Some(native("`format:` and `steps:`"));
    }
    if begin.starts_with('<') {
        return Some(
            "it is taken for XML or BPMN, as it begins with `<`; CACAO is written as JSON".to_owned(),
        );
    }
    None
}

/// What a JSON value is other than a playbook of CACAO 2.0; none if it is one.
pub(super) fn other_value(value: &Value) -> Option<String> {
    let Some(fields) = value.as_object() else {
        let is_list_of_playbooks = value[0]["type"] == *"playbook" || is_playbook(&value[0]);
        return Some(if is_list_of_playbooks {
            "it is a list of playbooks; a file has one".to_owned()
        } else {
            format!("a playbook is a map, this file is {}", value.kind())
        });
    };
    let word = |name: &str| fields.get(name).and_then(Value::as_str);
    match (word("type"), word("spec_version")) {
        (Some("playbook"), Some(VERSION)) => return None,
        (Some("bundle"), _) => return Some(stix(fields)),
        (Some("playbook-template"), _) => {
            return Some(
                "it is taken for a template of CACAO 1, as its `type` is `playbook-template`; a template is not run"
                    .to_owned(),
            );
        }
        (_, Some(version @ ("1.0" | "1.1" | "cacao-1.0" | "cacao-1.1")))
            if fields.contains_key("workflow") =>
        {
            return Some(format!(
                "it is taken for a CACAO playbook of version 1, as its `spec_version` is {version:?}; only {VERSION} is read, \
                 whose agents, targets and commands are written in another way"
            ));
        }
        (_, Some(version)) if version.starts_with("cacao-") && version != VERSION => {
            let version = short(version);
            return Some(format!("`spec_version` is {version:?}; only {VERSION} is read"));
        }
        _ => {}
    }
    if is_playbook(value) {
        return None;
    }
    let has = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
    if has(&["format", "steps"]) {
        return Some(native("`format` and `steps`"));
    }
    let inner = ["playbook", "playbooks"].into_iter().find(|name| fields.contains_key(*name));
    if let Some(name) = inner
        && (is_playbook(&fields[name]) || is_playbook(&fields[name][0]))
    {
        return Some(format!(
            "it is taken for an answer of a server, as the playbook stands in `{name}`; write what stands there to a file of its own"
        ));
    }
    if fields.get("spec_version").is_some_and(|version| *version == *"2.1") {
        return Some(stix(fields));
    }
    Some(format!(
        "it is no playbook of CACAO: `type` is not `playbook` and `spec_version` is not `{VERSION}`"
    ))
}

fn native(what: &str) -> String {
    format!("it is taken for a playbook of Updraft, as it has {what}: it is run as it is")
}

fn stix(fields: &std::collections::BTreeMap<String, Value>) -> String {
    let objects = fields.get("objects").and_then(Value::as_array).unwrap_or_default();
    let course = objects.iter().any(|object| object["type"] == *"course-of-action");
    let hint = if course {
        "; a course of action may have a CACAO playbook as its `playbook_bin`, in base64: decode that"
    } else {
        ""
    };
    format!(
        "it is taken for STIX, as its `type` or `spec_version` says so, and not for a playbook of CACAO{hint}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playbook_of_any_version_looks_like_one() {
        for text in [
            r#"{"type": "playbook", "spec_version": "cacao-2.0"}"#,
            r#" {"type": "playbook", "workflow": {}}"#,
            r#"{"spec_version": "cacao-3.0"}"#,
            "{\"type\": \"playbook\", \"spec_version\": \"cacao-2.0\", }",
        ] {
            assert!(looks_like_cacao(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "[]",
            "{}",
            "{",
            r#"{"format": 1, "steps": []}"#,
            r#"{"type": "bundle", "objects": []}"#,
            "type: playbook\nspec_version: cacao-2.0\n",
            "\u{0}",
        ] {
            assert!(!looks_like_cacao(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_told_what_it_is_taken_for() {
        for (text, said) in [
            (r#"{"playbook": {"type": "playbook", "workflow": {}}}"#, "an answer of a server"),
            (r#"{"playbooks": [{"spec_version": "cacao-2.0"}]}"#, "an answer of a server"),
            (r#"[{"type": "playbook"}]"#, "a list of playbooks"),
            (r#"{"type": "playbook", "spec_version": "1.1", "workflow": {}}"#, "of version 1"),
            (
                r#"{"type": "playbook", "spec_version": "cacao-3.0", "workflow": {}}"#,
                "only cacao-2.0 is read",
            ),
            (r#"{"type": "playbook-template", "spec_version": "1.0"}"#, "a template"),
            (r#"{"type": "bundle", "objects": [{"type": "course-of-action"}]}"#, "`playbook_bin`"),
            (r#"{"type": "indicator", "spec_version": "2.1"}"#, "STIX"),
            (r#"{"format": 1, "steps": []}"#, "a playbook of Updraft"),
            (r#"{"a": 1}"#, "no playbook of CACAO"),
            ("7", "a playbook is a map, this file is a number"),
        ] {
            let other = other_value(&Value::parse(text).unwrap()).unwrap();
            assert!(other.contains(said), "{text}: {other}");
        }
        for (text, said) in [
            ("", "empty"),
            ("type: playbook\nspec_version: cacao-2.0\n", "in YAML"),
            ("format: 1\nsteps: []\n", "a playbook of Updraft"),
            ("<definitions/>", "BPMN"),
        ] {
            assert!(other_text(text).unwrap().contains(said), "{text}");
        }
        assert_eq!(other_text("{\"a\": }"), None);
        let playbook = Value::parse(r#"{"type": "playbook", "spec_version": "cacao-2.0"}"#).unwrap();
        assert_eq!(other_value(&playbook), None);
    }
}
