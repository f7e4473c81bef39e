//! Data: what a condition reads, from JSON text to CEL values that borrow from it.

use std::collections::{BTreeMap, HashMap};

use cel::Context;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use serde_json::{Map, Value};
use updraft_protocol::Json;

use crate::plan::References;
use crate::scope::{Scope, StepView};

/// A value whose texts are borrowed.
type Borrowed<'v> = Box<dyn Val + 'v>;

/// The trees that a condition reads.
pub(super) struct Data {
    roots: BTreeMap<&'static str, Value>,
}

impl Data {
    /// Reads what `references` name of `scope`. A step that has not run is an absent key.
    pub(super) fn read(references: &References, scope: &dyn Scope) -> Result<Self, String> {
        let mut roots = BTreeMap::new();
        if references.input {
            roots.insert("input", tree(scope.input(), "input")?);
        }
        if references.variables {
            roots.insert("variables", tree(scope.variables(), "variables")?);
        }
        if !references.steps.is_empty() {
            let mut steps = Map::new();
            for id in references.steps.keys() {
                if let Some(view) = scope.step(id) {
                    steps.insert(id.clone(), step(&view)?);
                }
            }
            roots.insert("steps", Value::Object(steps));
        }
        Ok(Self { roots })
    }

    /// Gives the context the trees, borrowed.
    pub(super) fn add_to<'v>(&'v self, context: &mut Context<'_, 'v>) {
        for (name, tree) in &self.roots {
            context.add_variable_as_val(*name, value(tree));
        }
    }
}

fn tree(text: &Json, name: &str) -> Result<Value, String> {
    // The text was checked to be JSON; only its nesting can be wrong.
    serde_json::from_str(text.as_str()).map_err(|_| format!("`{name}` is nested too deeply to be read"))
}

fn step(view: &StepView<'_>) -> Result<Value, String> {
    let mut step = Map::new();
    step.insert("status".to_owned(), view.status.as_str().into());
    if let Some(output) = view.output {
        step.insert("output".to_owned(), tree(output, "output")?);
    }
    if let Some(error) = view.error {
        let fields = [("kind", error.kind.as_str()), ("message", error.message.as_str())];
        let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), text.into()));
        step.insert("error".to_owned(), Value::Object(fields.collect()));
    }
    Ok(Value::Object(step))
}

/// Recursion is bounded by what serde_json reads.
fn value(tree: &Value) -> Borrowed<'_> {
    match tree {
        Value::Null => Box::new(CelNull),
        Value::Bool(known) => Box::new(CelBool::from(*known)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            // A count is an `int` whatever its sign: `uint` and `int` do not add up in CEL.
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(value).collect::<Vec<_>>())),
        Value::Object(map) => {
            let map: HashMap<CelMapKey<'_>, Borrowed<'_>> =
                map.iter().map(|(key, item)| (CelMapKey::from(key.as_str()), value(item))).collect();
            Box::new(CelMap::from(map))
        }
    }
}
