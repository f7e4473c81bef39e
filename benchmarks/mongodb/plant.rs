//! A plant: an engine on a new database, journal synced, with its playbook of five steps, and the load put on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mongodb::{Client, Database};
use tempfile::TempDir;
use updraft::{
    Answer, BatchLimit, Call, Engine, Integration, Json, Playbook, PlaybookId, Submission, SubmitError,
    TenantCode,
};
use updraft_storage::mongo::MongoStore;

use crate::recorder::{Keep, Recorder};
use crate::server::Server;

/// Steps of the playbook.
pub(crate) const STEPS: usize = 5;
/// What a step answers, unless the part says otherwise.
pub(crate) const RESPONSE_BYTES: usize = 200;
/// Tenants, so that every shard has work.
const TENANTS: usize = 16;
/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where sites are.
pub(crate) struct Land {
    /// Another server than the program's own.
    pub(crate) server: Option<String>,
    /// None for the one that suits the store.
    pub(crate) pace: Option<BatchLimit>,
    /// Whether the program's own server syncs its log at every commit.
    pub(crate) synced: bool,
}

/// Where plants are built: a server of its own, so that none pays for what another has left.
#[derive(Clone)]
pub(crate) struct Site {
    server: Arc<Server>,
    pub(crate) client: Client,
    pace: Option<BatchLimit>,
}

/// The name of a new database: short, as a backend's is, since some servers keep it in each of their keys.
pub(crate) fn database_name() -> String {
    format!("bench_{}", &uuid::Uuid::now_v7().simple().to_string()[24..])
}

/// A tool: how long it takes and what it answers.
#[derive(Clone)]
pub(crate) struct Tool {
    delay: Duration,
    answer: Json,
}

/// An engine at work.
pub(crate) struct Plant {
    pub(crate) engine: Arc<Engine>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) database: Database,
    site: Site,
    playbooks: Arc<Vec<(TenantCode, PlaybookId)>>,
    directory: TempDir,
}

impl Land {
    /// A new site.
    pub(crate) async fn site(&self) -> Site {
        let server = Arc::new(Server::start(self.server.as_deref(), self.synced));
        let client = Client::with_uri_str(&server.uri).await.expect("a client");
        Site { server, client, pace: self.pace }
    }
}

impl Site {
    /// The server's process, where it is the program's own.
    pub(crate) fn process(&self) -> Option<u32> {
        self.server.process()
    }

    /// Removes a database, where the server is not removed itself.
    pub(crate) async fn clear(&self, database: &Database) {
        if self.process().is_none() {
            database.drop().await.expect("drop");
        }
    }

    /// A new database with the store's indexes, and a store in it.
    pub(crate) async fn store(&self) -> (Arc<MongoStore>, Database) {
        let name = database_name();
        let (hosts, options) = self.server.uri.split_once('?').unwrap_or((&self.server.uri, ""));
        let uri = format!("{}/{name}?{options}", hosts.trim_end_matches('/'));
        let store = MongoStore::builder(uri).connect().await.expect("a store");
        (Arc::new(store), self.client.database(&name))
    }

    pub(crate) async fn plant(&self, tool: Tool, keep: Keep) -> Plant {
        let (store, database) = self.store().await;
        let recorder = Arc::new(Recorder::new(store, keep));
        let directory = tempfile::tempdir().expect("a directory");
        let mut engine = Engine::builder().data(directory.path()).store(recorder.clone());
        if let Some(pace) = self.pace {
            engine = engine.batch_limit(pace);
        }
        let engine = engine.integration("tool", tool).start().await.expect("an engine");
        let mut playbooks = Vec::new();
        for tenant in 0..TENANTS {
            let tenant = TenantCode::new(format!("tenant-{tenant}")).expect("a code");
            let pid = engine.playbooks().put(&tenant, playbook()).await.expect("a playbook");
            playbooks.push((tenant, pid));
        }
        let (engine, playbooks) = (Arc::new(engine), Arc::new(playbooks));
        Plant { engine, recorder, database, site: self.clone(), playbooks, directory }
    }
}

impl Tool {
    /// The same, after so long.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Answers at once, with so much text.
    pub(crate) fn answering(bytes: usize) -> Self {
        Self { delay: Duration::ZERO, answer: serde_json::json!({ "text": "x".repeat(bytes) }).into() }
    }
}

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &["act"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        let answer = Ok(self.answer.clone());
        if self.delay.is_zero() {
            return Box::pin(std::future::ready(answer));
        }
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            answer
        })
    }
}

fn playbook() -> Playbook {
    let mut text = "format: 1\nname: bench\nversion: 1\nsteps:\n".to_owned();
    for step in 0..STEPS {
        let next = if step + 1 < STEPS { format!(", on_success: s{}", step + 1) } else { String::new() };
        text += &format!("  - {{id: s{step}, type: action, integration: tool, action: act{next}}}\n");
    }
    Playbook::parse(text.as_bytes()).expect("a playbook")
}

impl Plant {
    fn submission(&self, number: usize) -> Submission {
        let (tenant, pid) = &self.playbooks[number % TENANTS];
        Submission::new(tenant.clone(), *pid).alert_id(format!("alert-{number}"))
    }

    /// So many executions, so many at a time, each to its end.
    pub(crate) async fn run(self: &Arc<Self>, executions: usize, at_a_time: usize) {
        let next = Arc::new(AtomicUsize::new(0));
        let submitters: Vec<_> = (0..at_a_time.min(executions))
            .map(|_| {
                let (plant, next) = (self.clone(), next.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::AcqRel);
                        if number >= executions {
                            return;
                        }
                        plant.one(number).await.expect("a place");
                    }
                })
            })
            .collect();
        for submitter in submitters {
            submitter.await.expect("a submitter that ends");
        }
    }

    /// One execution to its end.
    pub(crate) async fn one(&self, number: usize) -> Result<(), SubmitError> {
        let handle = self.engine.submit(self.submission(number)).await?;
        let _ = handle.wait().await.expect("an end");
        Ok(())
    }

    /// Executions that come when they come: so many a second, whether those before have ended or not.
    pub(crate) async fn open(self: &Arc<Self>, executions: usize, per_second: f64) {
        const TICK: Duration = Duration::from_millis(2);
        let mut ticks = tokio::time::interval(TICK);
        let began = tokio::time::Instant::now();
        let mut running = tokio::task::JoinSet::new();
        let mut number = 0;
        while number < executions {
            ticks.tick().await;
            let due = (began.elapsed().as_secs_f64() * per_second) as usize;
            while number < due.min(executions) {
                let plant = self.clone();
                running.spawn(async move { plant.one(number).await.expect("a place") });
                number += 1;
            }
            while running.try_join_next().is_some() {}
        }
        running.join_all().await;
    }

    /// Waits until the store has everything.
    pub(crate) async fn flush(&self) {
        self.engine.flush().await.expect("a store that takes everything");
    }

    /// Ends it; its database goes.
    pub(crate) async fn end(self: Arc<Self>) {
        let _ = self.engine.shutdown(PATIENCE).await;
        self.site.clear(&self.database).await;
    }

    /// Ends it at once, whatever was not written; says where its journal is. The directory goes with the second.
    pub(crate) async fn abandon(self: Arc<Self>) -> (PathBuf, TempDir) {
        let _ = self.engine.shutdown(Duration::ZERO).await;
        self.site.clear(&self.database).await;
        let plant = Arc::into_inner(self).expect("nobody else has it");
        (plant.directory.path().join("journal"), plant.directory)
    }
}
