//! The root: the data of one render, read from JSON text when a template first asks for it, and the
//! meter of that render.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::Object;
use updraft_protocol::limits::TEMPLATE_OUTPUT_BYTES;
use updraft_protocol::{Failure, Json, TaskStatus};

use super::json;
use super::meter::Meter;
use crate::plan::References;
use crate::scope::{ANSWER_FIELDS, Scope};

/// What the templates of one render see.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) meter: Meter,
    /// What the template at hand may still print.
    printable: AtomicUsize,
    input: Lazy,
    variables: Lazy,
    steps: OnceLock<Value>,
    /// The steps that the templates name and that have run.
    views: BTreeMap<String, View>,
}

#[derive(Debug)]
struct Lazy {
    text: Json,
    value: OnceLock<Value>,
}

#[derive(Debug)]
struct View {
    status: TaskStatus,
    output: Option<Json>,
    error: Option<Failure>,
}

impl Root {
    /// What `references` name of `scope`.
    pub(super) fn new(references: &References, scope: &dyn Scope) -> Self {
        let lazy = |read: bool, text: &Json| Lazy {
            text: if read { text.clone() } else { Json::null() },
            value: OnceLock::new(),
        };
        let view = |id: &String| {
            let view = scope.step(id)?;
            let view = View { status: view.status, output: view.output.cloned(), error: view.error.cloned() };
            Some((id.clone(), view))
        };
        Self {
            meter: Meter::new(),
            printable: AtomicUsize::new(TEMPLATE_OUTPUT_BYTES),
            input: lazy(references.input, scope.input()),
            variables: lazy(references.variables, scope.variables()),
            steps: OnceLock::new(),
            views: references.steps.keys().filter_map(view).collect(),
        }
    }

    pub(super) fn printable(&self) -> usize {
        self.printable.load(Ordering::Relaxed)
    }

    pub(super) fn set_printable(&self, left: usize) {
        self.printable.store(left, Ordering::Relaxed);
    }
}

impl Lazy {
    fn get(&self, name: &'static str) -> Value {
        self.value.get_or_init(|| json::to_template(self.text.as_str(), name)).clone()
    }
}

impl View {
    fn value(&self) -> Value {
        let mut fields = vec![("status", Value::from(self.status.as_str()))];
        if let Some(output) = &self.output {
            fields.push(("output", json::to_template(output.as_str(), "output")));
        }
        if let Some(error) = &self.error {
            fields.push(("error", error_value(error)));
        }
        Value::from_pairs(fields)
    }
}

/// What can be read of a failure: what the tool did not answer is undefined.
fn error_value(error: &Failure) -> Value {
    let mut fields =
        vec![("kind", Value::from(error.kind.as_str())), ("message", Value::from(error.message.as_str()))];
    if let Some(answer) = &error.answer {
        let answer = json::to_template(answer.as_str(), "error");
        let field = |name| Some((name, answer.get_attr(name).ok().filter(|value| !value.is_undefined())?));
        fields.extend(ANSWER_FIELDS.into_iter().filter_map(field));
    }
    Value::from_pairs(fields)
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "input" => Some(self.input.get("input")),
            "variables" => Some(self.variables.get("variables")),
            "steps" => {
                let steps = || self.views.iter().map(|(id, view)| (id.as_str(), view.value()));
                Some(self.steps.get_or_init(|| Value::from_pairs(steps())).clone())
            }
            "root" => Some(Value::from_dyn_object(Arc::clone(self))),
            _ => None,
        }
    }
}
