//! All other commands: each is for an integration that is called as its type. It gets the command as it is written, and the values of
//! the variables beside it, since its language is its own.

use updraft_protocol::{Name, Value};

use crate::model::{AgentTargetKind, CacaoId, Script};
use crate::rule::Rule;
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, map, set, step};
use crate::translate::out_args::Gives;
use crate::translate::references::{Part, plain};
use crate::translate::scope::Scope;
use crate::translate::texts::Form;

impl<'p> Translator<'p> {
    /// A call of the integration of this type.
    pub(in crate::translate) fn other(
        &mut self,
        call: Call<'p>,
        script: Option<&Script>,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        let word = call.command.kind.word();
        if Name::new(word).is_err() {
            let message = "is no name of an integration: letters, digits, `_`, `-` and `.`";
            self.found(Rule::CommandType, call.number, &call.property("type"), message);
        }
        let property = call.property("command");
        let text = script.map_or("", |script| script.text.as_str());
        let mut variables = Fields::new();
        for part in self.parts((call.number, &property), text, &around.scope) {
            let Part::Variable(name, _) = part else { continue };
            if let Some((expression, _)) = self.reading((call.number, &property), &name, &[], &around.scope) {
                variables.insert(name.as_str().to_owned(), Value::from(format!("{{{{ {expression} }}}}")));
            }
        }
        let mut arguments = map([("command", Value::from(plain(text)))]);
        set(&mut arguments, "variables", (!variables.is_empty()).then_some(Value::Object(variables)));
        arguments
            .insert("agent".to_owned(), self.told((call.number, "agent"), &call.action.agent, &around.scope));
        let of_target = (call.number, "targets");
        let targets = call.action.targets.iter().map(|id| self.told(of_target, id, &around.scope));
        let targets: Vec<Value> = targets.collect();
        set(&mut arguments, "targets", (!targets.is_empty()).then_some(Value::Array(targets)));
        let integration = Value::from(word);
        let action = Value::from("run");
        let fields =
            [("integration", integration), ("action", action), ("arguments", Value::Object(arguments))];
        (step(id, fields), Gives::Map)
    }

    /// What an integration is told of an agent or a target. It has credentials of its own, and is told none.
    fn told(&mut self, of: (usize, &str), id: &CacaoId, scope: &Scope) -> Value {
        let mut told = map([("id", Value::from(id.as_str()))]);
        let Some(one) = self.definition(id) else { return Value::Object(told) };
        told.insert("type".to_owned(), Value::from(plain(one.kind.word())));
        told.insert("name".to_owned(), Value::from(plain(&one.name)));
        if let AgentTargetKind::SecurityCategory(words) = &one.kind {
            let words = words.iter().map(|word| Value::from(plain(word))).collect();
            told.insert("category".to_owned(), Value::Array(words));
        }
        let Some(machine) = one.kind.machine() else { return Value::Object(told) };
        for (kind, values) in &machine.address.values {
            let values = values.iter().map(|value| Value::from(self.text(of, value, scope, Form::Printed)));
            told.insert(kind.word().to_owned(), Value::Array(values.collect()));
        }
        if let Some(port) = &machine.port {
            told.insert("port".to_owned(), Value::from(self.text(of, port, scope, Form::Printed)));
        }
        if let Some(credential) = &machine.authentication {
            let message = format!(
                "`{id}` has the credential `{credential}`, which the integration does not get: it has its own"
            );
            self.found(Rule::AgentCredential, of.0, of.1, message);
        }
        Value::Object(told)
    }
}
