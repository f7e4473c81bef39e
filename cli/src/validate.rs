//! `updraft validate` and `updraft schema`: what playbooks may look like.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use updraft::limits::PLAYBOOK_BYTES;
use updraft::parse::{PlacedMessage, PlaybookPlaces};
use updraft::{Builder, Clock, GuardrailConcern, Plan, PlannedGuardrail, Structure, SystemClock, TenantCode};

use crate::data;
use crate::exit::{Ending, Error};
use crate::guardrails;
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::network;
use crate::options::Validate;
use crate::output::Output;
use crate::playbook::{self, Checked, Refusal};
use crate::text::clean;

/// How often a watched file is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// What was found in one file.
#[derive(Serialize)]
struct Found {
    file: String,
    /// Whether it has no mistakes.
    ok: bool,
    markings: Vec<String>,
    mistakes: Vec<PlacedMessage>,
    notes: Vec<PlacedMessage>,
    /// The lines that people read.
    #[serde(skip)]
    lines: Vec<String>,
}

/// Tells every mistake of every file on standard output, and each place that lets a value be structure.
pub(crate) async fn validate(options: &Validate, screen: &Screen) -> Result<Ending, Error> {
    let allowed = network::allowed(&options.grants.allow_net, &options.data)?;
    let mut grants = options.grants.clone();
    grants.secrets_of.extend(options.files.iter().cloned());
    let tools = data::tools(allowed, &grants)?;
    let guardrails = options.guardrails.as_deref().map(|file| planned(file, &tools)).transpose()?;
    let guardrails = guardrails.unwrap_or_default();
    let tenant = (!options.without_secrets).then(|| TenantCode::new("default")).transpose();
    let tenant = tenant.map_err(|error| Error::Failed(error.to_string()))?;
    if options.watch {
        return watch(options, (&tools, tenant.as_ref(), &guardrails), screen).await;
    }
    let (mut output, mut ending) = (Output::stdout(), Ending::Completed);
    let mut files = vec![];
    for path in &options.files {
        let checked = check(path, (&tools, tenant.as_ref(), &guardrails)).await;
        ending = if checked.ok { ending } else { Ending::Refused };
        if options.json {
            files.push(checked);
        } else {
            checked.lines.iter().for_each(|line| output.line(clean(line)));
        }
    }
    if options.json {
        output.json(&files);
    }
    output.finish().map(|()| ending)
}

/// Checks each file at once, and again when it has changed, until a signal.
async fn watch(
    options: &Validate,
    with: (&Builder, Option<&TenantCode>, &[PlannedGuardrail]),
    screen: &Screen,
) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let mut output = Output::stdout();
    let mut known: Vec<Option<Result<Vec<u8>, String>>> = vec![None; options.files.len()];
    while !output.closed() {
        for (path, known) in options.files.iter().zip(&mut known) {
            let now = input::bytes(path, PLAYBOOK_BYTES).map_err(|error| error.to_string());
            if known.as_ref() == Some(&now) {
                continue;
            }
            *known = Some(now);
            let checked = check(path, with).await;
            if options.json {
                output.compact(&checked);
            } else {
                output.line(SystemClock.now());
                checked.lines.iter().for_each(|line| output.line(clean(line)));
            }
        }
        tokio::select! {
            () = interrupt.asked() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    output.finish().map(|()| Ending::Completed)
}

async fn check(
    path: &Path,
    (tools, tenant, guardrails): (&Builder, Option<&TenantCode>, &[PlannedGuardrail]),
) -> Found {
    let checked = playbook::check(path, tools, tenant).await;
    let file = path.display().to_string();
    let (mistakes, notes, markings) = match checked {
        Ok(Checked { playbook, plan, notes, .. }) => {
            let places = plan.structures().map(note).chain(plan.lookalikes().map(lookalike));
            let concerns = guardrails.iter().flat_map(|guardrail| concerned(guardrail, &plan));
            let notes = notes.into_iter().chain(places).chain(concerns).collect::<Vec<_>>();
            (vec![], notes, playbook.markings)
        }
        Err(Refusal { mistakes, notes }) => (mistakes, notes, vec![]),
    };
    let ok = mistakes.is_empty().then(|| format!("{file}: ok"));
    let wrong = mistakes.iter().map(|mistake| format!("{file}: {mistake}"));
    let told = notes.iter().map(|note| format!("{file}: note: {note}"));
    let marked = markings.iter().map(|marking| format!("{file}: marked {marking}"));
    let lines = ok.into_iter().chain(marked).chain(wrong).chain(told).collect();
    // What is not read has no places.
    let places = PlaybookPlaces::of(&input::bytes(path, PLAYBOOK_BYTES).unwrap_or_default());
    let placed = |messages: &[String]| messages.iter().map(|message| places.find(message)).collect();
    Found {
        ok: mistakes.is_empty(),
        markings,
        mistakes: placed(&mistakes),
        notes: placed(&notes),
        file,
        lines,
    }
}

/// The guardrails of a file, checked with the tools that are here.
fn planned(file: &Path, tools: &Builder) -> Result<Vec<PlannedGuardrail>, Error> {
    let catalogue = tools.catalogue()?;
    let planned = guardrails::read(file)?.into_iter().map(|guardrail| {
        let name = guardrail.name.clone();
        PlannedGuardrail::checked(guardrail, Some(&catalogue)).map_err(|mistakes| {
            let told =
                mistakes.iter().map(|mistake| format!("{}: guardrail \"{name}\": {mistake}", file.display()));
            Error::Refused(told.collect::<Vec<_>>().join("\n"))
        })
    });
    planned.collect()
}

/// The steps that a guardrail concerns.
fn concerned(guardrail: &PlannedGuardrail, plan: &Plan) -> Vec<String> {
    let says = guardrails::says(guardrail.form());
    let told = |concern: GuardrailConcern| {
        let (integration, action) = &concern.tool;
        let notes: String = concern.notes.iter().map(|note| format!("; {note}")).collect();
        format!(
            "step \"{}\" ({integration}.{action}): guardrail \"{}\" ({says}){notes}",
            concern.step, concern.guardrail
        )
    };
    guardrail.steps_of(plan).into_iter().map(told).collect()
}

/// What an author should know of a place where a value may be structure.
fn note(structure: &Structure) -> String {
    let may = match structure.filter {
        "path" => "a value may be several segments of the path",
        "query" => "a value may be several fields of the query",
        _ => "a value may be several values",
    };
    format!("{}: by `{}`, {may}", structure.place, structure.filter)
}

/// What an author should know of what looks like a secret.
fn lookalike(place: &str) -> String {
    format!(
        "{place}: `secret` is a name like any other, and is sent as it stands; for a secret, write `$secret`"
    )
}

/// Prints the JSON Schema of playbooks.
pub(crate) fn schema() -> Result<Ending, Error> {
    let mut output = Output::stdout();
    output.json(&updraft::schema::playbook_schema());
    output.finish().map(|()| Ending::Completed)
}
