//! Canaries: models of code that is known to be wrong. Owns the proof that loom finds it; a canary that loom does not catch is
//! a failure, and so is one of a planted bug outside of the patched copy.

use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::planted::Bug;

/// A second filter for the test harness, which matches no test: it tells the child from its parent.
const CHILD: &str = "the-child-of-a-canary";
/// How the child ends when loom has found something.
const FOUND: i32 = 42;

/// Plants a bug in the patched kernel, and runs the model over it.
///
/// # Panics
/// Where loom ends without finding it, or finds something whose message does not contain `finding`.
pub fn catches<F>(bug: Bug, finding: &str, model: F)
where
    F: Fn() + Sync + Send + 'static,
{
    watch(Some(bug), finding, model);
}

/// Runs the model of callers that use the kernel in a wrong way.
///
/// # Panics
/// As [`catches`].
pub fn catches_misuse<F>(finding: &str, model: F)
where
    F: Fn() + Sync + Send + 'static,
{
    watch(None, finding, model);
}

/// Has a process of its own run the model: loom cannot unwind out of every finding (after a deadlock no thread is
/// left to run the destructors), and a bug that is planted stays.
#[expect(clippy::print_stdout, reason = "`.ci/loom` requires the line, as it requires loom's own")]
fn watch<F>(bug: Option<Bug>, finding: &str, model: F)
where
    F: Fn() + Sync + Send + 'static,
{
    if std::env::args().any(|argument| argument == CHILD) {
        if let Some(bug) = bug {
            bug.plant();
        }
        return run(model);
    }
    let me = std::thread::current();
    let test = me.name().unwrap_or_default();
    let child = std::env::current_exe()
        .and_then(|program| Command::new(program).args(["--exact", test, CHILD, "--nocapture"]).output());
    let (code, said) = match child {
        Ok(output) => (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => (None, error.to_string()),
    };
    assert!(code == Some(FOUND) && said.contains(finding), "loom was to find `{finding}`: {said}");
    for line in said.lines().filter(|line| line.starts_with("Caught in ")) {
        println!("{line}");
    }
}

/// Runs the model until the first panic, and ends the process there.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn run<F>(model: F)
where
    F: Fn() + Sync + Send + 'static,
{
    let iterations = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&iterations);
    std::panic::set_hook(Box::new(move |finding| {
        println!("\nCaught in {} iterations\n{finding}", counted.load(Ordering::Relaxed));
        exit(FOUND);
    }));
    loom::model(move || {
        iterations.fetch_add(1, Ordering::Relaxed);
        model();
    });
}
