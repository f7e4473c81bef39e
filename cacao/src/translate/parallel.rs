//! The step `parallel`. A branch that writes a variable of what is around it has a copy, which it begins with and hands back; of
//! branches that write the same one, the last that changed it is heard.

use std::collections::BTreeMap;

use updraft_protocol::Value;
use updraft_protocol::limits::NAME_BYTES;

use crate::rule::Rule;

use super::Translator;
use super::bodies::{After, Around, List};
use super::native::{Fields, list, set, step};

impl Translator<'_> {
    /// The step `parallel`, and behind it what its branches hand back.
    pub(super) fn parallel(
        &mut self,
        number: usize,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let timeout = self.timeout(number);
        let own = if timeout.is_some() { self.names.step(id, "branches") } else { id.to_owned() };
        let outer = match timeout {
            Some(_) => self.inside(number, "", around, true),
            None => Some(around.clone()),
        };
        let Some(outer) = outer else { return Vec::new() };
        let mut branches = BTreeMap::new();
        let mut handed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (property, entry) in self.graph.branches(number) {
            let Some(inside) = self.inside(number, &property, &outer, true) else { return Vec::new() };
            let path = format!("{property} of {id}");
            let inside = Around { scope: around.scope.branch(&self.written), path, ..inside };
            let (steps, back) = self.parallel_branch(entry, &inside);
            for (name, value) in back {
                let Some(binding) = around.scope.write(&name, &mut self.names) else { continue };
                let values = handed.entry(binding.native).or_default();
                values.push(value);
                if values.len() > 1 {
                    let message = format!(
                        "writes `{name}`, as a branch before it does; the last one that changed it is heard"
                    );
                    self.found(Rule::ParallelWrites, number, &property, message);
                }
            }
            // Branches stand in the order of their names: the number keeps that in which they are listed.
            let name = format!("{:02}.{}", branches.len() + 1, self.graph.id(entry));
            let name = name.get(..name.len().min(NAME_BYTES)).unwrap_or_default();
            branches.insert(name.to_owned(), list(steps));
        }
        let mut fields =
            step(&own, [("parallel", Value::from("all")), ("branches", Value::Object(branches))]);
        let mut steps = Vec::new();
        let hands = (!handed.is_empty()).then(|| self.names.step(id, "join"));
        let values = handed.into_iter().map(|(native, values)| {
            let value = last_changed(&format!("variables['{native}']"), &values);
            (native, Value::from(format!("{{{{ {value} }}}}")))
        });
        let values = values.collect();
        let mut join = hands.map(|hands| step(&hands, [("set", Value::Object(values))]));
        if timeout.is_some() {
            let body = [fields].into_iter().chain(join).collect();
            return vec![self.wrapped(id, body, timeout, after)];
        }
        set(&mut fields, "on_failure", after.failure.clone());
        if let Some(join) = &mut join {
            set(join, "on_failure", after.failure.clone());
        }
        steps.push(fields);
        steps.extend(join);
        steps
    }

    /// The steps of a branch, and for each variable that it writes the expression that reads the value behind the `parallel`.
    fn parallel_branch(
        &mut self,
        entry: usize,
        inside: &Around,
    ) -> (Vec<Fields>, Vec<(crate::model::VariableName, String)>) {
        let List { mut steps, leaves } = self.list(entry, inside);
        let copies = inside.scope.copies();
        if copies.is_empty() {
            steps.extend(leaves.map(|id| step(&id, [("set", Value::Object(Fields::new()))])));
            return (steps, Vec::new());
        }
        let first = self.graph.id(entry).as_str();
        let mut values = Fields::new();
        for copy in &copies {
            self.declare_type(&copy.own, None);
            values.insert(copy.own.native.clone(), Value::from(format!("{{{{ {} }}}}", copy.outer.path())));
        }
        let begins = self.names.step(first, "copies");
        steps.insert(0, step(&begins, [("set", Value::Object(values))]));
        let ends = leaves.unwrap_or_else(|| self.names.step(first, "return"));
        let written = copies.iter().filter(|copy| copy.is_written);
        let back = written
            .clone()
            .map(|copy| (copy.name.clone(), format!("steps['{ends}'].output['{}']", copy.own.native)));
        let back: Vec<_> = back.collect();
        let values = written.map(|copy| {
            (copy.own.native.clone(), Value::from(format!("{{{{ variables['{}'] }}}}", copy.own.native)))
        });
        steps.push(step(&ends, [("set", Value::Object(values.collect()))]));
        (steps, back)
    }
}

/// The last of these values that is another one than before; there is one at least.
fn last_changed(before: &str, values: &[String]) -> String {
    match values {
        [] => before.to_owned(),
        [only] => only.clone(),
        [others @ .., last] => {
            format!("({last} if {last} != {before} else {})", last_changed(before, others))
        }
    }
}
