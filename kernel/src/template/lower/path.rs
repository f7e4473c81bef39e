//! Paths: `steps.lookup.output.score`. Owns the names that a template can use, and records the data that it reads.

use minijinja::machinery::ast;

use super::{Lowered, Lowering};
use crate::references::WantedKey;
use crate::references::step_read;
use crate::template::code::{Base, Expr, Key, LoopField, Missing, NODE_BYTES, Path};
use crate::template::spelling;

impl Lowering<'_> {
    /// Lowers a path. If its value is not `read`, only its existence counts.
    pub(super) fn path(&mut self, expr: &ast::Expr<'_>, missing: Missing, read: bool) -> Lowered {
        let (base, keys) = unwind(expr);
        let mut lowered = Vec::with_capacity(keys.len());
        for key in keys {
            self.budget.keep(NODE_BYTES)?;
            lowered.push(self.key(key)?);
        }
        let base = match base {
            ast::Expr::Var(var) => self.base(var.id, &mut lowered, read)?,
            other => Base::Expr(self.expression(other)?),
        };
        Ok(Expr::Path(Box::new(Path { base, keys: lowered, missing })))
    }

    fn key(&mut self, key: ParsedKey<'_>) -> Lowered<Key> {
        match key {
            ParsedKey::Name(name) => {
                self.budget.keep(name.len())?;
                Ok(Key::Name(name.into()))
            }
            ParsedKey::Subscript(ast::Expr::Const(known)) => {
                if let Some(text) = known.value.as_str() {
                    self.budget.keep(text.len())?;
                    return Ok(Key::Text(text.into()));
                }
                let index = known.value.as_i64().filter(|_| known.value.is_integer());
                index.map(Key::Index).ok_or_else(|| "`[…]` takes a name or a whole number".to_owned())
            }
            ParsedKey::Subscript(computed) => self.expression(computed).map(Key::Computed),
        }
    }

    fn base(&mut self, name: &str, keys: &mut Vec<Key>, read: bool) -> Lowered<Base> {
        if let Some(slot) = self.slot(name) {
            self.budget.keep(name.len())?;
            return Ok(Base::Slot(slot, name.into()));
        }
        let is_root = self.budget.roots().contains(&name);
        match name {
            _ if self.budget.has_local(name) => {
                self.budget.keep(2 * name.len())?;
                self.references.locals.insert(name.to_owned());
                self.want(name, keys, read)?;
                Ok(Base::Local(name.into()))
            }
            "input" if is_root => {
                self.references.input = true;
                self.want("input", keys, read)?;
                Ok(Base::Input)
            }
            "variables" if is_root => {
                self.references.variables = true;
                self.want("variables", keys, read)?;
                Ok(Base::Variables)
            }
            "constants" if is_root => {
                self.references.constants = true;
                self.want("constants", keys, read)?;
                Ok(Base::Constants)
            }
            "steps" if is_root => {
                let texts: Vec<_> = keys.iter().map_while(Key::text).collect();
                if let Some(mistake) = step_read(&texts, texts.len() == keys.len()) {
                    return Err(mistake);
                }
                if let Some(id) = texts.first() {
                    self.budget.keep(NODE_BYTES + id.len() + self.source.path.len())?;
                    self.references.read_step(id, self.source.path);
                }
                self.want("steps", keys, read)?;
                Ok(Base::Steps)
            }
            "now" if is_root && keys.is_empty() => Ok(Base::Now),
            "now" if is_root => {
                Err("`now` is a text, which has no fields: `now|date_format('%H')`".to_owned())
            }
            "loop" if self.loops > 0 => self.loop_field(keys),
            "loop" => Err("`loop` is only there inside a loop".to_owned()),
            _ => {
                let set = self.scopes.iter().flatten().map(|(name, _)| name.as_str());
                let roots = self.budget.roots().iter().copied();
                Err(spelling::unknown(name, roots.chain(self.budget.locals()).chain(set)))
            }
        }
    }

    fn loop_field(&self, keys: &mut Vec<Key>) -> Lowered<Base> {
        let fields = "`loop` has `index`, `index0`, `revindex`, `revindex0`, `first`, `last`, `length`, `depth` and `depth0`";
        let field = match keys.first().and_then(Key::text) {
            Some("index") => LoopField::Index,
            Some("index0") => LoopField::Index0,
            Some("revindex") => LoopField::RevIndex,
            Some("revindex0") => LoopField::RevIndex0,
            Some("first") => LoopField::First,
            Some("last") => LoopField::Last,
            Some("length") => LoopField::Length,
            Some("depth") => LoopField::Depth,
            Some("depth0") => LoopField::Depth0,
            _ => return Err(fields.to_owned()),
        };
        keys.remove(0);
        Ok(Base::Loop(field))
    }

    /// Records that the value at these keys is read, up to the first key that is computed at run time.
    fn want(&mut self, root: &str, keys: &[Key], read: bool) -> Lowered<()> {
        let mut place = vec![WantedKey::Name(root.into())];
        place.extend(keys.iter().map_while(Key::wanted));
        let constant = place.len() == keys.len() + 1;
        self.budget.keep(WantedKey::bytes(&place))?;
        self.references.wanted.add(place, read || !constant);
        Ok(())
    }
}

impl Key {
    /// The name, if it is one that is known before the run.
    pub(in crate::template) fn text(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::Text(name) => Some(name),
            Self::Index(_) | Self::Computed(_) => None,
        }
    }

    /// The key as a place in data; `None` if it is computed at run time.
    fn wanted(&self) -> Option<WantedKey> {
        match self {
            Self::Name(name) | Self::Text(name) => Some(WantedKey::Name(name.clone())),
            Self::Index(index) => u64::try_from(*index).ok().map(WantedKey::Index),
            Self::Computed(_) => None,
        }
    }
}

/// A key as it was written.
enum ParsedKey<'a> {
    Name(&'a str),
    Subscript(&'a ast::Expr<'a>),
}

/// The start of a path and its keys.
fn unwind<'a>(expr: &'a ast::Expr<'a>) -> (&'a ast::Expr<'a>, Vec<ParsedKey<'a>>) {
    let (mut base, mut keys) = (expr, vec![]);
    loop {
        base = match base {
            ast::Expr::GetAttr(attr) => {
                keys.push(ParsedKey::Name(attr.name));
                &attr.expr
            }
            ast::Expr::GetItem(item) => {
                keys.push(ParsedKey::Subscript(&item.subscript_expr));
                &item.expr
            }
            _ => break,
        };
    }
    keys.reverse();
    (base, keys)
}
