//! Templates: JSON whose texts may refer to data of the execution; and their expression language, which conditions use
//! too. Owns the abilities of a template and the limits of its cost; of steps it knows only the ids.
//!
//! Authors are tenants, and templates run on the thread of a shard. So a template is parsed by minijinja, lowered to
//! our own code (`lower`), and run with a meter that each step charges before it works (`run`, `meter`).

mod allowed;
pub(crate) mod at;
mod attribute;
mod budget;
mod checks;
mod code;
mod command;
mod compare;
mod compile;
mod compiler;
mod filters;
mod html;
mod json;
mod line;
mod lower;
mod number;
mod one;
mod operators;
mod pattern;
mod printer;
mod read;
mod root;
mod run;
mod scan;
pub(crate) mod secret;
mod spelling;
mod text;
pub(crate) mod url;
mod value;

use std::collections::BTreeMap;

use updraft_protocol::limits::{ARGUMENTS_BYTES, EVALUATION_WORK};
use updraft_protocol::{ActionSpec, Failure, FailureKind, Json, SecretReference, Value};

use crate::{meter::VALUE_WORK, mistake::Mistake, references::References, visible::Visible};
use root::Root;

pub(crate) use budget::Budget;
pub use compiler::TextCompiler;
pub(crate) use spelling::is_root;
pub(crate) use text::Text;

/// A JSON value whose texts may be templates, compiled.
#[derive(Debug, Default)]
pub struct Template {
    node: Node,
    references: References,
    secrets: Vec<SecretReference>,
    endpoints: Vec<url::Endpoint>,
    written: Vec<Written>,
    structures: Vec<Structure>,
    /// The places of maps that look like a reference to a secret, and are none.
    lookalikes: Vec<String>,
}

/// An endpoint that an author wrote as a constant: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The URL's place in the playbook.
    pub(crate) place: String,
    /// The URL up to its path.
    pub(crate) base: String,
}

/// A place where an author allows a value to be structure: more than one segment of a path, or more than one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The place: `steps[3].arguments.url`.
    pub place: String,
    /// The filter: `path`, `query` or `spread`.
    pub filter: &'static str,
}

/// A part of the value.
#[derive(Debug)]
enum Node {
    Literal(Value),
    /// A reference to a secret, which the template lists; or a part that was refused.
    Placeholder,
    Text(Box<Text>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Template {
    /// Compiles the texts of `value`; `path` is its place in the playbook.
    ///
    /// # Errors
    /// The mistakes in its templates, at most [`updraft_protocol::limits::MISTAKES`].
    pub fn compile(path: &str, value: &Value) -> Result<Self, Vec<Mistake>> {
        Self::compile_within(path, value, &mut Budget::new())
    }

    /// Compiles the texts of `value` within the rest of a playbook's budget.
    pub(crate) fn compile_within(
        path: &str,
        value: &Value,
        budget: &mut Budget,
    ) -> Result<Self, Vec<Mistake>> {
        compile::compile(path, value, budget)
    }

    /// Compiles the arguments of an action, each as `spec` declares it; `path` is their place in the playbook.
    ///
    /// # Errors
    /// The mistakes in them, at most [`updraft_protocol::limits::MISTAKES`].
    pub fn arguments(
        path: &str,
        arguments: &BTreeMap<String, Value>,
        spec: &ActionSpec,
    ) -> Result<Self, Vec<Mistake>> {
        let (template, mistakes) = Self::arguments_within(path, arguments, spec, &mut Budget::new());
        if mistakes.is_empty() { Ok(template) } else { Err(mistakes) }
    }

    /// Compiles the arguments of an action within the rest of a playbook's budget. A refused part is left unknown.
    pub(crate) fn arguments_within(
        path: &str,
        arguments: &BTreeMap<String, Value>,
        spec: &ActionSpec,
        budget: &mut Budget,
    ) -> (Self, Vec<Mistake>) {
        compile::arguments(path, arguments, spec, budget)
    }

    /// The value with its texts rendered from `visible`.
    ///
    /// # Errors
    /// A failure of the kind `Template`. It names the text that failed, and no data.
    pub fn render(&self, visible: &dyn Visible) -> Result<Value, Failure> {
        self.render_metered(visible).0
    }

    /// As [`Template::render`], with its cost.
    pub fn render_metered(&self, visible: &dyn Visible) -> (Result<Value, Failure>, Spent) {
        self.render_within(visible, (ARGUMENTS_BYTES, EVALUATION_WORK))
    }

    /// The same as JSON text. A value that is kept as its own text, such as the output of a step, is handed on by reference: its
    /// cost does not grow with it.
    pub fn render_json_metered(&self, visible: &dyn Visible) -> (Result<Json, Failure>, Spent) {
        if let Node::Text(text) = &self.node
            && let Some(json) = text.kept_whole(visible)
            && json.as_str().len() <= ARGUMENTS_BYTES
        {
            return (Ok(json), Spent { work: VALUE_WORK, bytes: 0 });
        }
        let (value, spent) = self.render_metered(visible);
        (value.map(|value| Json::from(&value)), spent)
    }

    /// The same, of at most so many bytes as JSON, for at most so many units of work.
    pub(crate) fn render_within(
        &self,
        visible: &dyn Visible,
        (bytes, work): (usize, u64),
    ) -> (Result<Value, Failure>, Spent) {
        if let Node::Literal(value) = &self.node {
            return (Ok(value.clone()), Spent::default());
        }
        let root = Root::within(&self.references, visible, work);
        let mut rendering = Rendering { root: &root, left: bytes };
        let rendered = rendering.node(&self.node, 0);
        (rendered, root.spent())
    }

    /// Whether it contains no template.
    pub fn is_literal(&self) -> bool {
        matches!(self.node, Node::Literal(_))
    }

    /// Its approximate size in memory.
    pub fn bytes(&self) -> usize {
        let endpoints: usize = self.endpoints.iter().map(url::Endpoint::bytes).sum();
        let places = self.structures.iter().map(|structure| structure.place.len());
        let secrets = self.secrets.iter().map(|secret| secret.place.len() + secret.prefix.len());
        let written = self.written.iter().map(|written| written.place.len() + written.base.len());
        let places = places.chain(written);
        let lookalikes = self.lookalikes.iter().map(String::len);
        let others: usize = places.chain(secrets).chain(lookalikes).map(|bytes| bytes + PART_BYTES).sum();
        self.node.bytes() + self.references.bytes() + endpoints + others
    }

    /// The secrets that its author refers to; the value has `null` in their places.
    pub fn secrets(&self) -> &[SecretReference] {
        &self.secrets
    }

    /// The places where its author allows a value to be structure.
    pub fn structures(&self) -> &[Structure] {
        &self.structures
    }

    /// The places of maps such as `{secret: NAME}`, which are data although their author may mean a secret.
    pub fn lookalikes(&self) -> &[String] {
        &self.lookalikes
    }

    /// The constants that its URLs connect to.
    pub(crate) fn endpoints(&self) -> &[url::Endpoint] {
        &self.endpoints
    }

    /// The endpoints of its URLs that its author wrote as constants.
    pub(crate) fn written_places(&self) -> &[Written] {
        &self.written
    }

    /// The constants in it; `null` in place of each template or secret.
    pub fn written_out(&self) -> Value {
        self.node.written_out()
    }

    /// The places of templates and secrets, whose values are not known before it runs: JSON pointers (RFC 6901).
    pub fn unknown(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.node.unknown(&at::At::new(""), &mut found);
        found
    }

    /// The data that its templates read.
    pub(crate) fn references(&self) -> &References {
        &self.references
    }
}

/// The memory of a part of a value: a name, an entry of a list or a map, and the unused rest of allocations.
const PART_BYTES: usize = 128;

impl Default for Node {
    fn default() -> Self {
        Self::Literal(Value::Null)
    }
}

impl Node {
    fn written_out(&self) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Text(_) | Self::Placeholder => Value::Null,
            Self::List(items) => Value::Array(items.iter().map(Self::written_out).collect()),
            Self::Map(fields) => {
                Value::Object(fields.iter().map(|(name, node)| (name.clone(), node.written_out())).collect())
            }
        }
    }

    fn unknown(&self, at: &at::At, found: &mut Vec<String>) {
        match self {
            Self::Literal(_) => {}
            Self::Text(_) | Self::Placeholder => found.push(at.pointer.clone()),
            Self::List(items) => {
                items.iter().enumerate().for_each(|(number, item)| item.unknown(&at.item(number), found));
            }
            Self::Map(fields) => {
                fields.iter().for_each(|(name, node)| node.unknown(&at.field(name), found));
            }
        }
    }

    /// Its approximate size in memory.
    fn bytes(&self) -> usize {
        let own = match self {
            Self::Placeholder => 0,
            Self::Literal(value) => literal_bytes(value),
            Self::Text(text) => text.bytes(),
            Self::List(items) => items.iter().map(Self::bytes).sum(),
            Self::Map(entries) => entries.iter().map(|(name, node)| name.len() + node.bytes()).sum(),
        };
        PART_BYTES + own
    }
}

fn literal_bytes(value: &Value) -> usize {
    const VALUE_BYTES: usize = 96;
    let parts = match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => number.as_digits().map_or(0, str::len),
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(literal_bytes).sum(),
        Value::Object(map) => map.iter().map(|(name, value)| name.len() + literal_bytes(value)).sum(),
    };
    VALUE_BYTES + parts
}

/// The cost of an evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Units of work, about a nanosecond each; at most [`updraft_protocol::limits::EVALUATION_WORK`].
    pub work: u64,
    /// Bytes that were allocated, including those that were freed again; at most
    /// [`updraft_protocol::limits::EVALUATION_BYTES`].
    pub bytes: u64,
}

/// The names of everything that templates can use: for tests and documents that list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// The statements in `{% … %}`, and printing.
    pub statements: Vec<&'static str>,
    /// The operators.
    pub operators: Vec<&'static str>,
    /// The filters, in the order of their names.
    pub filters: Vec<&'static str>,
    /// The tests, in the order of their names.
    pub tests: Vec<&'static str>,
}

/// The names of everything that templates can use.
pub fn language() -> Language {
    Language {
        statements: allowed::STATEMENTS.to_vec(),
        operators: allowed::OPERATORS.to_vec(),
        filters: allowed::filter_names(),
        tests: allowed::test_names(),
    }
}

/// One render, with the number of bytes that its templates may still produce.
struct Rendering<'r> {
    root: &'r Root<'r>,
    left: usize,
}

impl Rendering<'_> {
    fn node(&mut self, node: &Node, depth: usize) -> Result<Value, Failure> {
        Ok(match node {
            Node::Literal(value) => {
                self.take(value.to_string().len())?;
                value.clone()
            }
            Node::Placeholder => {
                self.take("null".len())?;
                Value::Null
            }
            Node::Text(text) => {
                let value = text.run(self.root, self.left);
                let tree =
                    value.and_then(|value| json::tree(&self.root.meter, &value, &mut self.left, depth));
                tree.map_err(|refusal| Failure::new(FailureKind::Template, text.said(refusal)))?
            }
            Node::List(items) => {
                self.take(items.len())?;
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    match (self.node(item, depth + 1)?, item) {
                        (Value::Array(values), Node::Text(text)) if text.spread => list.extend(values),
                        (value, _) => list.push(value),
                    }
                }
                Value::Array(list)
            }
            Node::Map(entries) => {
                let mut map = BTreeMap::new();
                for (name, node) in entries {
                    self.take(name.len() + 4)?;
                    let value = self.node(node, depth + 1)?;
                    let leaves_out = matches!(node, Node::Text(text) if text.leaves_out);
                    if !(leaves_out && value.is_null()) {
                        map.insert(name.clone(), value);
                    }
                }
                Value::Object(map)
            }
        })
    }

    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Failure::new(FailureKind::Template, format!("more than {ARGUMENTS_BYTES} bytes in all"))
        })?;
        Ok(())
    }
}

/// Whether a condition holds, or why it cannot be decided.
pub(crate) fn decide(
    text: &Text,
    references: &References,
    visible: &dyn Visible,
) -> (Result<bool, String>, Spent) {
    let root = Root::new(references, visible);
    let decided = text.run(&root, 0).map_err(|refusal| text.said(refusal)).and_then(|value| {
        value
            .as_bool()
            .ok_or_else(|| text.said(format!("gives a value of type {}, not true or false", value.kind())))
    });
    (decided, root.spent())
}

#[cfg(test)]
mod tests;
