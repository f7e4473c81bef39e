//! Choices, loops and other playbooks as steps of CACAO.

use updraft_protocol::Value;
use updraft_protocol::playbook::{Repeat, Step, SubPlaybook, SubVersion, Switch};

use super::body::millis;
use super::{Exporter, Fields, Place, condition, header, id_of, object};

impl<'p> Exporter<'p> {
    /// A loop.
    pub(super) fn repeat(&mut self, id: &str, repeat: &'p Repeat) -> Fields {
        let condition = match &repeat.before {
            Some(condition) => self.condition(id, condition),
            None => {
                self.leave(id, "repeats `until` a condition holds; CACAO has `while-condition` alone");
                String::new()
            }
        };
        if repeat.pause.is_some() || !repeat.carry.is_empty() {
            self.leave(id, "`pause` or `carry` of a loop, which CACAO has not");
        }
        let on_true = Value::from(self.branch(&repeat.body, Place::Nested));
        let mut fields = object([
            ("type", Value::from("while-condition")),
            ("condition", Value::from(condition)),
            ("on_true", on_true),
        ]);
        fields.extend(repeat.timeout.map(|timeout| ("timeout".to_owned(), millis(timeout))));
        fields
    }

    /// A choice between values of one variable.
    pub(super) fn switch(&mut self, id: &str, switch: &'p Switch) -> Fields {
        let mut asked: Option<String> = None;
        let mut cases = Fields::new();
        for case in &switch.cases {
            let when = case.when.as_deref().and_then(|when| when.split_once(" == "));
            let path = when.map(|(path, _)| path).and_then(|path| super::text::variable(path, &self.names));
            let value =
                when.map(|(_, value)| value.trim_matches('\'').replace("\\'", "'").replace("\\\\", "\\"));
            match (path, value) {
                (Some(path), Some(value)) if asked.as_ref().is_none_or(|asked| *asked == path) => {
                    asked = Some(path);
                    let branch = self.branch(&case.body, Place::Nested);
                    cases.insert(value, Value::from(branch));
                }
                _ => self
                    .leave(id, "a case of a `switch` that compares anything but one variable with a value"),
            }
        }
        if let Some(default) = &switch.default {
            cases.insert("default".to_owned(), Value::from(self.branch(default, Place::Nested)));
        }
        object([
            ("type", Value::from("switch-condition")),
            ("switch", Value::from(format!("{}:value", asked.unwrap_or_default()))),
            ("cases", Value::Object(cases)),
        ])
    }

    /// A condition; what cannot be said is told, and left as it is.
    pub(super) fn condition(&mut self, id: &str, native: &str) -> String {
        condition::condition(native, &self.names).unwrap_or_else(|| {
            self.leave(
                id,
                format!("the condition `{native}`, which reads or does what no condition of CACAO does"),
            );
            native.to_owned()
        })
    }

    /// Another playbook; `after` are the steps that set what it gave.
    pub(super) fn sub_playbook(&mut self, id: &str, sub: &'p SubPlaybook, after: &'p [Step]) -> Fields {
        let playbook = id_of("playbook", sub.playbook.as_str());
        if playbook != sub.playbook.as_str() {
            self.leave(id, format!("runs `{}`, which is called `{playbook}` in CACAO", sub.playbook));
        }
        let mut fields =
            object([("type", Value::from("playbook-action")), ("playbook_id", Value::from(playbook))]);
        if let Some(SubVersion::Number(version)) = sub.version {
            fields.insert("playbook_version".to_owned(), Value::from(header::time(u64::from(version))));
        }
        let given = sub.input.as_ref().and_then(Value::as_object);
        let in_args: Vec<Value> =
            given.into_iter().flatten().map(|(name, _)| Value::from(name.as_str())).collect();
        if !in_args.is_empty() {
            fields.insert("in_args".to_owned(), Value::Array(in_args));
        }
        fields.extend(sub.timeout.map(|timeout| ("timeout".to_owned(), millis(timeout))));
        if sub.wait == Some(false) {
            self.leave(id, "does not wait for the other playbook, which CACAO does");
        }
        self.out_args(&mut fields, after);
        fields
    }
}
