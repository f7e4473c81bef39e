//! Compiling: walks an author's value and compiles its texts, each by its place, and collects every mistake with its
//! place.

use std::collections::BTreeMap;

use updraft_protocol::limits::{MISTAKES, NESTING, SECRETS_OF_STEP};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{ActionSpec, Argument, Value};

use super::at::At;
use super::budget::Budget;
use super::lower::TextUse;
use super::secret::{self, KEY};
use super::text::Text;
use super::{Node, PART_BYTES, Template, command, line, url};
use crate::mistake::Mistake;

/// Compiles data.
pub(super) fn compile(path: &str, value: &Value, budget: &mut Budget) -> Result<Template, Vec<Mistake>> {
    let mut compiling = Compiling::new(budget, Err(secret::ELSEWHERE));
    let node = compiling.data(&At::new(path), value, 0);
    let (template, mistakes) = compiling.template(node);
    if mistakes.is_empty() { Ok(template) } else { Err(mistakes) }
}

/// Compiles the arguments of an action, and reports the mistakes in them. A refused part is left unknown.
pub(super) fn arguments(
    path: &str,
    arguments: &BTreeMap<String, Value>,
    spec: &ActionSpec,
    budget: &mut Budget,
) -> (Template, Vec<Mistake>) {
    let takes_secrets = if spec.takes_secrets { Ok(()) } else { Err(secret::NOT_TAKEN) };
    let mut compiling = Compiling::new(budget, takes_secrets);
    let at = At::new(path);
    if arguments.contains_key(KEY) {
        compiling.mistake(Mistake::new(path, secret::WHOLE));
    }
    let nodes = arguments.iter().map(|(name, value)| {
        let node = compiling.argument(&at.field(name), spec.argument(name), value, 1);
        (name.clone(), node)
    });
    let nodes = nodes.collect();
    compiling.template(map(nodes))
}

struct Compiling<'b> {
    template: Template,
    mistakes: Vec<Mistake>,
    budget: &'b mut Budget,
    /// Whether references to secrets are allowed as values, or why not.
    takes_secrets: Result<(), &'static str>,
}

/// The message for a template in a field's name.
const NAME: &str = "the name of a field is written out, without a template; templates stand in values";

/// The message for a value of a query, form or header.
const SCALAR: &str = "a text, a number, true or false is needed";

impl<'b> Compiling<'b> {
    fn new(budget: &'b mut Budget, takes_secrets: Result<(), &'static str>) -> Self {
        Self { template: Template::default(), mistakes: vec![], budget, takes_secrets }
    }

    fn template(mut self, node: Node) -> (Template, Vec<Mistake>) {
        self.template.references.wanted.settle();
        (Template { node, ..self.template }, self.mistakes)
    }

    /// Charges for a part that is kept in memory.
    fn kept(&mut self, at: &At, depth: usize) -> bool {
        let kept = if depth > NESTING {
            Err(format!("nested more than {NESTING} deep"))
        } else {
            self.budget.keep(PART_BYTES)
        };
        kept.map_err(|message| self.mistake(Mistake::new(&at.path, message))).is_ok()
    }

    /// A value as the integration reads it.
    fn argument(&mut self, at: &At, kind: Argument, value: &Value, depth: usize) -> Node {
        match kind {
            Argument::Data => self.data(at, value, depth),
            Argument::Text => self.scalar(at, value, TextUse::Field),
            Argument::Url => self.url(at, value),
            Argument::Command => self.command(at, value),
            Argument::Html => self.scalar(at, value, TextUse::Html),
            Argument::Fields => self.fields(at, value, Self::entry),
            Argument::Headers => {
                self.fields(at, value, |this, at, value| this.scalar(at, value, TextUse::Header))
            }
            Argument::Secret => self.only_secret(at, value),
            Argument::Secrets => self.fields(at, value, Self::only_secret),
            Argument::Map(known) => self.known(at, known, value, depth),
            Argument::Parts(known) => self.fields(at, value, |this, at, value| match value {
                Value::Object(map) if !map.contains_key(KEY) => this.known(at, known, value, depth + 1),
                _ => this.scalar(at, value, TextUse::Field),
            }),
            Argument::Option => self.option(at, value, depth),
        }
    }

    /// Any value.
    fn data(&mut self, at: &At, value: &Value, depth: usize) -> Node {
        if !self.kept(at, depth) {
            return Node::Placeholder;
        }
        match value {
            Value::String(text) if Text::is_template(text) => self.text(at, text, TextUse::Data),
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                list(nodes.map(|(number, item)| self.data(&at.item(number), item, depth + 1)).collect())
            }
            Value::Object(map) if map.contains_key(KEY) => self.secret(at, map, TextUse::Data),
            Value::Object(fields) => {
                if self.takes_secrets.is_ok() && secret::is_lookalike(fields) {
                    self.lookalike(at);
                }
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| {
                        let place = self.named(at, name);
                        (name.clone(), self.data(&place, item, depth + 1))
                    })
                    .collect())
            }
            other => Node::Literal(other.clone()),
        }
    }

    /// A constant.
    fn option(&mut self, at: &At, value: &Value, depth: usize) -> Node {
        if !self.kept(at, depth) {
            return Node::Placeholder;
        }
        match value {
            Value::String(text) if Text::is_template(text) => {
                self.refused(at, "it says how the call is made and is written out, without a template")
            }
            Value::Array(items) => {
                let nodes = items.iter().enumerate();
                list(nodes.map(|(number, item)| self.option(&at.item(number), item, depth + 1)).collect())
            }
            Value::Object(map) if map.contains_key(KEY) => self.refused(at, secret::NO_OPTION),
            Value::Object(fields) => {
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| (name.clone(), self.option(&at.field(name), item, depth + 1)))
                    .collect())
            }
            other => Node::Literal(other.clone()),
        }
    }

    fn url(&mut self, at: &At, value: &Value) -> Node {
        match value {
            Value::String(text) if Text::is_template(text) => {
                self.written(at, text);
                self.text(at, text, TextUse::Url)
            }
            Value::String(text) => match url::check(text) {
                Ok(()) => {
                    self.written(at, text);
                    Node::Literal(value.clone())
                }
                Err(message) => self.refused(at, message),
            },
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(at, secret::NO_URL),
            _ => self.refused(at, "a text is needed"),
        }
    }

    fn command(&mut self, at: &At, value: &Value) -> Node {
        match value {
            Value::String(text) if Text::is_template(text) => self.text(at, text, TextUse::Command),
            Value::String(text) => match command::check_text(text) {
                Ok(()) => Node::Literal(value.clone()),
                Err(message) => self.refused(at, message),
            },
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(at, secret::NO_COMMAND),
            _ => self.refused(at, "a text is needed"),
        }
    }

    /// Keeps the endpoint of a URL, if its author wrote it as a constant.
    fn written(&mut self, at: &At, text: &str) {
        if let Some(base) = url::written_base(text)
            && self.budget.keep(PART_BYTES + base.len()).is_ok()
        {
            self.template.written.push(super::Written { place: at.path.clone(), base: base.to_owned() });
        }
    }

    /// A map whose names are the author's; `each` compiles a value.
    fn fields(&mut self, at: &At, value: &Value, each: impl Fn(&mut Self, &At, &Value) -> Node) -> Node {
        match value {
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(at, secret::WHOLE),
            Value::Object(fields) => {
                let nodes = fields.iter();
                map(nodes
                    .map(|(name, item)| {
                        let place = self.named(at, name);
                        (name.clone(), each(self, &place, item))
                    })
                    .collect())
            }
            Value::String(text) if Text::is_template(text) => {
                self.refused(at, "the map and its names are written out; templates stand in its values")
            }
            _ => self.refused(at, "a map from names to values is needed"),
        }
    }

    /// A map with these names only.
    fn known(&mut self, at: &At, known: &[(&str, Argument)], value: &Value, depth: usize) -> Node {
        let names = || known.iter().map(|(name, _)| *name);
        match value {
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.refused(at, secret::WHOLE),
            Value::Object(fields) => {
                let nodes = fields.iter().map(|(name, item)| {
                    let place = at.field(name);
                    let node = match known.iter().find(|(known, _)| known == name) {
                        Some((_, kind)) => self.argument(&place, *kind, item, depth + 1),
                        None => {
                            let near = suggestion(name, names());
                            let all = names().collect::<Vec<_>>().join(", ");
                            self.refused(&place, format!("there is no such field{near}; there are {all}"))
                        }
                    };
                    (name.clone(), node)
                });
                map(nodes.collect())
            }
            _ => {
                let all = names().collect::<Vec<_>>().join(", ");
                self.refused(at, format!("a map is needed, with some of {all}"))
            }
        }
    }

    /// A reference to a secret, and no other value.
    fn only_secret(&mut self, at: &At, value: &Value) -> Node {
        match value {
            Value::Null => Node::Literal(Value::Null),
            Value::Object(map) if map.contains_key(KEY) => self.secret(at, map, TextUse::Data),
            _ => self.refused(at, "a secret is needed, not its text: `{$secret: NAME}`"),
        }
    }

    /// A field of a query or form.
    fn entry(&mut self, at: &At, value: &Value) -> Node {
        let Value::Array(items) = value else { return self.scalar(at, value, TextUse::Field) };
        let items = items.iter().enumerate();
        list(items.map(|(number, item)| self.scalar(&at.item(number), item, TextUse::Field)).collect())
    }

    fn scalar(&mut self, at: &At, value: &Value, place: TextUse) -> Node {
        if !self.kept(at, 0) {
            return Node::Placeholder;
        }
        match value {
            Value::String(text) if Text::is_template(text) => self.text(at, text, place),
            Value::String(text) if place == TextUse::Header => match line::check(text) {
                Ok(()) => Node::Literal(value.clone()),
                Err(message) => self.refused(at, message),
            },
            Value::Object(map) if map.contains_key(KEY) => self.secret(at, map, place),
            Value::Object(_) if self.takes_secrets.is_ok() => {
                self.refused(at, format!("{SCALAR}; a secret is written `{{$secret: NAME}}`"))
            }
            Value::Array(_) | Value::Object(_) => self.refused(at, SCALAR),
            other => Node::Literal(other.clone()),
        }
    }

    /// A reference to a secret: `null` takes its place.
    fn secret(&mut self, at: &At, map: &BTreeMap<String, Value>, place: TextUse) -> Node {
        if let Err(why) = self.takes_secrets {
            return self.refused(at, why);
        }
        match secret::read(at, map, place == TextUse::Header) {
            Ok(_) if self.template.secrets.len() >= SECRETS_OF_STEP => {
                self.refused(at, format!("at most {SECRETS_OF_STEP} secrets are allowed in a step"))
            }
            Ok(reference) => {
                self.template.secrets.push(reference);
                Node::Placeholder
            }
            Err(mistake) => {
                self.mistake(mistake);
                Node::Placeholder
            }
        }
    }

    fn text(&mut self, at: &At, source: &str, place: TextUse) -> Node {
        match Text::compile(&at.path, source, place, self.budget) {
            Ok((text, found)) => {
                self.template.references.merge(found.references);
                self.template.endpoints.extend(found.endpoints);
                let structures = found.structures.into_iter();
                let structures = structures.map(|filter| super::Structure { place: at.path.clone(), filter });
                self.template.structures.extend(structures);
                Node::Text(Box::new(text))
            }
            Err(mistakes) => {
                mistakes.into_iter().for_each(|mistake| self.mistake(mistake));
                Node::Placeholder
            }
        }
    }

    /// The place of a field, whose name is the author's.
    fn named(&mut self, at: &At, name: &str) -> At {
        let place = at.field(name);
        if Text::is_template(name) {
            self.mistake(Mistake::new(place.path.clone(), NAME));
        }
        place
    }

    fn refused(&mut self, at: &At, message: impl Into<String>) -> Node {
        self.mistake(Mistake::new(&at.path, message));
        Node::Placeholder
    }

    /// Keeps the place of a map that its author may mean as a secret.
    fn lookalike(&mut self, at: &At) {
        if self.budget.keep(PART_BYTES + at.path.len()).is_ok() {
            self.template.lookalikes.push(at.path.clone());
        }
    }

    fn mistake(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MISTAKES && self.budget.tells() {
            self.mistakes.push(mistake);
        }
    }
}

/// A list, which is literal if all its items are.
fn list(nodes: Vec<Node>) -> Node {
    if !nodes.iter().all(is_literal) {
        return Node::List(nodes);
    }
    Node::Literal(Value::Array(nodes.into_iter().filter_map(literal).collect()))
}

/// A map, which is literal if all its values are.
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
