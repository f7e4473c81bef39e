//! The way back: from a place in the native playbook, and what is wrong there, to the CACAO object that it came of.

use updraft_protocol::playbook::{Body, Playbook, Step, StepKind};

use crate::finding::CacaoFinding;
use crate::rule::Rule;

/// Where the command of a shell stands in its step.
const COMMAND: &str = "arguments.command";

/// A mistake at a place in the native playbook, told of the CACAO object that it came of: with its id and the rule. `None` where the
/// place is in no step that has an id.
pub fn finding_at(playbook: &Playbook, place: &str, message: &str) -> Option<CacaoFinding> {
    let (step, object, rest) = step_at(playbook, place)?;
    let dot = if rest.is_empty() { "" } else { ", " };
    let path = format!("workflow[\"{object}\"]{dot}{rest}");
    Some(CacaoFinding::new(rule(step, rest, message), object, path, message))
}

/// The rule by which the engine refuses what is translated.
fn rule(step: &Step, rest: &str, message: &str) -> Rule {
    if message.starts_with("missing here") || message.starts_with("no integration") {
        return Rule::NotHere;
    }
    match &step.kind {
        StepKind::Action(call) if ["bash", "ssh"].contains(&call.integration.as_str()) && rest == COMMAND => {
            Rule::ShellValue
        }
        _ => Rule::Translation,
    }
}

/// The id of the CACAO object that the native step at a place is of, and the rest of the place: of
/// `steps[2].do[0].arguments.url` the id of the step `steps[2].do[0]`, and `arguments.url`. `None` where the place is in no step
/// that has an id.
pub fn object_at<'p, 't>(playbook: &'p Playbook, place: &'t str) -> Option<(&'p str, &'t str)> {
    step_at(playbook, place).map(|(_, object, rest)| (object, rest))
}

/// The native step at a place, its object, and the rest of the place.
fn step_at<'p, 't>(playbook: &'p Playbook, place: &'t str) -> Option<(&'p Step, &'p str, &'t str)> {
    let (steps, rest) = match place.strip_prefix("steps") {
        Some(rest) => (&playbook.steps[..], rest),
        None => body(playbook.catch.as_ref()?, place.strip_prefix("catch")?)?,
    };
    let (mut step, mut rest) = item(steps, rest)?;
    let mut object = id(step);
    while let Some((inner, after)) = inside(step, rest) {
        (step, rest) = (inner, after);
        object = id(step).or(object);
    }
    Some((step, object?, rest.trim_start_matches('.')))
}

/// The CACAO id in the id of a native step, which may go on after a point.
fn id(step: &Step) -> Option<&str> {
    step.id.as_ref().and_then(|id| id.as_str().split('.').next())
}

/// The step of a body of this step, and what follows it in the place.
fn inside<'p, 't>(step: &'p Step, rest: &'t str) -> Option<(&'p Step, &'t str)> {
    let rest = rest.strip_prefix('.')?;
    step.bodies().into_iter().find_map(|nested| {
        let (steps, rest) = body(nested.body, rest.strip_prefix(&*nested.field)?)?;
        item(steps, rest)
    })
}

/// The list of a body that a place goes on with: the body itself, or its `do` or `catch`.
fn body<'p, 't>(body: &'p Body, rest: &'t str) -> Option<(&'p [Step], &'t str)> {
    if rest.starts_with('[') {
        return Some((&body.steps, rest));
    }
    match rest.strip_prefix(".do") {
        Some(rest) => Some((&body.steps, rest)),
        None => self::body(body.catch.as_deref()?, rest.strip_prefix(".catch")?),
    }
}

/// The step that `[3]` names, and what follows that.
fn item<'p, 't>(steps: &'p [Step], rest: &'t str) -> Option<(&'p Step, &'t str)> {
    let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
    Some((steps.get(number.parse::<usize>().ok()?)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_to_the_object_of_its_innermost_step() {
        let text = "
format: 1
name: p
version: 1
steps:
  - id: parallel--a
    parallel: all
    branches:
      x: [{id: action--b.1, until: 'true', do: {do: [{id: action--b, delay: 1s}], catch: [{id: action--c, delay: 1s}]}}]
  - delay: 1s
  - {id: action--d, action: http.request, on_failure: [{delay: 1s}]}
catch: [{id: action--e, delay: 1s}]
";
        let playbook = Playbook::parse(text.as_bytes()).unwrap();
        for (place, object, rest) in [
            ("steps[0].parallel", "parallel--a", "parallel"),
            ("steps[0].branches.x[0].until", "action--b", "until"),
            ("steps[0].branches.x[0].do.do[0].delay", "action--b", "delay"),
            ("steps[0].branches.x[0].do.catch[0].delay", "action--c", "delay"),
            ("steps[2].on_failure[0].delay", "action--d", "delay"),
            ("catch[0]", "action--e", ""),
        ] {
            assert_eq!(object_at(&playbook, place), Some((object, rest)), "{place}");
        }
        for place in ["variables.x", "steps[1].delay", "steps[9]", "steps[x]", "steps", "", "catch"] {
            assert_eq!(object_at(&playbook, place), None, "{place}");
        }
    }
}
