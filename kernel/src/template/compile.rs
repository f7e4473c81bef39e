//! Compiling: walks what an author wrote and compiles its texts, each by the place where it stands, collecting every
//! mistake with its place.

use std::collections::BTreeMap;

use updraft_protocol::limits::{MISTAKES, NESTING};
use updraft_protocol::{ActionSpec, Argument, Value};

use super::budget::Budget;
use super::lower::Place;
use super::secret::{self, KEY};
use super::text::Text;
use super::{Node, PART_BYTES, Template, line, url};
use crate::plan::Mistake;

/// Compiles data.
pub(super) fn compile(path: &str, value: &Value, budget: &mut Budget) -> Result<Template, Vec<Mistake>> {
    let mut compiling = Compiling::new(budget);
    let node = compiling.data(path, value, 0);
    compiling.template(node)
}

/// Compiles the arguments of an action.
pub(super) fn arguments(
    path: &str,
    arguments: &BTreeMap<String, Value>,
    spec: &ActionSpec,
    budget: &mut Budget,
) -> Result<Template, Vec<Mistake>> {
    let mut compiling = Compiling::new(budget);
    if arguments.contains_key(KEY) {
        compiling.mistake(Mistake::new(path, secret::ELSEWHERE));
    }
    let nodes = arguments.iter().map(|(name, value)| {
        let place = field(path, name);
        let node = match spec.argument(name) {
            Argument::Data => compiling.data(&place, value, 1),
            Argument::Url => compiling.url(&place, value),
            Argument::Fields => {
                compiling.fields(&place, value, |this, place, _, value| this.entry(place, value))
            }
            Argument::Headers => compiling.fields(&place, value, |this, place, header, value| {
                this.header(place, &secret::pointer(name, header), value)
            }),
            Argument::Option => compiling.option(&place, value, 1),
        };
        (name.clone(), node)
    });
    let nodes = nodes.collect();
    compiling.template(map(nodes))
}

struct Compiling<'b> {
    template: Template,
    mistakes: Vec<Mistake>,
    budget: &'b mut Budget,
}

/// How many characters of a name a path shows.
const NAME_SHOWN: usize = 64;
/// Why a name is no template.
const NAME: &str = "the name of a field is written out, without a template; templates stand in values";

/// What a value of a query, form or header needs to be.
const SCALAR: &str = "a text, a number, true or false is needed";

impl<'b> Compiling<'b> {
    fn new(budget: &'b mut Budget) -> Self {
        Self { template: Template::default(), mistakes: vec![], budget }
    }

    fn template(mut self, node: Node) -> Result<Template, Vec<Mistake>> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        self.template.references.wanted.settle();
        Ok(Template { node, ..self.template })
    }

    /// A part that is kept in memory.
    fn kept(&mut self, path: &str, depth: usize) -> bool {
        let kept = if depth > NESTING {
            Err(format!("nested more than {NESTING} deep"))
        } else {
            self.budget.keep(PART_BYTES)
        };
        kept.map_err(|message| self.mistake(Mistake::new(path, message))).is_ok()
    }

    /// Any value.
    fn data(&mut self, path: &str, value: &Value, depth: usize) -> Node {
        if !self.kept(path, depth) {
            return Node::default();
        }
        match value {
            Value::String(text) if Text::is_template(text) => self.text(path, text, Place::Data),
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                list(nodes.map(|(at, item)| self.data(&format!("{path}[{at}]"), item, depth + 1)).collect())
            }
            Value::Object(map) if map.contains_key(KEY) => self.refused(path, secret::ELSEWHERE),
            Value::Object(fields) => {
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| {
                        let place = self.named(path, name);
                        (name.clone(), self.data(&place, item, depth + 1))
                    })
                    .collect())
            }
            other => Node::Literal(other.clone()),
        }
    }

    /// What is written out.
    fn option(&mut self, path: &str, value: &Value, depth: usize) -> Node {
        if !self.kept(path, depth) {
            return Node::default();
        }
        match value {
            Value::String(text) if Text::is_template(text) => {
                self.refused(path, "it says how the call is made and is written out, without a template")
            }
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                list(nodes.map(|(at, item)| self.option(&format!("{path}[{at}]"), item, depth + 1)).collect())
            }
            Value::Object(map) if map.contains_key(KEY) => self.refused(path, secret::ELSEWHERE),
            Value::Object(fields) => {
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| (name.clone(), self.option(&field(path, name), item, depth + 1)))
                    .collect())
            }
            other => Node::Literal(other.clone()),
        }
    }

    fn url(&mut self, path: &str, value: &Value) -> Node {
        match value {
            Value::String(text) if Text::is_template(text) => self.text(path, text, Place::Url),
            Value::String(text) => match url::check(text) {
                Ok(()) => Node::Literal(value.clone()),
                Err(message) => self.refused(path, message),
            },
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(path, secret::ELSEWHERE),
            _ => self.refused(path, "a text is needed"),
        }
    }

    /// A map whose names are the author's; `each` compiles a value by its place and name.
    fn fields(
        &mut self,
        path: &str,
        value: &Value,
        each: impl Fn(&mut Self, &str, &str, &Value) -> Node,
    ) -> Node {
        match value {
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(path, secret::ELSEWHERE),
            Value::Object(fields) => {
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| {
                        let place = self.named(path, name);
                        (name.clone(), each(self, &place, name, item))
                    })
                    .collect())
            }
            Value::String(text) if Text::is_template(text) => {
                self.refused(path, "the map and its names are written out; templates stand in its values")
            }
            _ => self.refused(path, "a map from names to values is needed"),
        }
    }

    /// A field of a query or form.
    fn entry(&mut self, path: &str, value: &Value) -> Node {
        let Value::Array(items) = value else { return self.scalar(path, value, Place::Field) };
        let items = items.iter().enumerate();
        list(items.map(|(at, item)| self.scalar(&format!("{path}[{at}]"), item, Place::Field)).collect())
    }

    /// A header; `pointer` is its place in the arguments.
    fn header(&mut self, path: &str, pointer: &str, value: &Value) -> Node {
        let reference = match value {
            Value::Object(map) if map.contains_key(KEY) => secret::read(path, pointer, map),
            _ => return self.scalar(path, value, Place::Header),
        };
        match reference {
            Ok(reference) => self.template.secrets.push(reference),
            Err(mistake) => self.mistake(mistake),
        }
        Node::Literal(Value::Null)
    }

    fn scalar(&mut self, path: &str, value: &Value, place: Place) -> Node {
        if !self.kept(path, 0) {
            return Node::default();
        }
        match value {
            Value::String(text) if Text::is_template(text) => self.text(path, text, place),
            Value::String(text) if place == Place::Header => match line::check(text) {
                Ok(()) => Node::Literal(value.clone()),
                Err(message) => self.refused(path, message),
            },
            Value::Object(map) if map.contains_key(KEY) => self.refused(path, secret::ELSEWHERE),
            Value::Object(_) if place == Place::Header => {
                self.refused(path, format!("{SCALAR}; a secret is written `{{$secret: NAME}}`"))
            }
            Value::Array(_) | Value::Object(_) => self.refused(path, SCALAR),
            other => Node::Literal(other.clone()),
        }
    }

    fn text(&mut self, path: &str, source: &str, place: Place) -> Node {
        match Text::compile(path, source, place, self.budget) {
            Ok((text, found)) => {
                self.template.references.merge(found.references);
                self.template.endpoints.extend(found.endpoints);
                let structures = found.structures.into_iter();
                let structures = structures.map(|filter| super::Structure { place: path.to_owned(), filter });
                self.template.structures.extend(structures);
                Node::Text(Box::new(text))
            }
            Err(mistake) => {
                self.mistake(mistake);
                Node::Literal(Value::Null)
            }
        }
    }

    /// The place of a field, whose name is the author's.
    fn named(&mut self, path: &str, name: &str) -> String {
        let place = field(path, name);
        if Text::is_template(name) {
            self.mistake(Mistake::new(place.clone(), NAME));
        }
        place
    }

    fn refused(&mut self, path: &str, message: impl Into<String>) -> Node {
        self.mistake(Mistake::new(path, message));
        Node::Literal(Value::Null)
    }

    fn mistake(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MISTAKES && self.budget.tells() {
            self.mistakes.push(mistake);
        }
    }
}

/// A list, which is literal where all its items are.
fn list(nodes: Vec<Node>) -> Node {
    if !nodes.iter().all(is_literal) {
        return Node::List(nodes);
    }
    Node::Literal(Value::Array(nodes.into_iter().filter_map(literal).collect()))
}

/// A map, which is literal where all its values are.
fn map(nodes: Vec<(String, Node)>) -> Node {
    if !nodes.iter().all(|(_, node)| is_literal(node)) {
        return Node::Map(nodes);
    }
    let fields = nodes.into_iter().filter_map(|(name, node)| Some((name, literal(node)?)));
    Node::Literal(Value::Object(fields.collect()))
}

fn literal(node: Node) -> Option<Value> {
    match node {
        Node::Literal(value) => Some(value),
        _ => None,
    }
}

fn is_literal(node: &Node) -> bool {
    matches!(node, Node::Literal(_))
}

/// The path of a field: `path.name`, or `path["na me"]` where the name is not a plain one. A long name is cut: the paths of
/// all that stands in it have it too.
pub(super) fn field(path: &str, name: &str) -> String {
    if let Some((at, _)) = name.char_indices().nth(NAME_SHOWN) {
        let shown = name.get(..at).unwrap_or_default();
        return format!("{path}[\"{}…\"]", shown.escape_debug());
    }
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{name}") } else { format!("{path}[{name:?}]") }
}
