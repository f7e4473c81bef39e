//! Nodes: the content of a playbook's text, with the position of every part. Owns how parts become one tree, and its
//! limits; knows neither a notation nor the meaning of the fields.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::mistake::{Mistake, Step};
use crate::limits::{PLAYBOOK_UNFOLDED_BYTES, PLAYBOOK_UNFOLDED_VALUES, VALUE_NESTING};
use crate::value::Number;

/// One value of the text. Aliases share it.
#[derive(Debug)]
pub(super) struct Node {
    /// Its first byte in the text.
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// The number of its values, including itself.
    values: usize,
    /// The bytes of its texts.
    bytes: usize,
    /// Levels of lists and maps.
    height: usize,
}

/// The kind of a node.
#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Field>),
}

/// One field of a map, in the order of the text.
#[derive(Debug)]
pub(super) struct Field {
    /// The position of its name.
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) node: Rc<Node>,
}

impl Node {
    /// A node that is no list and no map.
    pub(super) fn scalar(at: usize, kind: Kind) -> Self {
        let bytes = if let Kind::Text(text) = &kind { text.len() } else { 0 };
        Self { at, kind, values: 1, bytes, height: 0 }
    }

    /// The bytes that are looked at to read it, each alias as often as it stands there.
    pub(super) fn work(&self) -> usize {
        /// About what a value takes that is no text.
        const VALUE_BYTES: usize = 64;
        self.bytes + self.values * VALUE_BYTES
    }

    pub(super) fn list(at: usize, items: Vec<Rc<Self>>) -> Self {
        let (values, bytes, height) = sum(items.iter());
        Self { at, kind: Kind::List(items), values, bytes, height }
    }

    pub(super) fn map(at: usize, fields: Vec<Field>) -> Self {
        let (values, bytes, height) = sum(fields.iter().map(|field| &field.node));
        let names: usize = fields.iter().map(|field| field.name.len()).sum();
        let values = values.saturating_add(fields.len());
        Self { at, kind: Kind::Map(fields), values, bytes: bytes.saturating_add(names), height }
    }
}

/// Values, bytes and levels of a list or map with these nodes.
fn sum<'n>(nodes: impl Iterator<Item = &'n Rc<Node>>) -> (usize, usize, usize) {
    nodes.fold((1, 0, 1), |(values, bytes, height), node| {
        (values.saturating_add(node.values), bytes.saturating_add(node.bytes), height.max(node.height + 1))
    })
}

/// Puts a tree together from its parts in the order of the text.
#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    /// Values and bytes from expanded aliases.
    unfolded: (usize, usize),
}

/// A list or map that is not complete.
struct Open {
    at: usize,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map {
        fields: Vec<Field>,
        /// The position of each name.
        names: BTreeMap<String, usize>,
        /// The name whose value is next.
        name: Option<(usize, String)>,
    },
}

impl Builder {
    /// Whether the next part is the name of a field.
    pub(super) fn wants_name(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { name: None, .. }, .. }))
    }

    /// A mistake at the current path.
    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) -> Mistake {
        let mut mistake = Mistake::new(at, message);
        for open in self.open.iter().rev() {
            match &open.content {
                Content::List(items) => mistake = mistake.inside(Step::Item(items.len())),
                Content::Map { name: Some((_, name)), .. } => {
                    mistake = mistake.inside(Step::Field(name.clone()))
                }
                Content::Map { name: None, .. } => {}
            }
        }
        mistake
    }

    /// The name of a field.
    ///
    /// # Errors
    /// The map has it already; `first` describes where.
    pub(super) fn name(
        &mut self,
        at: usize,
        text: String,
        first: impl Fn(usize) -> String,
    ) -> Result<(), Mistake> {
        if let Some(Open { content: Content::Map { names, name, .. }, .. }) = self.open.last_mut() {
            let before = names.insert(text.clone(), at);
            *name = Some((at, text));
            if let Some(before) = before {
                return Err(
                    self.mistake(at, format!("stands here a second time; the first is at {}", first(before)))
                );
            }
        }
        Ok(())
    }

    /// A list begins.
    pub(super) fn list(&mut self, at: usize) -> Result<(), Mistake> {
        self.begin(at, Content::List(vec![]))
    }

    /// A map begins.
    pub(super) fn map(&mut self, at: usize) -> Result<(), Mistake> {
        self.begin(at, Content::Map { fields: vec![], names: BTreeMap::new(), name: None })
    }

    fn begin(&mut self, at: usize, content: Content) -> Result<(), Mistake> {
        self.nesting(at, 1)?;
        self.open.push(Open { at, content });
        Ok(())
    }

    fn nesting(&self, at: usize, more: usize) -> Result<(), Mistake> {
        if self.open.len() + more > VALUE_NESTING {
            return Err(self.mistake(at, format!("nested more than {VALUE_NESTING} deep")));
        }
        Ok(())
    }

    /// The list or map that began last ends; it is returned, since its anchor may be needed.
    pub(super) fn end(&mut self) -> Option<Rc<Node>> {
        let open = self.open.pop()?;
        let node = Rc::new(match open.content {
            Content::List(items) => Node::list(open.at, items),
            Content::Map { fields, .. } => Node::map(open.at, fields),
        });
        self.add(Rc::clone(&node));
        Some(node)
    }

    /// A value that is no list and no map.
    pub(super) fn scalar(&mut self, at: usize, kind: Kind) -> Rc<Node> {
        let node = Rc::new(Node::scalar(at, kind));
        self.add(Rc::clone(&node));
        node
    }

    /// The node of an alias.
    ///
    /// # Errors
    /// The text expands to more than a playbook may be.
    pub(super) fn alias(&mut self, at: usize, node: Rc<Node>) -> Result<(), Mistake> {
        self.nesting(at, node.height)?;
        let (values, bytes) = &mut self.unfolded;
        *values = values.saturating_add(node.values);
        *bytes = bytes.saturating_add(node.bytes);
        if *values > PLAYBOOK_UNFOLDED_VALUES || *bytes > PLAYBOOK_UNFOLDED_BYTES {
            return Err(self.mistake(
                at,
                format!(
                    "aliases stand for too much: at most {PLAYBOOK_UNFOLDED_VALUES} values and \
                     {PLAYBOOK_UNFOLDED_BYTES} bytes in all"
                ),
            ));
        }
        self.add(node);
        Ok(())
    }

    fn add(&mut self, node: Rc<Node>) {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { fields, name, .. }) => {
                let (at, name) = name.take().unwrap_or_default();
                fields.push(Field { at, name, node });
            }
            None => self.root = Some(node),
        }
    }

    /// The tree, if the text had one.
    pub(super) fn finish(self) -> Option<Rc<Node>> {
        self.root
    }
}
