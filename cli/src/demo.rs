//! `updraft demo`: the phishing-triage example against tools that come with the program.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use updraft::integrations::http::Allow;
use updraft::limits::{APPROVAL_WAIT, CHILD_WAIT, CONFIGURATION_WAIT, SIGNAL_WAIT};
use updraft::{Durability, Playbook, PlaybookChoice, Resume, Span, Submission, TenantCode};

use crate::command::Command;
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{Demo, Grants, Work};
use crate::output::Output;
use crate::redis::RedisOption;
use crate::run::Prepared;
use crate::scratch::{Scratch, Use};
use crate::serve;
use crate::stubs::Stubs;
use crate::watch::Beginning;

const PLAYBOOK: &str = include_str!("../../examples/phishing-triage/playbook.yaml");
const ALERT: &str = include_str!("../../examples/phishing-triage/alert.json");
/// The largest answer of the tools about what they did.
const ACTS_BYTES: u64 = 64 << 10;
/// And how long it may take.
const ACTS_WAIT: Duration = Duration::from_secs(5);

/// Runs the example, and tells what the tools did.
pub(crate) async fn demo(options: Demo, screen: &Screen) -> Result<Ending, Error> {
    options.store.address()?;
    let mut interrupt = Interrupt::listen(screen)?;
    let temporary = match &options.data {
        Some(_) => None,
        None => Some(
            Scratch::new(Use::Demo, None)
                .map_err(|error| Error::Failed(format!("temporary directory: {error}")))?,
        ),
    };
    let kept = options.data.as_deref().or(temporary.as_ref().map(Scratch::path));
    let directory = kept.ok_or_else(|| Error::Failed("no data directory".to_owned()))?;
    let kept = Kept::new(directory, &options.store)?;
    let stubs = serve::tools(options.port.unwrap_or_default()).await?;
    let allow: Allow = stubs.addr().to_string().parse().map_err(|error| Error::refused("--port", error))?;
    let grants = Grants { allow_net: vec![allow], ..Grants::default() };
    let work = Work {
        grants,
        redis: RedisOption::default(),
        configuration_wait: Span(CONFIGURATION_WAIT),
        approval_wait: Span(APPROVAL_WAIT),
        signal_wait: Span(SIGNAL_WAIT),
        child_wait: Span(CHILD_WAIT),
        durability: Durability::Fsync,
    };
    let builder = data::builder(&kept, &work)?.resume(Resume::Nothing);
    let recover = Command::new("recover", &kept).working(&work);
    let tenant = TenantCode::new("demo").map_err(|error| Error::Failed(error.to_string()))?;
    let (playbook, submission) = example(&tenant, stubs.addr())?;
    let (json, stays) = (options.json, temporary.is_none());
    let (playbook, submission) = (Box::new(playbook), Box::new(submission));
    let beginning = Beginning::Submit { playbook, subs: Vec::new(), submission };
    let (key, uid, groups) = (None, None, Vec::new());
    let job = Prepared { builder, kept, tenant, beginning, key, uid, groups, json, recover, stays };
    let ended = job.conduct(&mut interrupt, screen).await;
    if ended.as_ref().is_ok_and(|ending| *ending != Ending::Interrupted) {
        tell(&stubs, options.json).await?;
    }
    serve::stop(stubs, screen).await;
    ended
}

fn example(tenant: &TenantCode, tools: SocketAddr) -> Result<(Playbook, Submission), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("the example: {error}"));
    let playbook = Playbook::parse(PLAYBOOK.as_bytes()).map_err(|error| failed(&error))?;
    let alert: Value = serde_json::from_str(ALERT).map_err(|error| failed(&error))?;
    let choice = PlaybookChoice::Named(playbook.name.clone(), Some(playbook.version));
    let submission = Submission::new(tenant.clone(), choice).endpoint("tools", format!("http://{tools}"));
    let submission = match alert["alert_id"].as_str() {
        Some(alert_id) => submission.alert_id(alert_id),
        None => submission,
    };
    Ok((playbook, submission.input(alert)))
}

/// Tells what the tools were asked and what they did.
async fn tell(stubs: &Stubs, json: bool) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("the tools: {error}"));
    let acts = tokio::time::timeout(ACTS_WAIT, acts(stubs.addr())).await.map_err(|late| failed(&late))?;
    let acts = acts.map_err(|error| failed(&error))?;
    let mut output = if json { Output::stderr() } else { Output::stdout() };
    output.line(format_args!(
        "the tools had {} requests, failed {} of them, gave {} answers a second time, and did:",
        acts["requests"], acts["troubles"], acts["replays"]
    ));
    for (tool, times) in acts["acts"].as_object().into_iter().flatten() {
        output.line(format_args!("  {tool:28} {times}"));
    }
    output.finish()
}

async fn acts(tools: SocketAddr) -> io::Result<Value> {
    let mut stream = TcpStream::connect(tools).await?;
    let request = format!("GET /acts HTTP/1.1\r\nHost: {tools}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ACTS_BYTES).read_to_end(&mut answer).await?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    Ok(serde_json::from_slice(&answer[head..])?)
}
