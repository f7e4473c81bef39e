//! Templates: JSON whose texts may name data of the execution. Owns what a template may do and what it
//! may cost; knows nothing of steps beyond their ids.
//!
//! Authors are tenants, and templates run on the thread of a shard: a template is parsed by minijinja,
//! rewritten so that all it does is metered (`lower`), and run by minijinja.

mod allowed;
mod builtins;
mod compile;
mod each;
mod engine;
mod json;
mod lower;
pub(crate) mod meter;
mod metering;
mod printer;
mod root;
mod scan;
mod text;
mod weight;

use std::sync::Arc;

use serde_json::{Map, Value};
use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_FUEL};
use updraft_protocol::{Failure, FailureKind};

use crate::plan::{Mistake, References};
use crate::scope::Scope;
use root::Root;
use text::Text;

/// A JSON value whose texts may be templates, compiled.
#[derive(Debug)]
pub struct Template {
    node: Node,
    references: References,
}

/// A part of the value.
#[derive(Debug)]
enum Node {
    Literal(Value),
    Text(Box<Text>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Template {
    /// Compiles the texts of `value`; `path` says where it stands in the playbook.
    ///
    /// # Errors
    /// The mistakes in its templates, at most [`updraft_protocol::limits::MISTAKES`].
    pub fn compile(path: &str, value: &Value) -> Result<Self, Vec<Mistake>> {
        compile::compile(path, value)
    }

    /// The value with its texts rendered from `scope`.
    ///
    /// # Errors
    /// A failure of the kind `Template`. It names the text that failed, and no data.
    pub fn render(&self, scope: &dyn Scope) -> Result<updraft_protocol::Value, Failure> {
        if let Node::Literal(value) = &self.node {
            return Ok(value.clone().into());
        }
        let mut rendering = Rendering {
            root: Arc::new(Root::new(&self.references, scope)),
            fuel: TEMPLATE_FUEL,
            left: ARGUMENTS_BYTES,
        };
        rendering.node(&self.node, 0).map(Into::into)
    }

    /// Whether it has no template in it.
    pub fn is_literal(&self) -> bool {
        matches!(self.node, Node::Literal(_))
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.node.bytes()
    }

    /// What its templates read.
    pub(crate) fn references(&self) -> &References {
        &self.references
    }
}

impl Node {
    /// About how many bytes it takes in memory.
    fn bytes(&self) -> usize {
        /// A name, a place in a list or a map, and what allocations leave unused.
        const PART_BYTES: usize = 128;
        let own = match self {
            Self::Literal(value) => literal_bytes(value),
            Self::Text(text) => text.bytes,
            Self::List(items) => items.iter().map(Self::bytes).sum(),
            Self::Map(entries) => entries.iter().map(|(name, node)| name.len() + node.bytes()).sum(),
        };
        PART_BYTES + own
    }
}

fn literal_bytes(value: &Value) -> usize {
    const VALUE_BYTES: usize = 96;
    let parts = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(literal_bytes).sum(),
        Value::Object(map) => map.iter().map(|(name, value)| name.len() + literal_bytes(value)).sum(),
    };
    VALUE_BYTES + parts
}

/// One render: what its templates may still cost together.
struct Rendering {
    root: Arc<Root>,
    fuel: u64,
    left: usize,
}

impl Rendering {
    fn node(&mut self, node: &Node, depth: usize) -> Result<Value, Failure> {
        Ok(match node {
            Node::Literal(value) => {
                self.take(value.to_string().len())?;
                value.clone()
            }
            Node::Text(text) => {
                let used = text.run(&self.root, &mut self.left, depth)?;
                self.fuel = self.fuel.checked_sub(used.fuel).ok_or_else(|| text.out_of_fuel())?;
                used.value
            }
            Node::List(items) => {
                self.take(items.len())?;
                Value::Array(items.iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Node::Map(entries) => {
                let mut map = Map::new();
                for (name, node) in entries {
                    self.take(name.len() + 4)?;
                    map.insert(name.clone(), self.node(node, depth + 1)?);
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

#[cfg(test)]
mod tests;
