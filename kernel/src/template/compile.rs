//! Compiling: walks a JSON value and compiles its texts, collecting every mistake with its place.

use updraft_protocol::Value;
use updraft_protocol::limits::{MISTAKES, NESTING};

use super::budget::Budget;
use super::text::Text;
use super::{Node, Template};
use crate::plan::{Mistake, References};

pub(super) fn compile(path: &str, value: &Value, budget: &mut Budget) -> Result<Template, Vec<Mistake>> {
    let mut compiling = Compiling { references: References::default(), mistakes: vec![], budget };
    let node = compiling.node(path, value, 0);
    if compiling.mistakes.is_empty() {
        compiling.references.wanted.settle();
        return Ok(Template { node, references: compiling.references });
    }
    Err(compiling.mistakes)
}

struct Compiling<'b> {
    references: References,
    mistakes: Vec<Mistake>,
    budget: &'b mut Budget,
}

impl Compiling<'_> {
    fn node(&mut self, path: &str, value: &Value, depth: usize) -> Node {
        if depth > NESTING {
            self.mistake(Mistake::new(path, format!("nested more than {NESTING} deep")));
            return Node::Literal(updraft_protocol::Value::Null);
        }
        if let Err(message) = self.budget.keep(super::PART_BYTES) {
            self.mistake(Mistake::new(path, message));
            return Node::Literal(updraft_protocol::Value::Null);
        }
        match value {
            Value::String(text) if Text::is_template(text) => match Text::compile(path, text, self.budget) {
                Ok((text, references)) => {
                    self.references.merge(references);
                    Node::Text(Box::new(text))
                }
                Err(mistake) => {
                    self.mistake(mistake);
                    Node::Literal(updraft_protocol::Value::Null)
                }
            },
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                let nodes: Vec<_> =
                    nodes.map(|(at, item)| self.node(&format!("{path}[{at}]"), item, depth + 1)).collect();
                if nodes.iter().all(is_literal) {
                    Node::Literal(value.clone().into())
                } else {
                    Node::List(nodes)
                }
            }
            Value::Object(map) => {
                let nodes: Vec<_> = map
                    .iter()
                    .map(|(name, item)| (name.clone(), self.node(&field(path, name), item, depth + 1)))
                    .collect();
                let literal = nodes.iter().all(|(_, node)| is_literal(node));
                if literal { Node::Literal(value.clone().into()) } else { Node::Map(nodes) }
            }
            other => Node::Literal(other.clone().into()),
        }
    }

    fn mistake(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MISTAKES {
            self.mistakes.push(mistake);
        }
    }
}

fn is_literal(node: &Node) -> bool {
    matches!(node, Node::Literal(_))
}

/// The path of a field: `path.name`, or `path["na me"]` where the name is not a plain one.
fn field(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{name}") } else { format!("{path}[{name:?}]") }
}
