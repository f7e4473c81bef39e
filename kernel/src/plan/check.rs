//! The check: from playbook to plan, or to mistakes. Owns the order of the checks; the checks are in the files beside
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use updraft_protocol::limits::{
    MARKING_BYTES, MARKINGS, NESTING, PLAYBOOK_BYTES, PLAYBOOK_STEPS, SECRETS_OF_PLAYBOOK, TASKS_AT_ONCE_MAX,
};
use updraft_protocol::playbook::{FORMAT, StepKind};
use updraft_protocol::{Catalogue, Json, Name, Playbook, SecretReference, StepId, Value};

use super::earlier::Earlier;
use super::endpoints;
use super::flat::Flat;
use super::graph::Graph;
use super::inputs::lacking;
use super::mistakes::Mistakes;
use super::span::span;
use super::step::{Checked, Steps, add_undos};
use super::suggest::Suggestions;
use super::types::PlannedTypes;
use super::variables::Variables;
use super::{Plan, PlannedInputs, PlannedKind, PlannedStep, Standing, StepIndex, schema};
use crate::mistake::Mistake;
use crate::template::secret;

/// Checks a playbook; see [`Plan::check`].
pub(super) fn check(
    playbook: &Playbook,
    catalogue: &Catalogue,
    standing: Standing,
) -> Result<Plan, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    header(playbook, &mut mistakes);
    let mut flat = Flat::of(playbook, &mut mistakes);
    let count = flat.steps.len();
    if playbook.steps.is_empty() {
        mistakes.header("steps", "a playbook needs at least one step");
        return Err(mistakes.into_vec());
    }
    if count > PLAYBOOK_STEPS {
        mistakes
            .header("steps", format!("at most {PLAYBOOK_STEPS} steps are allowed, those in bodies counted"));
        return Err(mistakes.into_vec());
    }
    mistakes.set_places(flat.steps.iter().map(|step| step.place.clone()).collect());
    let mut by_id = index(&flat, &mut mistakes);
    let is_resolved = follow(&mut flat, &by_id, &mut mistakes) && by_id.len() == count;
    let mut steps = Steps::new((catalogue, standing, playbook.on_last_failure), &flat, &by_id, mistakes);
    let mut checked: Vec<_> = (0..count).map(|at| steps.check(at)).collect();
    let outputs = steps.outputs(playbook);
    let mut mistakes = steps.mistakes;
    let inputs = PlannedInputs::check(playbook.inputs.as_ref(), &mut mistakes);
    for message in outputs.iter().flat_map(|outputs| lacking(outputs.references(), inputs.as_ref())) {
        mistakes.header("outputs", message);
    }
    for (at, step) in checked.iter().enumerate() {
        step.check_inputs(at, inputs.as_ref(), &mut mistakes);
    }
    let variables = Variables::of(playbook, &flat, endpoints::variables_of(&checked));
    let types = PlannedTypes::check(playbook, &variables.names().collect(), &mut mistakes);
    for (at, step) in checked.iter().enumerate() {
        variables.check_reads(at, step, &mut mistakes);
    }
    for message in outputs.iter().flat_map(|outputs| variables.wrong_in(outputs.references(), 0)) {
        mistakes.header("outputs", message);
    }
    variables.check_set(&mut mistakes);
    if is_resolved {
        check_graph(&flat, &mut checked, &by_id, &mut mistakes);
    }
    endpoints::check(&checked, playbook, &mut mistakes);
    if standing == Standing::New {
        count_secrets(&checked, &mut mistakes);
    }
    if mistakes.is_empty() {
        definition(playbook, &mut mistakes);
    }
    let places: Vec<String> = flat.steps.into_iter().map(|step| step.place).collect();
    let planned: Option<Vec<PlannedStep>> = checked.into_iter().map(|checked| checked.planned).collect();
    match planned {
        Some(mut steps) if mistakes.is_empty() => {
            let secrets = secrets(&steps, &places);
            add_undos(&mut steps, &mut by_id);
            Ok(Plan {
                name: playbook.name.clone(),
                version: playbook.version,
                timeout: playbook.timeout.map(|span| span.0),
                tasks_at_once: playbook.tasks_at_once,
                types,
                constants_json: Json::from(Value::Object(playbook.constants.clone())),
                constants: playbook.constants.clone(),
                inputs,
                outputs,
                start: StepIndex(0),
                secrets,
                steps,
                by_id,
            })
        }
        _ => Err(mistakes.into_vec()),
    }
}

/// The secrets that these steps name, each with the first place that names it.
fn secrets(steps: &[PlannedStep], places: &[String]) -> BTreeMap<Name, String> {
    let mut named = BTreeMap::new();
    for (step, place) in steps.iter().zip(places) {
        for (within, secret) in secrets_of(step) {
            named.entry(secret.name.clone()).or_insert_with(|| place_of(place, within, secret));
        }
    }
    named
}

/// The first secret beyond the bound is a mistake, at its place.
fn count_secrets(checked: &[Checked], mistakes: &mut Mistakes) {
    let mut named = BTreeSet::new();
    let planned = checked.iter().enumerate().filter_map(|(at, step)| Some((at, step.planned.as_ref()?)));
    for (at, (within, secret)) in planned.flat_map(|(at, step)| secrets_of(step).map(move |of| (at, of))) {
        if named.insert(&secret.name) && named.len() > SECRETS_OF_PLAYBOOK {
            let message = format!("at most {SECRETS_OF_PLAYBOOK} secrets are allowed in a playbook");
            let place = place_of(mistakes.place(at), within, secret);
            return mistakes.inside(at, "arguments", Mistake::new(place, message));
        }
    }
}

/// The secrets of a step, each with the field that has its arguments.
fn secrets_of(step: &PlannedStep) -> impl Iterator<Item = (&'static str, &SecretReference)> {
    let action = match &step.kind {
        PlannedKind::Action(action) => Some(action),
        _ => None,
    };
    let own = action.into_iter().flat_map(|action| action.secrets.iter());
    let undo =
        action.and_then(|action| action.undo.as_deref()).into_iter().flat_map(|undo| undo.secrets.iter());
    own.map(|secret| ("arguments", secret)).chain(undo.map(|secret| ("undo.arguments", secret)))
}

fn place_of(step: &str, within: &str, secret: &SecretReference) -> String {
    if secret.is_of_tool() {
        let call = within.strip_suffix("arguments").unwrap_or(within);
        return format!("{step}.{call}action");
    }
    schema::place(&format!("{step}.{within}"), &secret.place)
}

fn header(playbook: &Playbook, mistakes: &mut Mistakes) {
    if playbook.format != FORMAT {
        mistakes.header(
            "format",
            format!("{} is not known; this version reads format {FORMAT}", playbook.format),
        );
    }
    if playbook.version == 0 {
        mistakes.header("version", format!("must be from 1 to {}", u32::MAX));
    }
    if let Some(Err(message)) = playbook.timeout.map(|timeout| span(timeout, false)) {
        mistakes.header("timeout", message);
    }
    if playbook.tasks_at_once.is_some_and(|tasks| !(1..=TASKS_AT_ONCE_MAX).contains(&tasks)) {
        mistakes.header("tasks_at_once", format!("must be from 1 to {TASKS_AT_ONCE_MAX}"));
    }
    markings(&playbook.markings, mistakes);
    values("variables", "a variable", &playbook.variables, mistakes);
    values("constants", "a constant", &playbook.constants, mistakes);
}

fn markings(markings: &[String], mistakes: &mut Mistakes) {
    if markings.len() > MARKINGS {
        mistakes.header("markings", format!("at most {MARKINGS} markings are allowed"));
    }
    for (at, marking) in markings.iter().enumerate() {
        let field = format!("markings[{at}]");
        if marking.trim().is_empty() {
            mistakes.header(&field, "is empty: a marking is a text such as `TLP:GREEN`");
        } else if marking.len() > MARKING_BYTES {
            mistakes
                .header(&field, format!("has {} bytes; at most {MARKING_BYTES} are allowed", marking.len()));
        }
    }
}

/// The names and values in `field`.
fn values(field: &str, what: &str, values: &BTreeMap<String, Value>, mistakes: &mut Mistakes) {
    for (name, value) in values {
        if !is_identifier(name) {
            let rule = format!("is no name of {what}: letters, digits and `_`, not starting with a digit");
            mistakes.header(field, format!("{name:?} {rule}"));
        }
        if secret::stands_in(value) {
            mistakes.header(&format!("{field}.{name}"), secret::ELSEWHERE);
        }
        if is_too_deep(value) {
            mistakes.header(&format!("{field}.{name}"), format!("nested more than {NESTING} deep"));
        }
    }
}

/// A playbook is stored as JSON and read back whenever one of its executions is. A text of allowed size may be larger
/// as JSON, because of its escapes and of its aliases.
fn definition(playbook: &Playbook, mistakes: &mut Mistakes) {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    if let Err(error) = serde_json::to_writer(&mut counted, playbook) {
        mistakes.header("playbook", format!("cannot be written as JSON: {error}"));
    } else if counted.0 > PLAYBOOK_BYTES {
        let bytes = counted.0;
        mistakes
            .header("playbook", format!("has {bytes} bytes as JSON; at most {PLAYBOOK_BYTES} are allowed"));
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn is_too_deep(value: &Value) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        if depth > NESTING {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(map) => open.extend(map.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    false
}

fn index(flat: &Flat<'_>, mistakes: &mut Mistakes) -> BTreeMap<StepId, StepIndex> {
    let mut by_id: BTreeMap<StepId, StepIndex> = BTreeMap::new();
    for (at, (step, number)) in flat.steps.iter().zip(0_u32..).enumerate() {
        if let Some(first) = by_id.get(&step.id) {
            let first = &flat.steps[first.get()].place;
            mistakes.step(at, "id", format!("\"{}\" is also the id of {first}", step.id));
        } else {
            by_id.insert(step.id.clone(), StepIndex(number));
        }
    }
    by_id
}

/// Resolves where paths go on; false where a step names one that is not there, or not in its own body.
fn follow(flat: &mut Flat<'_>, by_id: &BTreeMap<StepId, StepIndex>, mistakes: &mut Mistakes) -> bool {
    let (mut suggestions, mut is_resolved) = (Suggestions::default(), true);
    flat.follow(&mut |flat: &Flat<'_>, at, field, id: &StepId| {
        let found = by_id.get(id).copied();
        match found {
            Some(to) if flat.are_siblings(at, to) => return Some(flat.entry(to)),
            Some(to) => {
                let place = &flat.steps[to.get()].place;
                mistakes.step(at, field, format!("\"{id}\" is in another body, at {place}"));
            }
            None => {
                let message = suggestions.no_step(id.as_str(), by_id, mistakes);
                mistakes.step(at, field, message);
            }
        }
        is_resolved = false;
        None
    });
    is_resolved
}

/// The checks that need all references to lead somewhere.
fn check_graph(
    flat: &Flat<'_>,
    checked: &mut [Checked],
    by_id: &BTreeMap<StepId, StepIndex>,
    mistakes: &mut Mistakes,
) {
    let ids: Vec<_> = flat.steps.iter().map(|step| step.id.as_str()).collect();
    let edges = checked.iter_mut().map(|step| std::mem::take(&mut step.edges)).collect();
    let graph = Graph { start: 0, edges };
    let Some(order) = graph.order(&ids, mistakes) else { return };
    let earlier = Earlier::of(flat, &graph, &order);
    for (at, step) in checked.iter().enumerate() {
        for (id, path) in step.reads() {
            let read = StepId::new(id).ok().and_then(|id| by_id.get(&id));
            if let Some(read) = read
                && !earlier.contains(at, read.get())
            {
                let message = match flat.repeated_by(read.get(), at) {
                    Some(opener) if matches!(flat.steps[opener].step.kind, StepKind::Approval(_)) => {
                        format!(
                            "\"{id}\" runs beside the wait of \"{}\", and is read there alone",
                            ids[opener]
                        )
                    }
                    Some(opener) => format!(
                        "\"{id}\" runs once for each round of \"{}\", which keeps what it collects",
                        ids[opener]
                    ),
                    None => format!("\"{id}\" cannot have ended before \"{}\" starts", ids[at]),
                };
                mistakes.inside(at, step.reading, Mistake::new(path, message));
            }
        }
        for (id, path) in step.reads_in_body() {
            let read = StepId::new(id).ok().and_then(|id| by_id.get(&id));
            if let Some(read) = read
                && !earlier.contains(at, read.get())
                && !flat.is_in_body_of(read.get(), at)
            {
                let message = match read.get() == at && step.reading_in_body == "undo" {
                    true => "the output of the step itself is read as `output`".to_owned(),
                    false => format!("\"{id}\" cannot have ended when the body of \"{}\" has", ids[at]),
                };
                mistakes.inside(at, step.reading_in_body, Mistake::new(path, message));
            }
        }
    }
}
