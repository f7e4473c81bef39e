//! The step `for_each`: its planned form, and the checks of its fields.

use std::sync::Arc;

use updraft_protocol::limits::ITEMS_AT_ONCE;
use updraft_protocol::playbook::{ForEach, OnItemFailure, Tolerance};

use super::end::{expression, template};
use super::{APPROVAL, Draft, Steps};
use crate::plan::StepIndex;
use crate::plan::check::is_identifier;
use crate::template::{Template, is_root};

/// A body that runs once for each item.
#[derive(Debug)]
pub struct PlannedForEach {
    /// The items: a list or a map, or the file that has them.
    pub items: Template,
    /// Whether they are those of a file.
    pub of_file: bool,
    /// Whether they are a value that is there, and nothing is computed.
    pub names_a_value: bool,
    /// The names under which the body reads its item, the item's number and its key.
    pub names: ItemNames,
    /// The first step of the body.
    pub start: StepIndex,
    /// How many items run at once, if the step says.
    pub at_once: Option<usize>,
    /// What is kept of an item.
    pub collect: Option<Template>,
    /// How many items may fail.
    pub tolerate: Tolerance,
    /// What happens to the other items when more have failed.
    pub on_item_failure: OnItemFailure,
}

/// The names that a `for_each` gives its body.
#[derive(Debug, Clone)]
pub struct ItemNames {
    /// The item.
    pub item: Arc<str>,
    /// Its number, from 0.
    pub index: Arc<str>,
    /// Its key, where the items are a map.
    pub key: Arc<str>,
}

impl ItemNames {
    /// The names of this step.
    pub(in crate::plan) fn of(step: &ForEach) -> Self {
        let item = step.name();
        Self { item: item.into(), index: format!("{item}_index").into(), key: format!("{item}_key").into() }
    }

    /// All of them.
    pub(in crate::plan) fn all(&self) -> [Arc<str>; 3] {
        [self.item.clone(), self.index.clone(), self.key.clone()]
    }
}

impl PlannedForEach {
    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.items.bytes() + self.collect.as_ref().map_or(0, Template::bytes)
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, each: &ForEach) -> Option<Self> {
        let names = ItemNames::of(each);
        check_name(steps, draft, each, &names);
        if each.at_once.is_some_and(|items| !(1..=ITEMS_AT_ONCE).contains(&items)) {
            let message = format!("must be from 1 to {ITEMS_AT_ONCE}");
            steps.mistakes.step(draft.at, "at_once", message);
        }
        if each.items.is_file && steps.catalogue.lacks_files() {
            let message = "needs files of executions, for which this engine has no data directory";
            steps.mistakes.step(draft.at, "for_each", message.to_owned());
        }
        let start = draft.repeated(steps);
        let items = expression(steps, draft, "for_each", &each.items.expression);
        let collect = match &each.collect {
            Some(collect) => Some(draft.at_end_of_body(steps, &names.all(), |steps, draft| {
                template(steps, draft, "collect", collect)
            })?),
            None => None,
        };
        Some(Self {
            items: items?,
            of_file: each.items.is_file,
            names_a_value: is_path(&each.items.expression),
            names,
            start: start?,
            at_once: each.at_once,
            collect,
            tolerate: each.tolerate,
            on_item_failure: each.on_item_failure,
        })
    }
}

/// Whether an expression is a path, such as `input.hosts`: names with dots between.
fn is_path(expression: &str) -> bool {
    expression.trim().split('.').all(is_identifier)
}

/// A name is an identifier, and none that means something else there.
fn check_name(steps: &mut Steps<'_>, draft: &Draft, each: &ForEach, names: &ItemNames) {
    let field = if each.name.is_some() { "as" } else { "for_each" };
    if !is_identifier(&names.item) {
        let rule = "is no name: letters, digits and `_`, not starting with a digit";
        return steps.mistakes.step(draft.at, field, format!("{:?} {rule}", names.item));
    }
    if let Some(name) = names.all().iter().find(|name| is_root(name) || ***name == *APPROVAL) {
        return steps.mistakes.step(draft.at, field, format!("`{name}` means something else in templates"));
    }
    let around = steps.flat.names_around(draft.at);
    if let Some(name) = names.all().iter().find(|name| around.contains(name)) {
        let message = format!("a loop around this one names `{name}` too; `as: NAME` gives another name");
        steps.mistakes.step(draft.at, field, message);
    }
}
