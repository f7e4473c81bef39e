//! Commands `manual`: a question to people. What the step writes is asked for by a form.

use updraft_protocol::Value;

use crate::model::{AgentTargetKind, Contact, Script, VariableType};
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, map, set, step};
use crate::translate::out_args::Gives;
use crate::translate::texts::Form;

impl<'p> Translator<'p> {
    /// A question.
    pub(in crate::translate) fn manual(
        &mut self,
        call: Call<'p>,
        script: &Script,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        let place = (call.number, call.property("command"));
        let place = (place.0, place.1.as_str());
        let targets: Vec<&str> =
            call.action.targets.iter().filter_map(|id| Some(self.definition(id)?.name.as_str())).collect();
        let question = match targets.is_empty() {
            true => script.text.clone(),
            false => format!("{} (on {})", script.text, targets.join(", ")),
        };
        let question = self.text(place, &question, &around.scope, Form::Printed);
        let mut step = step(id, [("approval", Value::from(question))]);
        if call.asked() > 0 {
            step.insert("form".to_owned(), self.form_of(call, around));
        }
        let agent = self.definition(&call.action.agent);
        let of = |this: &mut Self, text: &str| {
            Value::from(this.text((call.number, "agent"), text, &around.scope, Form::Printed))
        };
        match agent.map(|agent| (&agent.kind, agent.name.as_str())) {
            Some((AgentTargetKind::Group(_), name)) => set(&mut step, "group", Some(of(self, name))),
            Some((AgentTargetKind::Individual(Contact { email, .. }), name)) => {
                let mut people: Vec<Value> = email.values().map(|email| of(self, email)).collect();
                if people.is_empty() {
                    people.push(of(self, name));
                }
                set(&mut step, "assignees", Some(Value::Array(people)));
            }
            _ => {}
        }
        (step, Gives::Form)
    }

    /// The form that asks for what the step writes.
    fn form_of(&self, call: Call<'p>, around: &Around) -> Value {
        let (mut properties, mut required) = (Fields::new(), Vec::new());
        for name in &call.action.out_args {
            let Some(variable_type) = around.scope.has(name.as_str()) else { continue };
            let word = match variable_type {
                VariableType::Bool => "boolean",
                VariableType::Dictionary => "object",
                VariableType::Float => "number",
                VariableType::Integer | VariableType::Long => "integer",
                _ => "string",
            };
            properties.insert(name.inner().to_owned(), Value::Object(map([("type", Value::from(word))])));
            required.push(Value::from(name.inner()));
        }
        Value::Object(map([
            ("type", Value::from("object")),
            ("required", Value::Array(required)),
            ("additionalProperties", Value::Bool(false)),
            ("properties", Value::Object(properties)),
        ]))
    }
}
