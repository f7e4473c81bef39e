//! `updraft test`: the test cases beside playbooks, run on all cores and told like those of a test runner. Owns what is told; what
//! a case means is in `updraft_replay`.

mod junit;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use console::style;
use serde::Serialize;
use updraft::limits::TEST_FILE_BYTES;
use updraft::{Builder, Clock, SystemClock, TenantCode, Value};
use updraft_replay::case::{TestCase, TestFile};
use updraft_replay::file::placed;
use updraft_replay::plans::RunPlans;

use crate::declared::declared;
use crate::exit::{Ending, Error};
use crate::files;
use crate::input;
use crate::log::Screen;
use crate::options::Test;
use crate::output::Output;
use crate::playbook;
use crate::text::{clean, duration};

/// A case that can run.
struct Job {
    /// The number of its file.
    file: usize,
    plans: Arc<RunPlans>,
    case: TestCase,
    alert: Value,
}

/// What became of a case.
#[derive(Debug, Serialize)]
struct Told {
    file: String,
    name: String,
    passed: bool,
    /// How it ended.
    end: &'static str,
    steps: usize,
    calls: usize,
    millis: u64,
    differences: Vec<String>,
}

/// Runs the cases, or makes one.
pub(crate) async fn test(options: Test, screen: &Screen) -> Result<Ending, Error> {
    if let Some(peid) = options.record {
        return record::record(&options, peid, screen).await;
    }
    let began = SystemClock.now();
    let here = [PathBuf::from(".")];
    let paths = if options.paths.is_empty() { &here[..] } else { &options.paths };
    let files = files::test_files(paths)?;
    let tools = declared(&options.data, &options.connectors, options.integrations.as_deref())?;
    let (mut jobs, mut mistakes) = (Vec::new(), Vec::new());
    for (number, path) in files.iter().enumerate() {
        match read(path, &tools).await {
            Ok(read) => jobs.extend(read.into_iter().map(|(plans, case, alert)| Job {
                file: number,
                plans,
                case,
                alert,
            })),
            Err(found) => {
                mistakes.extend(found.iter().map(|mistake| format!("{}: {mistake}", path.display())));
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(Error::Refused(mistakes.join("\n")));
    }
    if let Some(part) = &options.filter {
        let is_meant = |job: &Job| {
            job.case.name.contains(part.as_str())
                || files.get(job.file).is_some_and(|path| path.to_string_lossy().contains(part.as_str()))
        };
        jobs.retain(is_meant);
    }
    if jobs.is_empty() {
        return Err(Error::Refused("no case was found".to_owned()));
    }
    let told = run(&jobs, &files, &options.tenant);
    if let Some(path) = &options.junit {
        let text = junit::report(&told);
        std::fs::write(path, text).map_err(|error| Error::Failed(format!("{}: {error}", path.display())))?;
    }
    let mut output = Output::stdout();
    if options.json {
        output.json(&told);
    } else {
        print(&told, SystemClock.now().since(began), &mut output);
    }
    output.finish()?;
    Ok(if told.iter().all(|told| told.passed) { Ending::Completed } else { Ending::Failed })
}

/// The cases of a file, each with its playbooks and its alert.
async fn read(path: &Path, tools: &Builder) -> Result<Vec<(Arc<RunPlans>, TestCase, Value)>, Vec<String>> {
    let bytes = input::bytes(path, TEST_FILE_BYTES).map_err(|error| vec![error.to_string()])?;
    let file = TestFile::read(&bytes)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let subs: Vec<PathBuf> = file.sub.iter().map(|sub| folder.join(sub)).collect();
    let named = [("playbook".to_owned(), &file.playbook)].into_iter();
    let named = named.chain(file.sub.iter().enumerate().map(|(at, sub)| (format!("sub[{at}]"), sub)));
    let missing = named.filter_map(|(place, name)| {
        let error = std::fs::metadata(folder.join(name)).err()?;
        Some((place, format!("{name}: {error}")))
    });
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        return Err(placed(&bytes, missing));
    }
    let (_, plans) = playbook::plans(&folder.join(&file.playbook), &subs, tools).await?;
    let mut mistakes = file.unknown_steps(&bytes, &plans);
    let plans = Arc::new(plans);
    let (mut cases, mut unread) = (Vec::new(), Vec::new());
    for (at, case) in file.cases.into_iter().enumerate() {
        let alert = match &case.alert {
            Some(Value::String(name)) => input::json(&folder.join(name))
                .map_err(|mistake| unread.push((format!("cases[{at}].alert"), mistake))),
            Some(value) => Ok(value.clone()),
            None => Ok(Value::Null),
        };
        cases.push((plans.clone(), case, alert.unwrap_or_default()));
    }
    mistakes.extend(placed(&bytes, unread));
    if mistakes.is_empty() { Ok(cases) } else { Err(mistakes) }
}

/// Runs all cases on as many threads as there are cores; gives them in their order.
fn run(jobs: &[Job], files: &[PathBuf], tenant: &TenantCode) -> Vec<Told> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::sync_channel(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, send) = (&next, send.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    let file = files.get(job.file).map(|path| path.display().to_string());
                    // Whoever receives stays until all have ended.
                    let _ = send.send((number, one(job, file.unwrap_or_default(), tenant)));
                }
            });
        }
        drop(send);
    });
    let mut told: Vec<(usize, Told)> = receive.into_iter().collect();
    told.sort_by_key(|(number, _)| *number);
    told.into_iter().map(|(_, told)| told).collect()
}

fn one(job: &Job, file: String, tenant: &TenantCode) -> Told {
    let began = SystemClock.now();
    let outcome = job.case.run(&job.plans, tenant, job.alert.clone());
    Told {
        file,
        name: job.case.name.clone(),
        passed: outcome.differences.is_empty(),
        end: outcome.trace.word(),
        steps: outcome.trace.tasks.len(),
        calls: outcome.trace.calls.len(),
        millis: SystemClock.now().since(began),
        differences: outcome.differences,
    }
}

/// Tells of each case, file by file, and how many passed.
fn print(told: &[Told], took: u64, output: &mut Output) {
    let mut file = None;
    for case in told {
        if file != Some(&case.file) {
            output.line(clean(&case.file));
            file = Some(&case.file);
        }
        let mark = if case.passed { style("ok    ").green() } else { style("FAILED").red() };
        let steps = style(format!("({}, {} steps, {} calls)", case.end, case.steps, case.calls)).dim();
        output.styled(format_args!("  {mark}  {}  {steps}", clean(&case.name)));
        for difference in &case.differences {
            output.line(format_args!("            {}", clean(difference)));
        }
    }
    let failed = told.iter().filter(|case| !case.passed).count();
    let passed = told.len() - failed;
    let word = if failed == 0 { style("ok").green() } else { style("FAILED").red() };
    output.styled(format_args!("{word}: {passed} passed, {failed} failed, in {}", duration(took)));
}
