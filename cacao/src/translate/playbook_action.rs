//! The step `playbook-action`: another playbook, with what goes in and out.

use updraft_protocol::Value;

use crate::model::PlaybookActionStep;
use crate::rule::Rule;

use super::bodies::{After, Around};
use super::native::{Fields, set, span, step};
use super::variables::converted;
use super::{Translator, number as whole};

impl Translator<'_> {
    /// The step `playbook-action`, and behind it what comes out.
    pub(super) fn playbook_action(
        &mut self,
        number: usize,
        action: &PlaybookActionStep,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let mut fields = step(id, [("playbook", Value::from(action.playbook.as_str()))]);
        let mut given = Fields::new();
        for name in &action.in_args {
            let Some(binding) = around.scope.read(name, &mut self.names) else { continue };
            if binding.secret.is_some() {
                self.found(
                    Rule::SecretVariable,
                    number,
                    "in_args",
                    format!("hands on `{name}`, which is a credential"),
                );
            }
            given.insert(name.as_str().to_owned(), Value::from(format!("{{{{ {} }}}}", binding.path())));
        }
        set(&mut fields, "with", (!given.is_empty()).then_some(Value::Object(given)));
        if let Some(version) = &action.version {
            match u32::try_from(version.seconds()) {
                Ok(1..) => set(&mut fields, "version", Some(whole(version.seconds().unsigned_abs()))),
                _ => {
                    let message =
                        "is before 1970 or after 2106; versions are counted in seconds of that time";
                    self.found(Rule::VersionNumber, number, "playbook_version", message);
                }
            }
        }
        set(&mut fields, "timeout", self.timeout(number).map(span));
        set(&mut fields, "on_failure", after.failure.clone());
        let mut values = Fields::new();
        for name in &action.out_args {
            let Some(binding) = self.written_binding(number, name, &around.scope) else { continue };
            let given = format!("steps['{id}'].output['{name}']");
            let value = converted(&given, &binding.variable_type);
            values.insert(binding.native, Value::from(format!("{{{{ {value} }}}}")));
        }
        let mut steps = vec![fields];
        if !values.is_empty() {
            let out = self.names.step(id, "out");
            let mut out = step(&out, [("set", Value::Object(values))]);
            set(&mut out, "on_failure", after.failure.clone());
            steps.push(out);
        }
        steps
    }
}
