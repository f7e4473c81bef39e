//! Bulk work: what is asked of all executions that `--where` finds, once a person has seen how many they are. Owns what the filter
//! means and the question; which executions they are is decided by the engine.

use std::io::{BufRead, stdin};
use std::time::Duration;

use updraft::{Asked, BulkError, Clock, ExecutionFilter, SystemClock, Timestamp, local};

use crate::ask::is_somebody_there;
use crate::exit::Error;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{Fit, Which};

/// Who asks for it, and why.
pub(crate) fn asked(which: &Which) -> Asked {
    Asked { uid: which.uid.clone(), reason: which.reason.clone() }
}

/// The executions that are meant.
pub(crate) fn filter(which: &Which) -> Result<ExecutionFilter, Error> {
    let now = SystemClock.now();
    let ago =
        |span: Duration| Timestamp(now.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    let mut filter = ExecutionFilter::new(which.tenant.clone());
    let mut fields = Vec::new();
    for fit in which.fits.iter().cloned() {
        let field = std::mem::discriminant(&fit);
        if fields.contains(&field) {
            return Err(Error::Refused("--where: each field is said once at most".to_owned()));
        }
        fields.push(field);
        filter = match fit {
            Fit::All => filter,
            Fit::Status(status) => filter.status(status),
            Fit::Playbook(name) => filter.playbook(name),
            Fit::Since(span) => filter.since(ago(span)),
            Fit::Until(span) => filter.until(ago(span)),
        };
    }
    Ok(filter)
}

/// Says how many they are, and goes on only where that is wanted. `work` is what is done to them: "run again".
pub(crate) async fn confirm(
    count: usize,
    work: &str,
    which: &Which,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<(), Error> {
    screen.say(&format!("{count} executions are to be {work}"));
    let is_wanted = count == 0 || which.yes || interrupt.unless(says_yes(screen)).await.unwrap_or(false);
    if is_wanted {
        return Ok(());
    }
    Err(Error::Refused(format!("nothing was {work}: `--yes` does it without a question")))
}

/// Whether the person at the terminal says yes.
async fn says_yes(screen: &Screen) -> bool {
    if !is_somebody_there() {
        return false;
    }
    screen.say("type yes to do it");
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        stdin().lock().read_line(&mut line).map(|_| line)
    });
    matches!(read.await, Ok(Ok(line)) if line.trim() == "yes")
}

/// Why nothing was counted by an engine of this process.
pub(crate) fn uncounted(error: BulkError) -> Error {
    match error {
        BulkError::Read(error) => Error::Read(error),
        error => Error::Refused(error.to_string()),
    }
}

/// Why nothing was counted by the engine that runs there: what it refuses makes no sense to it.
pub(crate) fn uncounted_there(error: local::Error) -> Error {
    match error {
        local::Error::Engine { message, retryable: false } => Error::Refused(message),
        error => Error::Local(error),
    }
}

/// Why one execution is left as it is, or that the engine that runs there does not answer: then the rest is left too.
pub(crate) fn left_alone(error: local::Error) -> Result<String, Error> {
    match error {
        error @ local::Error::Engine { .. } => Ok(error.to_string()),
        error => Err(Error::Local(error)),
    }
}
