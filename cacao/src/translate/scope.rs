//! Variables as steps see them: those of the playbook, of the steps around, and of the branch of a `parallel`. Owns which
//! native variable or constant a name reads and writes at a place.
//!
//! A branch cannot set a variable of what is around it, since others may run beside it. So a branch that writes one has a copy of
//! its own, which it begins with and hands back; all that the branch reads is the copy.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::condition::StixKind;
use crate::model::{VariableName, VariableType};

use super::names::Names;

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// The name of the native variable or constant.
    pub(super) native: String,
    /// What its values are.
    pub(super) variable_type: VariableType,
    /// Whether it is a native constant.
    pub(super) is_constant: bool,
    /// Whether the playbook declares that it keeps its value.
    pub(super) keeps: bool,
    /// Whether its value may be unknown.
    pub(super) may_be_null: bool,
    /// The secret that it is, if it is one.
    pub(super) secret: Option<String>,
    /// Whether URLs connect to it.
    pub(super) connects: bool,
}

impl Binding {
    /// The native expression that reads it, also where it is unknown.
    pub(super) fn path(&self) -> String {
        let root = if self.is_constant { "constants" } else { "variables" };
        format!("{root}['{}']", self.native)
    }

    /// The native expression that reads it, and fails where it is unknown: what is undefined is never printed.
    pub(super) fn known(&self) -> String {
        let path = self.path();
        if self.may_be_null { format!("({path} if {path} is not none)") } else { path }
    }

    /// What conditions compare it as.
    pub(super) fn kind(&self) -> StixKind {
        match self.variable_type {
            VariableType::Bool => StixKind::Bool,
            VariableType::Dictionary => StixKind::Dictionary,
            VariableType::Float | VariableType::Integer | VariableType::Long => StixKind::Number,
            VariableType::Hexstring => StixKind::Hex,
            _ => StixKind::Text,
        }
    }
}

/// The variables that are seen at a place.
#[derive(Debug, Clone)]
pub(super) struct Scope(Rc<Layer>);

#[derive(Debug)]
enum Layer {
    Own { bindings: BTreeMap<VariableName, Binding>, around: Option<Scope> },
    Branch { copies: RefCell<BTreeMap<String, Copy>>, written: Rc<BTreeSet<VariableName>>, around: Scope },
}

/// The copy of a variable that a branch has.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    /// The name by which the playbook calls it.
    pub(super) name: VariableName,
    /// What is copied.
    pub(super) outer: Binding,
    /// The copy.
    pub(super) own: Binding,
    /// Whether the branch writes it.
    pub(super) is_written: bool,
}

impl Scope {
    /// The variables of a playbook.
    pub(super) fn of(bindings: BTreeMap<VariableName, Binding>) -> Self {
        Self(Rc::new(Layer::Own { bindings, around: None }))
    }

    /// These variables, before those of the same name around.
    pub(super) fn with(&self, bindings: BTreeMap<VariableName, Binding>) -> Self {
        if bindings.is_empty() {
            return self.clone();
        }
        Self(Rc::new(Layer::Own { bindings, around: Some(self.clone()) }))
    }

    /// A branch that runs beside others; `written` are the names that steps of the playbook write at all.
    pub(super) fn branch(&self, written: &Rc<BTreeSet<VariableName>>) -> Self {
        let (written, around) = (written.clone(), self.clone());
        Self(Rc::new(Layer::Branch { copies: RefCell::default(), written, around }))
    }

    /// What a name stands for here; `None` if nothing is called so.
    pub(super) fn read(&self, name: &VariableName, names: &mut Names) -> Option<Binding> {
        self.find(name, false, names)
    }

    /// The same, for a step that writes it.
    pub(super) fn write(&self, name: &VariableName, names: &mut Names) -> Option<Binding> {
        self.find(name, true, names)
    }

    fn find(&self, name: &VariableName, writes: bool, names: &mut Names) -> Option<Binding> {
        // As deep as steps are nested, which the translation bounds.
        match &*self.0 {
            Layer::Own { bindings, around } => match bindings.get(name) {
                Some(binding) => Some(binding.clone()),
                None => around.as_ref()?.find(name, writes, names),
            },
            Layer::Branch { copies, written, around } => {
                let outer = around.find(name, false, names)?;
                if outer.is_constant || outer.keeps || outer.connects || !written.contains(name) {
                    return Some(outer);
                }
                let mut copies = copies.borrow_mut();
                let copy = copies.entry(outer.native.clone()).or_insert_with(|| {
                    let native = names.variable(name.as_str());
                    let own = Binding { native, may_be_null: true, ..outer.clone() };
                    Copy { name: name.clone(), outer, own, is_written: false }
                });
                copy.is_written |= writes;
                Some(copy.own.clone())
            }
        }
    }

    /// Whether a variable has this name here.
    pub(super) fn has(&self, name: &str) -> Option<VariableType> {
        match &*self.0 {
            Layer::Own { bindings, around } => match bindings.get(name) {
                Some(binding) => Some(binding.variable_type.clone()),
                None => around.as_ref()?.has(name),
            },
            Layer::Branch { around, .. } => around.has(name),
        }
    }

    /// The names that are seen here.
    pub(super) fn all(&self) -> BTreeSet<String> {
        match &*self.0 {
            Layer::Own { bindings, around } => {
                let own = bindings.keys().map(|name| name.as_str().to_owned());
                own.chain(around.iter().flat_map(Self::all)).collect()
            }
            Layer::Branch { around, .. } => around.all(),
        }
    }

    /// The copies that a branch has.
    pub(super) fn copies(&self) -> Vec<Copy> {
        match &*self.0 {
            Layer::Branch { copies, .. } => copies.borrow().values().cloned().collect(),
            Layer::Own { .. } => Vec::new(),
        }
    }
}
