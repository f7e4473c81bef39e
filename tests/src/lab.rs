//! A lab: a data directory with a tool and a clock, in which engines are started one after another.

use std::path::Path;

use tempfile::TempDir;
use updraft::{Builder, Durability, Engine, Handle, Playbook, PlaybookId, Submission, TenantCode, Value};

use crate::clock::TestClock;
use crate::ran::Ran;
use crate::tool::Tool;

/// A place for engines. What it made is gone when it is dropped.
pub struct Lab {
    directory: TempDir,
    /// The tool `tool` of its engines.
    pub tool: Tool,
    /// The clock of its engines.
    pub clock: TestClock,
}

impl Default for Lab {
    fn default() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), tool: Tool::default(), clock: TestClock::default() }
    }
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

impl Lab {
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
    pub async fn end(&self, engine: &Engine, handle: &Handle, playbook: &Playbook) -> Ran {
        let catalogue = self.builder().catalogue().unwrap();
        Ran::to_end(engine, handle, playbook, &catalogue, &self.tool).await
    }

    /// Runs a playbook in an engine of its own.
    pub async fn run(&self, playbook: &Playbook, input: impl Into<Value>) -> Ran {
        let engine = self.start().await;
        let handle = self.submit(&engine, playbook, input).await;
        let ran = self.end(&engine, &handle, playbook).await;
        let _ = engine.shutdown(crate::patience::PATIENCE).await;
        ran
    }
}
