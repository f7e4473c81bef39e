//! Compiling the texts of a document that is no playbook, such as a connector: the same language and the same rules of places,
//! over data of other names. Owns the budget of one document; runs nothing.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::{ActionSpec, Value};

use super::{Budget, Template};
use crate::condition::Condition;
use crate::mistake::Mistake;

/// Compiles the texts of one document. They read `constants`, and the names that the document gives them
/// ([`Visible::local`](crate::visible::Visible::local)).
#[derive(Debug)]
pub struct TextCompiler {
    budget: Budget,
}

impl Default for TextCompiler {
    fn default() -> Self {
        Self { budget: Budget::of_other() }
    }
}

impl TextCompiler {
    /// Compiles a value whose texts may be templates; they may read these names.
    ///
    /// # Errors
    /// The mistakes in them.
    pub fn value(&mut self, path: &str, value: &Value, names: &[&str]) -> Result<Template, Vec<Mistake>> {
        self.reads(names);
        Template::compile_within(path, value, &mut self.budget)
    }

    /// Compiles the arguments of a call, each as `spec` declares it. A part that has a mistake is left unknown. A field whose
    /// text is one expression is left out where that gives `null`, so that what was not given is not sent.
    pub fn arguments(
        &mut self,
        path: &str,
        arguments: &BTreeMap<String, Value>,
        spec: &ActionSpec,
        names: &[&str],
    ) -> (Template, Vec<Mistake>) {
        self.reads(names);
        self.budget.leaves_out = true;
        let compiled = Template::arguments_within(path, arguments, spec, &mut self.budget);
        self.budget.leaves_out = false;
        compiled
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn condition(&mut self, path: &str, source: &str, names: &[&str]) -> Result<Condition, Mistake> {
        self.reads(names);
        Condition::compile_within(path, source, &mut self.budget)
    }

    fn reads(&mut self, names: &[&str]) {
        self.budget.set_locals(names.iter().map(|name| (*name).into()).collect());
    }
}

impl Template {
    /// The fields of a value under this name that its templates read by names that are written out.
    pub fn fields_read(&self, root: &str) -> BTreeSet<&str> {
        let places = self.references.wanted.names_in(root).into_iter();
        places.filter_map(|names| names.first().copied()).collect()
    }
}

impl Condition {
    /// As [`Template::fields_read`].
    pub fn fields_read(&self, root: &str) -> BTreeSet<&str> {
        let places = self.references().wanted.names_in(root).into_iter();
        places.filter_map(|names| names.first().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use updraft_protocol::limits::MISTAKES;
    use updraft_protocol::{Json, Timestamp};

    use super::*;
    use crate::visible::{StepView, Visible};

    struct Data {
        constants: Json,
        body: Json,
    }

    impl Visible for Data {
        fn input(&self) -> &Json {
            &self.constants
        }

        fn variables(&self) -> &Json {
            &self.constants
        }

        fn constants(&self) -> &Json {
            &self.constants
        }

        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn local(&self, name: &str) -> Option<&Json> {
            (name == "body").then_some(&self.body)
        }

        fn step(&self, _: &str) -> Option<StepView<'_>> {
            None
        }
    }

    fn value(value: serde_json::Value) -> Value {
        value.into()
    }

    #[test]
    fn a_text_reads_constants_and_the_names_that_it_is_given() {
        let data = Data {
            constants: Json::from(serde_json::json!({"unit": "points"})),
            body: Json::from(serde_json::json!({"score": 7})),
        };
        let written = value(serde_json::json!({"said": "{{ body.score }} {{ constants.unit }}"}));
        let template = TextCompiler::default().value("result", &written, &["body"]).unwrap();
        assert_eq!(template.render(&data).unwrap(), value(serde_json::json!({"said": "7 points"})));
        assert_eq!(template.fields_read("body").into_iter().collect::<Vec<_>>(), ["score"]);
        let holds = TextCompiler::default().condition("when", "body.score > 5", &["body"]).unwrap();
        assert!(holds.decide(&data).unwrap());
    }

    #[test]
    fn a_field_of_a_call_that_is_not_given_is_left_out() {
        let data = Data {
            constants: Json::null(),
            body: Json::from(serde_json::json!({"given": "a", "none": null})),
        };
        let arguments = serde_json::json!({
            "headers": {"X-A": "{{ body.given }}", "X-B": "{{ body.none }}"},
            "json": {"deep": {"a": "{{ body.given }}", "b": "{{ body.none }}", "c": null, "d": ["{{ body.none }}"]}},
        });
        let Value::Object(arguments) = value(arguments) else { panic!("a map") };
        let spec = ActionSpec {
            arguments: &[("headers", updraft_protocol::Argument::Headers)],
            ..ActionSpec::default()
        };
        let (template, mistakes) = TextCompiler::default().arguments("request", &arguments, &spec, &["body"]);
        assert_eq!(mistakes, []);
        let sent = serde_json::json!({
            "headers": {"X-A": "a"},
            "json": {"deep": {"a": "a", "c": null, "d": [null]}},
        });
        assert_eq!(template.render(&data).unwrap(), value(sent));
    }

    #[test]
    fn what_a_playbook_reads_is_not_there() {
        for name in ["input", "variables", "steps.x.output", "now", "other"] {
            let written = value(serde_json::json!(format!("{{{{ {name} }}}}")));
            let mistakes = TextCompiler::default().value("result", &written, &["body"]).unwrap_err();
            assert!(mistakes.len() < MISTAKES);
            let message = &mistakes[0].message;
            assert!(
                message.contains("is not known") && message.contains("`constants` and `body`"),
                "{message}"
            );
        }
    }
}
