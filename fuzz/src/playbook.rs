//! Playbooks: any bytes are a playbook or a mistake with its place; what is a playbook stays itself when it is
//! stored and read back; its check gives a plan or a bounded number of mistakes.

use updraft_kernel::plan::{Mistake, Plan, PlannedAction};
use updraft_protocol::limits::MISTAKES;
use updraft_protocol::parse::Error;
use updraft_protocol::{Catalogue, Name, Playbook};

use crate::shape::check_message;

/// Takes the text of a playbook, JSON or YAML.
///
/// # Panics
/// Something does not hold.
pub fn run(text: &[u8]) {
    match Playbook::parse(text) {
        Ok(playbook) => check(text, &playbook),
        Err(error) => refused(text, &error),
    }
}

fn refused(text: &[u8], error: &Error) {
    assert_eq!(Playbook::parse(text).as_ref(), Err(error), "the same verdict twice");
    check_message(&error.to_string());
    assert!(!error.retryable());
    if let Error::Shape { place, .. } = error {
        let lines = 1 + text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
        assert!(place.line <= lines + 1, "line {} of {lines}", place.line);
        assert!(place.column <= text.len() as u64 + 2, "column {} of {}", place.column, text.len());
        assert!(place.line > 0 || !place.path.is_empty(), "a place: {error}");
    }
}

fn check(text: &[u8], playbook: &Playbook) {
    let again = Playbook::parse(text);
    // A number that is none is not equal to itself.
    let same =
        again.as_ref() == Ok(playbook) || format!("{again:?}") == format!("{:?}", Ok::<_, Error>(playbook));
    assert!(same, "the same verdict twice: {again:?}");
    let (first, second) = (plan(playbook), plan(playbook));
    match (&first, &second) {
        (Ok(plan), Ok(_)) => {
            let written =
                plan.steps.iter().filter(|step| PlannedAction::of(step).is_none_or(|of| of.undoes.is_none()));
            assert_eq!(written.count(), playbook.walk().len(), "every step is planned");
            // What is accepted is stored, and read back whenever an execution of it is.
            let stored = serde_json::to_vec(playbook);
            let read = stored.ok().map(|stored| Playbook::parse(&stored));
            assert_eq!(read.as_ref(), Some(&Ok(playbook.clone())), "what is accepted can be read back");
        }
        (Err(mistakes), Err(again)) => {
            assert_eq!(mistakes, again, "the same mistakes twice");
            assert!((1..=MISTAKES).contains(&mistakes.len()), "{} mistakes", mistakes.len());
            mistakes.iter().for_each(|mistake| check_message(&mistake.to_string()));
        }
        _ => assert_eq!(first.is_ok(), second.is_ok(), "the same verdict twice"),
    }
}

fn plan(playbook: &Playbook) -> Result<Plan, Vec<Mistake>> {
    let mut catalogue = Catalogue::default();
    for name in ["http", "tool"] {
        catalogue
            .add_names(name.parse::<Name>().unwrap_or_else(|_| playbook.name.clone()), &["request", "act"]);
    }
    Plan::check(playbook, &catalogue)
}
