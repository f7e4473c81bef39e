//! What every test of faults has: a server of its own, the proxy before it, engines behind that, and the judge of
//! what is left.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};
use serde_json::json;
use updraft::{Builder, Engine, ExecutionStatus, Handle, Playbook, PlaybookId, Submission};
use updraft_storage::mongo::testing::{Server, ServerOptions};
use updraft_storage::mongo::{MongoBuilder, MongoStore};
use updraft_tests::{Harness, MongoProxy, playbook, soon, tenant, until};

use crate::watch::Watch;

const DATABASE: &str = "faults";

/// The steps of the playbook that loads the engine. None may act twice: no process dies here.
const STEPS: [&str; 3] = ["first", "second", "third"];

/// A server, the proxy before it, a harness for engines, and someone who watches the database.
pub(crate) struct Scene {
    pub(crate) harness: Harness,
    pub(crate) server: Server,
    pub(crate) proxy: MongoProxy,
    watch: Watch,
    submitted: AtomicUsize,
}

/// What loads the engine.
pub(crate) fn load() -> Playbook {
    playbook(
        "steps:
  - {id: first, action: tool.echo, arguments: {all: '{{ input }}'}}
  - {id: second, action: tool.pause, at_most_once: true}
  - {id: third, action: tool.echo}
",
    )
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::on(ServerOptions::default()).await
    }

    /// On a server that is as a test needs it. What it acknowledged, it keeps.
    pub(crate) async fn on(options: ServerOptions) -> Self {
        let server = Server::start(ServerOptions { survives: true, ..options }).await;
        let proxy = MongoProxy::start(server.port()).await;
        let watch = Watch::start(client(&server).await.database(DATABASE));
        Self { harness: Harness::default(), server, proxy, watch, submitted: AtomicUsize::new(0) }
    }

    /// An engine whose store is behind the proxy.
    pub(crate) async fn start(&self) -> Engine {
        self.builder().await.start().await.unwrap()
    }

    /// Its executions are changed where they are stored, and not only stored when they have ended.
    pub(crate) async fn builder(&self) -> Builder {
        let mut store = None;
        // A server that has just begun may need longer than the time to find it on a busy machine.
        until(async || {
            store = match self.store().connect().await {
                Ok(store) => Some(store),
                Err(error) if error.retryable() => None,
                Err(error) => panic!("{error}"),
            };
            store.is_some()
        })
        .await;
        let store = Arc::new(store.expect("connected"));
        self.harness.builder().store(store).flush_delay(Duration::from_millis(1))
    }

    /// A store behind the proxy, that looks at its server often.
    pub(crate) fn store(&self) -> MongoBuilder {
        MongoStore::builder(self.proxy.uri(DATABASE))
            .heartbeat(Duration::from_millis(500))
            .selection_timeout(Duration::from_secs(2))
    }

    /// The store, past the proxy.
    pub(crate) async fn past(&self) -> MongoStore {
        let uri = format!("mongodb://127.0.0.1:{}/{DATABASE}?directConnection=true", self.server.port());
        MongoStore::connect(uri).await.unwrap()
    }

    /// The database, past the proxy.
    pub(crate) async fn bare(&self) -> Database {
        client(&self.server).await.database(DATABASE)
    }

    pub(crate) async fn put(&self, engine: &Engine) -> PlaybookId {
        self.harness.put(engine, &load()).await
    }

    /// A submission like no other. It has no idempotency key: whether one was used before, the store must say.
    pub(crate) fn submission(&self, pid: PlaybookId) -> Submission {
        let number = self.submitted.fetch_add(1, Ordering::SeqCst);
        Submission::new(tenant("acme"), pid).input(json!({ "number": number }))
    }

    /// Submits one that must be accepted.
    pub(crate) async fn accepted(&self, engine: &Engine, submission: Submission) -> Handle {
        // What was submitted may be large.
        soon(engine.submit(submission)).await.unwrap_or_else(|error| panic!("{}", error.refusal))
    }

    /// Submits so many.
    pub(crate) async fn submit(&self, engine: &Engine, pid: PlaybookId, count: usize) -> Vec<Handle> {
        let mut handles = Vec::new();
        for _ in 0..count {
            handles.push(self.accepted(engine, self.submission(pid)).await);
        }
        handles
    }

    /// Waits until so many documents of a kind are in the database.
    pub(crate) async fn stored(&self, filter: Document, count: u64) {
        let executions = self.bare().await.collection::<Document>("playbook_execution_collection");
        updraft_tests::until(async || {
            executions.count_documents(filter.clone()).await.is_ok_and(|stored| stored >= count)
        })
        .await;
    }

    /// Every execution ends once, in order, and the database has exactly them, whole, in their newest state.
    pub(crate) async fn judge(&self, engine: &Engine, handles: &[Handle]) {
        for handle in handles {
            let finished = self.harness.end(engine, handle, &load()).await;
            assert_eq!(finished.status(), ExecutionStatus::Completed, "{:?}", finished.execution);
            assert_eq!(finished.steps(), STEPS);
        }
        for step in STEPS {
            assert_eq!(self.harness.tool.times(step), handles.len(), "{step} is run once for each execution");
        }
        let bare = self.bare().await;
        let wanted: BTreeSet<Vec<u8>> =
            handles.iter().map(|handle| handle.peid().as_bytes().to_vec()).collect();
        let executions = ids(&bare, "playbook_execution_collection", "_id").await;
        assert_eq!(
            (executions.len(), executions.into_iter().collect::<BTreeSet<_>>()),
            (handles.len(), wanted.clone())
        );
        let tasks = ids(&bare, "task_execution_collection", "peid").await;
        assert_eq!(tasks.len(), handles.len() * STEPS.len());
        assert_eq!(tasks.into_iter().collect::<BTreeSet<_>>(), wanted);
        let letters = bare.collection::<Document>("dead_letter").count_documents(doc! {}).await.unwrap();
        assert_eq!(letters, 0, "nothing was given up");
        self.watch.check().await;
    }
}

/// A client of the server itself, for what is not under test.
async fn client(server: &Server) -> Client {
    Client::with_uri_str(server.uri()).await.unwrap()
}

/// The ids in a field of every document.
async fn ids(database: &Database, collection: &str, field: &str) -> Vec<Vec<u8>> {
    use futures_util::TryStreamExt;
    let found = database.collection::<Document>(collection).find(doc! {}).await.unwrap();
    let documents: Vec<Document> = found.try_collect().await.unwrap();
    let id = |document: &Document| match document.get(field) {
        Some(mongodb::bson::Bson::Binary(id)) => id.bytes.clone(),
        other => panic!("{field}: {other:?}"),
    };
    documents.iter().map(id).collect()
}
