//! The harness: a data directory with a tool and a clock, in which engines are started one after another.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use updraft::{
    Asked, Builder, Durability, Engine, ExecutionStatus, Handle, Owner, Playbook, PlaybookId, StartError,
    StoreError, Submission, TenantCode, Timestamp, Value,
};
use uuid::Uuid;

use crate::clock::TestClock;
use crate::finished_run::FinishedRun;
use crate::timeouts::{soon, until};
use crate::tool::Tool;

/// A place for engines. What it made is gone when it is dropped.
pub struct Harness {
    directory: TempDir,
    /// The tool `tool` of its engines.
    pub tool: Tool,
    /// The clock of its engines.
    pub clock: TestClock,
}

impl Default for Harness {
    fn default() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), tool: Tool::default(), clock: TestClock::default() }
    }
}

/// A person who asks for a control.
pub fn asked() -> Asked {
    Asked { uid: "ana".into(), reason: "a test".into() }
}

/// A tenant.
pub fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

/// A playbook named `test`; `body` is what follows its version.
pub fn playbook(body: &str) -> Playbook {
    named("test", body)
}

/// Another playbook.
pub fn named(name: &str, body: &str) -> Playbook {
    let text = format!("format: 1\nname: {name}\nversion: 1\n{body}");
    Playbook::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

impl Harness {
    /// The data directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// An engine's configuration: two shards, the tool, the clock. The system keeps what it was given: that is
    /// what a killed process needs, and a disk's own cache is not under test here.
    pub fn builder(&self) -> Builder {
        Engine::builder()
            .data(self.path())
            .durability(Durability::Os)
            .shards(2)
            .clock(std::sync::Arc::new(self.clock.clone()))
            .integration("tool", self.tool.clone())
    }

    /// An engine.
    pub async fn start(&self) -> Engine {
        self.builder().start().await.unwrap()
    }

    /// Puts a playbook for the tenant `acme`.
    pub async fn put(&self, engine: &Engine, playbook: &Playbook) -> PlaybookId {
        engine
            .playbooks()
            .put(&tenant("acme"), playbook.clone())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Puts and submits a playbook for the tenant `acme`.
    pub async fn submit(&self, engine: &Engine, playbook: &Playbook, input: impl Into<Value>) -> Handle {
        let pid = self.put(engine, playbook).await;
        engine.submit(Submission::new(tenant("acme"), pid).input(input)).await.unwrap()
    }

    /// Waits for the end of an execution, with every invariant checked.
    pub async fn end(&self, engine: &Engine, handle: &Handle, playbook: &Playbook) -> FinishedRun {
        let catalogue = self.builder().catalogue().unwrap();
        FinishedRun::to_end(engine, handle, playbook, &catalogue, &self.tool).await
    }

    /// Runs a playbook in an engine of its own.
    pub async fn run(&self, playbook: &Playbook, input: impl Into<Value>) -> FinishedRun {
        let engine = self.start().await;
        let handle = self.submit(&engine, playbook, input).await;
        let finished = self.end(&engine, &handle, playbook).await;
        let _ = engine.shutdown(crate::timeouts::TEST_TIMEOUT).await;
        finished
    }
}

/// Waits until an execution has completed.
///
/// # Panics
/// It ends otherwise.
pub async fn completed(handle: &Handle) {
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
}

/// Waits until so many locks of targets are held, and so many executions wait for one.
pub async fn locks(engine: &Engine, state: (usize, usize)) {
    until(async || engine.target_locks() == state).await;
}

/// An engine. One before it that was dropped, as a crash leaves it, lets go of its directory a moment later.
///
/// # Panics
/// It does not start for another reason, or not in time.
pub async fn started(builder: &Builder) -> Engine {
    crate::timeouts::soon(async {
        loop {
            match builder.clone().start().await {
                Err(StartError::Store(StoreError::InUse { .. })) => {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                started => return started.unwrap(),
            }
        }
    })
    .await
}

/// Why an engine does not start that does not, once its directory is free.
///
/// # Panics
/// It does.
pub async fn not_started(builder: &Builder) -> StartError {
    crate::timeouts::soon(async {
        loop {
            match builder.clone().start().await {
                Err(StartError::Store(StoreError::InUse { .. })) => {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                Err(error) => return error,
                Ok(_) => panic!("it starts"),
            }
        }
    })
    .await
}

/// The program, which is built with the workspace: in the directory above that of the tests.
///
/// # Panics
/// It was not built.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("updraft");
    assert!(built.exists(), "cargo build --workspace builds the program: {}", built.display());
    built
}

/// An engine on another machine that takes a database.
pub fn another_owner() -> Owner {
    Owner {
        incarnation: Uuid::from_u128(7),
        journal: Uuid::from_u128(8),
        who: "process 7 on another machine".to_owned(),
        since: Timestamp(1_700_000_000_000),
        beat: 0,
        released: false,
    }
}
