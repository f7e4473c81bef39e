//! CACAO playbooks in files: recognised, imported, and told of. Owns what is said of them; knows no rule of the standard.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use updraft::cacao::{self, CacaoFinding, Mistakes, TakenSecret};
use updraft::limits::PLAYBOOK_BYTES;
use updraft::outline::AuthorOutline;
use updraft::{AuthoredNames, Clock, Playbook, SystemClock};

use crate::exit::{Ending, Error};
use crate::input;
use crate::options::{CacaoFile, Export, ExportForm, Import, ImportForm};
use crate::output::Output;
use crate::playbook::Refusal;
use crate::text::clean;

/// `updraft import`: writes the native playbook, and says what its author should know.
pub(crate) fn import(options: &Import) -> Result<Ending, Error> {
    let ImportForm::Cacao(options) = &options.form;
    let bytes = input::bytes(&options.file, PLAYBOOK_BYTES);
    let bytes = bytes.map_err(|error| Error::refused(options.file.display(), error))?;
    let file = options.file.display().to_string();
    let imported = cacao::import(&bytes).map_err(|mistakes| {
        let Refusal { mistakes, notes } = refusal(&mistakes);
        let told = notes.iter().chain(&mistakes).map(|told| format!("{file}: {told}"));
        Error::Refused(told.collect::<Vec<_>>().join("\n"))
    })?;
    let mut said = Output::stderr();
    for note in notes(&imported) {
        said.line(clean(&format!("{file}: {note}")));
    }
    keep(options, &imported.secrets, &mut said)?;
    tell(&imported.playbook, options.output.as_deref())
}

/// `updraft export`: writes a native playbook in another form, and says what it does not say there.
pub(crate) fn export(options: &Export) -> Result<Ending, Error> {
    let ExportForm::Cacao(options) = &options.form;
    let file = options.file.display().to_string();
    let bytes = input::bytes(&options.file, PLAYBOOK_BYTES).map_err(|error| Error::refused(&file, error))?;
    let playbook = Playbook::parse(&bytes).map_err(|error| {
        let told = error.mistakes().into_iter().map(|mistake| format!("{file}: {mistake}"));
        Error::Refused(told.collect::<Vec<_>>().join("\n"))
    })?;
    let exported = cacao::export(&playbook);
    let mut said = Output::stderr();
    for left_out in &exported.left_out {
        said.line(clean(&format!("{file}: left out: {left_out}")));
    }
    tell(&exported.json, options.output.as_deref())
}

/// Writes a document into a file, or to standard output.
fn tell(document: &impl serde::Serialize, path: Option<&Path>) -> Result<Ending, Error> {
    let Some(path) = path else {
        let mut output = Output::stdout();
        output.json(document);
        return output.finish().map(|()| Ending::Completed);
    };
    let text = serde_json::to_string_pretty(document).map_err(|error| Error::Failed(error.to_string()))?;
    fs::write(path, format!("{text}\n")).map_err(|error| Error::refused(path.display(), error))?;
    Ok(Ending::Completed)
}

/// Writes the credentials where they were asked for, and says of the others how they are given.
fn keep(options: &CacaoFile, secrets: &[TakenSecret], said: &mut Output) -> Result<(), Error> {
    let Some(directory) = &options.secrets_to else {
        if !secrets.is_empty() {
            said.line(
                "the playbook does not have these credentials: `--secrets-to DIR` writes them into files for `--secrets DIR`, and \
                 `--secrets-of FILE` takes them from the CACAO file itself",
            );
        }
        return Ok(());
    };
    let failed = |error| Error::refused(directory.display(), error);
    fs::create_dir_all(directory).map_err(failed)?;
    for TakenSecret { name, secret } in secrets {
        let is_short = updraft::Secret::new(secret.expose()).is_err();
        let file = if is_short { format!("{name}.short") } else { name.to_string() };
        write(&directory.join(file), secret.expose()).map_err(failed)?;
        said.line(format_args!("secret {name}: written to {}", directory.display()));
    }
    Ok(())
}

/// Writes a file that nobody else may read, also where there was one that others could.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// The credentials that stand in a file, if it is a CACAO playbook that can be read.
pub(crate) fn secrets(path: &Path) -> Vec<TakenSecret> {
    let Ok(bytes) = input::bytes(path, PLAYBOOK_BYTES) else { return Vec::new() };
    if !cacao::looks_like_cacao(&bytes) {
        return Vec::new();
    }
    cacao::import(&bytes).map(|imported| imported.secrets).unwrap_or_default()
}

/// Refuses files that have different credentials under one name: one of them would be sent where the other belongs.
pub(crate) fn agree(files: &[PathBuf]) -> Result<(), Error> {
    let mut known: Vec<(TakenSecret, &Path)> = Vec::new();
    for file in files {
        for taken in secrets(file) {
            match known.iter().find(|(other, _)| other.name == taken.name) {
                Some((other, first)) if other.secret != taken.secret => {
                    let why =
                        format!("its credential {} is another one than in {}", taken.name, first.display());
                    return Err(Error::refused(file.display(), why));
                }
                Some(_) => {}
                None => known.push((taken, file)),
            }
        }
    }
    Ok(())
}

/// A playbook of a file that looks like CACAO, with what things are called there, and what its author should know.
///
/// # Errors
/// Its mistakes, and what is warned of besides.
pub(crate) fn read(bytes: &[u8]) -> Result<(Playbook, AuthoredNames, Vec<String>), Refusal> {
    match cacao::import(bytes) {
        Ok(imported) => {
            let notes = notes(&imported);
            Ok((imported.playbook, imported.names, notes))
        }
        Err(mistakes) => Err(refusal(&mistakes)),
    }
}

/// A playbook of a file that looks like CACAO, with what its author wrote.
///
/// # Errors
/// Its mistakes.
pub(crate) fn outlined(bytes: &[u8]) -> Result<(Playbook, AuthorOutline), Vec<String>> {
    let imported = cacao::import(bytes).map_err(|mistakes| refusal(&mistakes).mistakes)?;
    Ok((imported.playbook, imported.outline))
}

fn refusal(mistakes: &Mistakes) -> Refusal {
    let more = (mistakes.more > 0).then(|| format!("and {} more", mistakes.more));
    Refusal {
        mistakes: mistakes.refused.iter().map(ToString::to_string).chain(more).collect(),
        notes: mistakes.warned.iter().map(warning).collect(),
    }
}

fn warning(finding: &CacaoFinding) -> String {
    format!("warning: {finding}")
}

/// What the author and the operator should know: what is warned of, and whether the playbook counts today.
fn notes(imported: &cacao::Import) -> Vec<String> {
    let now = SystemClock.now();
    let mut notes: Vec<String> = imported.warnings.iter().map(warning).collect();
    notes.extend(imported.valid_from.filter(|from| *from > now).map(|from| {
        format!("warning: valid_from: its author says that it counts from {from} on (rule validity)")
    }));
    notes.extend(imported.valid_until.filter(|until| *until < now).map(|until| {
        format!("warning: valid_until: its author says that it counted until {until} (rule validity)")
    }));
    notes
}

/// A mistake of the native playbook in the words of the CACAO file: with the id of the object that it is about, and the rule.
pub(crate) fn in_its_words(playbook: &Playbook, mistake: &str) -> String {
    let finding = mistake.split_once(": ").and_then(|(place, told)| cacao::finding_at(playbook, place, told));
    finding.map_or_else(|| mistake.to_owned(), |finding| finding.to_string())
}

/// Names a variable as the native playbook does, where it is named by an id of the CACAO file: `http-api--1c39…`.
pub(crate) fn name_variable(playbook: &Playbook, name: &mut String) {
    let native: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !playbook.variables.contains_key(name) && playbook.variables.contains_key(&native) {
        *name = native;
    }
}
