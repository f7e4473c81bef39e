//! `updraft validate` and `updraft schema`: what playbooks may look like.

use serde_json::json;
use updraft::{Structure, TenantCode};

use crate::data;
use crate::exit::{Ending, Error};
use crate::network;
use crate::options::Validate;
use crate::output::Output;
use crate::playbook::{self, Checked};
use crate::text::clean;

/// Tells every mistake of every file on standard output, and each place that lets a value be structure.
pub(crate) async fn validate(options: &Validate) -> Result<Ending, Error> {
    let allowed = network::allowed(&options.grants.allow_net, &options.data)?;
    let mut grants = options.grants.clone();
    grants.secrets_of.extend(options.files.iter().cloned());
    let tools = data::tools(allowed, &grants)?;
    let tenant = (!options.without_secrets).then(|| TenantCode::new("default")).transpose();
    let tenant = tenant.map_err(|error| Error::Failed(error.to_string()))?;
    let (mut output, mut ending) = (Output::stdout(), Ending::Completed);
    let mut files = vec![];
    for path in &options.files {
        let checked = playbook::check(path, &tools, tenant.as_ref()).await;
        ending = if checked.is_err() { Ending::Refused } else { ending };
        let file = path.display().to_string();
        let (mistakes, notes, markings) = match checked {
            Ok(Checked { playbook, plan, notes }) => {
                let places = plan.structures().map(note).chain(plan.lookalikes().map(lookalike));
                (vec![], notes.into_iter().chain(places).collect(), playbook.markings)
            }
            Err(mistakes) => (mistakes, vec![], vec![]),
        };
        files.push(json!({ "file": file, "markings": markings, "mistakes": mistakes, "notes": notes }));
        if options.json {
            continue;
        }
        if mistakes.is_empty() {
            output.line(format_args!("{}: ok", clean(&file)));
        }
        markings.iter().for_each(|marking| output.line(clean(&format!("{file}: marked {marking}"))));
        mistakes.iter().for_each(|mistake| output.line(clean(&format!("{file}: {mistake}"))));
        notes.iter().for_each(|note: &String| output.line(clean(&format!("{file}: note: {note}"))));
    }
    if options.json {
        output.json(&files);
    }
    output.finish().map(|()| ending)
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
