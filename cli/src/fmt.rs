//! `updraft fmt`: brings files into their layout, and names those that it changes. Owns which files are meant; the layout is
//! `updraft_formatter`'s.

mod replace;

use std::path::{Path, PathBuf};

use updraft::Value;
use updraft::limits::{PLAYBOOK_BYTES, TEST_FILE_BYTES};
use updraft_formatter::format;

use crate::exit::{Ending, Error};
use crate::files::{TEST_ENDINGS, in_folder};
use crate::input;
use crate::log::Screen;
use crate::options::FormatFiles;
use crate::output::Output;
use crate::playbook;
use crate::text::clean;

/// The endings of what may be a playbook or a test case.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Brings files into their layout, or names those that are not.
pub(crate) fn fmt(options: &FormatFiles, screen: &Screen) -> Result<Ending, Error> {
    if options.paths.iter().any(|path| path.as_os_str() == "-") {
        if options.paths.len() > 1 {
            return Err(Error::Refused("`-` is standard input, and stands alone".to_owned()));
        }
        return standard(options.check);
    }
    let (mut output, mut ending) = (Output::stdout(), Ending::Completed);
    for path in &options.paths {
        let files = match meant(path, screen) {
            Ok(files) => files,
            Err(error) => {
                tell(&error.to_string(), screen);
                ending = ending.and(error.ending());
                continue;
            }
        };
        for file in files {
            match lay_out(&file, options.check) {
                Ok(false) => {}
                Ok(true) => {
                    output.line(clean(&file.display().to_string()));
                    ending = ending.and(if options.check { Ending::Failed } else { Ending::Completed });
                }
                Err(mistakes) => {
                    mistakes
                        .iter()
                        .for_each(|mistake| tell(&format!("{}: {mistake}", file.display()), screen));
                    ending = ending.and(Ending::Refused);
                }
            }
        }
    }
    output.finish().map(|()| ending)
}

/// The layout of standard input, on standard output; or whether it is in it.
fn standard(check: bool) -> Result<Ending, Error> {
    let refused = |mistakes: Vec<String>| {
        let told = mistakes.iter().map(|mistake| format!("standard input: {mistake}"));
        Error::Refused(told.collect::<Vec<_>>().join("\n"))
    };
    let bytes = input::standard(TEST_FILE_BYTES).map_err(|error| refused(vec![error.to_string()]))?;
    let text = format(&bytes, TEST_FILE_BYTES).map_err(|error| refused(error.mistakes()))?;
    let mut output = Output::stdout();
    if !check {
        output.text(&text);
        return output.finish().map(|()| Ending::Completed);
    }
    if text.as_bytes() == bytes {
        return Ok(Ending::Completed);
    }
    output.line("standard input");
    output.finish().map(|()| Ending::Failed)
}

/// The file itself; or of a folder its test cases, and what is a playbook by its form.
fn meant(path: &Path, screen: &Screen) -> Result<Vec<PathBuf>, Error> {
    let meta = std::fs::metadata(path).map_err(|error| Error::refused(path.display(), error))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = in_folder(path, &ENDINGS)?;
    files.retain(|file| is_test(file) || is_playbook(file, screen));
    if files.is_empty() {
        return Err(Error::refused(path.display(), "no playbook and no test case there"));
    }
    Ok(files)
}

fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    TEST_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a file can be read as a playbook. Of one that nearly can, its author is told.
fn is_playbook(file: &Path, screen: &Screen) -> bool {
    let Ok(bytes) = input::bytes(file, PLAYBOOK_BYTES) else { return false };
    if playbook::form(&bytes).is_ok() {
        return true;
    }
    let nearly = match updraft::parse::document(&bytes, PLAYBOOK_BYTES) {
        Ok(Value::Object(fields)) => fields.contains_key("name") && fields.contains_key("steps"),
        _ => false,
    };
    if nearly {
        let why = "left as it is: it has the fields of a playbook, and cannot be read as one; `updraft validate` says why";
        screen.say(&format!("updraft: {}: {why}", file.display()));
    }
    false
}

/// Brings a file into its layout, or only looks; whether it was in another.
fn lay_out(file: &Path, check: bool) -> Result<bool, Vec<String>> {
    let most = if is_test(file) { TEST_FILE_BYTES } else { PLAYBOOK_BYTES };
    let bytes = input::bytes(file, most).map_err(|error| vec![error.to_string()])?;
    let text = format(&bytes, most).map_err(|error| error.mistakes())?;
    if text.as_bytes() == bytes {
        return Ok(false);
    }
    if !check {
        replace::replace(file, &bytes, &text).map_err(|error| vec![error.to_string()])?;
    }
    Ok(true)
}

fn tell(mistakes: &str, screen: &Screen) {
    mistakes.lines().for_each(|mistake| screen.say(&format!("updraft: {mistake}")));
}
