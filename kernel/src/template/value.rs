//! Values of the expression language. Owns their types, their size in memory and the limit of their depth; computes
//! nothing with them.

use std::sync::{Arc, LazyLock};

use updraft_protocol::limits::NESTING;

use super::number::Number;
use crate::meter::{LIST_BYTES, Meter, Result, TEXT_BYTES, VALUE_WORK, refuse};

/// Nesting of a value: that of the data and that of the template.
pub(super) const DEPTH: u16 = 2 * NESTING as u16;

/// A value; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// Undefined: the operand of `default` and `is defined`; never in a list or a map.
    Undefined,
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    List(Arc<Items>),
    Map(Arc<Fields>),
}

/// The items of a list.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: Vec<Operand>,
    depth: u16,
}

/// The fields of a map, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Fields {
    fields: Vec<(Arc<str>, Operand)>,
    depth: u16,
}

/// The size of an item of a list.
pub(super) const ITEM_BYTES: usize = size_of::<Operand>();
/// The size of a field of a map, beside its name.
pub(super) const FIELD_BYTES: usize = size_of::<(Arc<str>, Operand)>();

static NO_ITEMS: LazyLock<Arc<Items>> = LazyLock::new(Arc::default);
static NO_FIELDS: LazyLock<Arc<Fields>> = LazyLock::new(Arc::default);
static NO_TEXT: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

impl Operand {
    /// A text, charged for.
    pub(super) fn text(meter: &Meter, text: &str) -> Result<Self> {
        Ok(Self::Text(shared(meter, text)?))
    }

    /// A text of the source, which is short.
    pub(super) fn constant(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A list of items whose memory was charged for.
    pub(super) fn list(meter: &Meter, items: Vec<Operand>) -> Result<Self> {
        if items.is_empty() {
            return Ok(Self::List(Arc::clone(&NO_ITEMS)));
        }
        meter.make(LIST_BYTES)?;
        let depth = deeper(items.iter())?;
        Ok(Self::List(Arc::new(Items { items, depth })))
    }

    /// A map of fields whose memory was charged for; of two fields with one name the later counts.
    pub(super) fn map(meter: &Meter, mut fields: Vec<(Arc<str>, Operand)>) -> Result<Self> {
        if fields.is_empty() {
            return Ok(Self::Map(Arc::clone(&NO_FIELDS)));
        }
        meter.make(LIST_BYTES)?;
        if !fields.is_sorted_by(|a, b| a.0 < b.0) {
            let names: usize = fields.iter().map(|(name, _)| name.len()).sum();
            meter.work((names as u64 / 4 + 16 * fields.len() as u64) * rounds(fields.len()))?;
            // Sorting keeps the order of equal names; the last of them is kept.
            meter.make(fields.len() / 2 * FIELD_BYTES)?;
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields.reverse();
            fields.dedup_by(|a, b| a.0 == b.0);
            fields.reverse();
        }
        let depth = deeper(fields.iter().map(|(_, value)| value))?;
        Ok(Self::Map(Arc::new(Fields { fields, depth })))
    }

    /// The name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// Whether it counts as true: every value but `false`, null, zero and empty ones.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => !number.is_zero(),
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.fields.is_empty(),
        }
    }

    /// The value, if it is true or false.
    pub(super) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    fn depth(&self) -> u16 {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }
}

impl From<bool> for Operand {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<usize> for Operand {
    fn from(value: usize) -> Self {
        Self::Number(Number::from_u64(value as u64))
    }
}

impl std::ops::Deref for Items {
    type Target = [Operand];

    fn deref(&self) -> &[Operand] {
        &self.items
    }
}

impl Fields {
    /// The fields, in the order of their names.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, (Arc<str>, Operand)> {
        self.fields.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The field with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Operand> {
        let at = self.fields.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        self.fields.get(at).map(|(_, value)| value)
    }
}

/// A text, charged for before it is copied.
pub(super) fn shared(meter: &Meter, text: &str) -> Result<Arc<str>> {
    if text.is_empty() {
        return Ok(Arc::clone(&NO_TEXT));
    }
    meter.make(TEXT_BYTES + text.len())?;
    Ok(text.into())
}

/// How often a sort looks at each of `count` items, at most.
pub(super) fn rounds(count: usize) -> u64 {
    u64::from(usize::BITS - count.leading_zeros()) + 2
}

/// The depth of a list or map of these values.
fn deeper<'v>(values: impl Iterator<Item = &'v Operand>) -> Result<u16> {
    let depth = 1 + values.map(Operand::depth).max().unwrap_or(0);
    if depth > DEPTH { refuse("a value is nested too deeply") } else { Ok(depth) }
}

/// A list that grows: each allocation is charged for before.
pub(super) struct Growing<'m, T> {
    meter: &'m Meter,
    items: Vec<T>,
}

impl<'m, T> Growing<'m, T> {
    pub(super) fn new(meter: &'m Meter) -> Self {
        Self { meter, items: Vec::new() }
    }

    /// A list with room for `count` items.
    pub(super) fn with_room(meter: &'m Meter, count: usize) -> Result<Self> {
        meter.make(count.saturating_mul(size_of::<T>()))?;
        Ok(Self { meter, items: Vec::with_capacity(count) })
    }

    pub(super) fn push(&mut self, item: T) -> Result<()> {
        if self.items.len() == self.items.capacity() {
            let room = (2 * self.items.len()).max(4);
            self.meter.make(room.saturating_mul(size_of::<T>()))?;
            self.items.reserve_exact(room - self.items.len());
        }
        self.meter.work(VALUE_WORK)?;
        self.items.push(item);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn finish(self) -> Vec<T> {
        self.items
    }
}
