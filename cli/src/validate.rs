//! `updraft validate` and `updraft schema`: what playbooks may look like.

use crate::data;
use crate::exit::{Ending, Error};
use crate::options::Validate;
use crate::output::Output;
use crate::playbook;
use crate::text::clean;

/// Tells every mistake of every file on standard output.
pub(crate) fn validate(options: &Validate) -> Result<Ending, Error> {
    let tools = data::tools(Vec::new())?.catalogue()?;
    let (mut output, mut ending) = (Output::stdout(), Ending::Completed);
    for path in &options.files {
        match playbook::read(path, &tools) {
            Ok(_) => output.line(format_args!("{}: ok", clean(&path.display().to_string()))),
            Err(mistakes) => {
                ending = Ending::Refused;
                mistakes.iter().for_each(|mistake| output.line(clean(mistake)));
            }
        }
    }
    output.finish().map(|()| ending)
}

/// Prints the JSON Schema of playbooks.
pub(crate) fn schema() -> Result<Ending, Error> {
    let mut output = Output::stdout();
    output.json(&updraft::schema::playbook_schema());
    output.finish().map(|()| Ending::Completed)
}
