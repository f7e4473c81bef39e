//! All other commands: each is for an integration that is called as its type. It gets the command as it is written, and the values of
//! the variables beside it, since its language is its own.

use updraft_protocol::{Name, Value};

use crate::model::{AgentTargetKind, Script};
use crate::rule::Rule;
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, map, set, step};
use crate::translate::out_args::Gives;
use crate::translate::references::{Part, plain};

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
        arguments.insert("agent".to_owned(), self.told(&call.action.agent));
        let targets: Vec<Value> = call.action.targets.iter().map(|id| self.told(id)).collect();
        set(&mut arguments, "targets", (!targets.is_empty()).then_some(Value::Array(targets)));
        let integration = Value::from(word);
        let action = Value::from("run");
        let fields =
            [("integration", integration), ("action", action), ("arguments", Value::Object(arguments))];
        (step(id, fields), Gives::Map)
    }

    /// What an integration is told of an agent or a target.
    fn told(&self, id: &crate::model::CacaoId) -> Value {
        let mut told = map([("id", Value::from(id.as_str()))]);
        if let Some(one) = self.definition(id) {
            told.insert("type".to_owned(), Value::from(plain(one.kind.word())));
            told.insert("name".to_owned(), Value::from(plain(&one.name)));
            if let AgentTargetKind::SecurityCategory(words) = &one.kind {
                let words = words.iter().map(|word| Value::from(plain(word))).collect();
                told.insert("category".to_owned(), Value::Array(words));
            }
            for (kind, values) in one.kind.machine().iter().flat_map(|machine| &machine.address.values) {
                let values = values.iter().map(|value| Value::from(plain(value))).collect();
                told.insert(kind.word().to_owned(), Value::Array(values));
            }
        }
        Value::Object(told)
    }
}
