//! `updraft doctor`: what is wrong with a data directory and its store, and what can be done. Starts nothing, mends nothing.

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::Doctor;
use crate::output::Output;
use crate::text::clean;

/// Tells what is found; well where a start would succeed.
pub(crate) async fn doctor(options: &Doctor, screen: &Screen) -> Result<Ending, Error> {
    let kept = Kept::of(&options.data)?;
    let mut interrupt = Interrupt::listen(screen)?;
    let looking = updraft::doctor(&kept.directory, &kept.store);
    let Some(diagnosis) = interrupt.unless(looking).await else { return Ok(Ending::Interrupted) };
    let diagnosis = diagnosis?;
    let mut output = Output::stdout();
    if options.json {
        output.json(&diagnosis);
    } else {
        diagnosis.to_string().lines().for_each(|line| output.line(clean(line)));
    }
    let well = diagnosis.is_well();
    output.finish().map(|()| if well { Ending::Completed } else { Ending::Failed })
}
