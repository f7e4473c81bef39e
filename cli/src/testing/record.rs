//! `updraft test --record`: a test case of a past execution, written to a new file.

use std::io::Write;
use std::path::Path;

use updraft::ExecutionId;
use updraft_replay::compare::ReplayVerdict;
use updraft_replay::record::{Wish, case_of, file_of};

use crate::declared::declared;
use crate::dry_run::{nowhere, recording};
use crate::exit::{Ending, Error};
use crate::log::Screen;
use crate::options::Test;
use crate::output::Output;
use crate::playbook;
use crate::reading::Reading;
use crate::text::clean_json;

/// Makes it, and says what was masked and what differs.
pub(super) async fn record(options: &Test, peid: ExecutionId, screen: &Screen) -> Result<Ending, Error> {
    let Some(file) = &options.playbook else {
        return Err(Error::Refused("--record: needs --playbook".to_owned()));
    };
    let tools = declared(&options.data, &options.connectors, options.integrations.as_deref())?;
    let plans = playbook::plans(file, &options.sub, &tools).await;
    let (playbook, plans) = plans.map_err(|mistakes| Error::Refused(mistakes.join("\n")))?;
    let reading = Reading::open(&options.data).await?;
    let found = recording(&reading, &options.tenant, peid, &plans).await;
    reading.close().await;
    let found = found?.ok_or_else(|| nowhere(&options.tenant, peid))?;
    let (name, status) = (&found.execution.head.playbook_name, found.execution.state.execution_status);
    let wish = Wish {
        name: format!("execution {peid}, {status}"),
        mask: options.mask.clone(),
        keeps_personal: options.keep_personal,
    };
    let recorded = case_of(&found, &plans, &wish).map_err(|error| Error::Refused(error.to_string()))?;
    let remark = format!(
        "Made of an execution of {name} version {} by `updraft test --record`; of {} version {}.",
        found.execution.head.playbook_version, playbook.name, playbook.version
    );
    let folder = options.output.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let from_there = |path: &Path| relative(path, folder);
    let subs: Vec<String> = options.sub.iter().map(|sub| from_there(sub)).collect();
    let text = file_of(&recorded.case, &from_there(file), &subs, &remark);
    match &options.output {
        Some(path) => {
            let failed = |error: std::io::Error| Error::refused(path.display(), error);
            let mut made = std::fs::File::create_new(path).map_err(failed)?;
            made.write_all(text.as_bytes()).map_err(failed)?;
        }
        None => {
            let mut output = Output::stdout();
            // What a terminal would obey stands in texts, where it may be written by its number.
            output.styled(clean_json(text.trim_end()));
            output.finish()?;
        }
    }
    if *name != playbook.name {
        screen.say(&format!("the execution is of the playbook {name}, and not of {}", playbook.name));
    }
    screen.say(&format!("{} values are masked; read the file before it is shared", recorded.masked));
    match recorded.verdict {
        ReplayVerdict::Same => {}
        ReplayVerdict::Differs { step, old, new } => {
            screen.say(&format!("the case differs from the execution at {step}: {old}, in the case {new}"));
        }
        ReplayVerdict::NeedsAnswer { step, asked } => {
            screen.say(&format!("the case lacks an answer: step {step} ({asked})"));
        }
        ReplayVerdict::Failed { why } => screen.say(&why),
    }
    Ok(Ending::Completed)
}

/// A path from a folder, where both are below the same one; else the whole path.
fn relative(path: &Path, folder: &Path) -> String {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (path, folder) = (whole(path), whole(folder));
    let same = path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(same).map(|_| std::path::Component::ParentDir);
    let down = path.components().skip(same);
    let relative: std::path::PathBuf = up.chain(down).collect();
    relative.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_the_folder_of_the_file_that_names_it() {
        let told = |path: &str, folder: &str| relative(Path::new(path), Path::new(folder));
        assert_eq!(told("/a/b/playbook.yaml", "/a/b"), "playbook.yaml");
        assert_eq!(told("/a/c/playbook.yaml", "/a/b"), "../c/playbook.yaml");
        assert_eq!(told("x/playbook.yaml", "x"), "playbook.yaml");
        assert_eq!(told("x/playbook.yaml", ""), "x/playbook.yaml");
    }
}
