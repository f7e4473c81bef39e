//! Tests of the proxy: what it lets through, and what each fault does on both sides of it.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use updraft_storage::mongo::testing::{Server, ServerOptions};

use super::{MongoProxy, Of, WireFault};
use crate::timeouts::{soon, until};

/// A server, the proxy before it, and a way past the proxy.
struct Scene {
    _server: Server,
    proxy: MongoProxy,
    /// Through the proxy. Retries nothing by itself.
    there: Collection<Document>,
    /// The same collection, as the server has it.
    stored: Collection<Document>,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start(ServerOptions::default()).await;
        let proxy = MongoProxy::start(server.port()).await;
        let mut options = ClientOptions::parse(proxy.uri("test")).await.unwrap();
        (options.retry_writes, options.retry_reads) = (Some(false), Some(false));
        let there = Client::with_options(options).unwrap().database("test").collection("things");
        let stored = Client::with_uri_str(server.uri()).await.unwrap().database("test").collection("things");
        Self { _server: server, proxy, there, stored }
    }

    async fn insert(&self, id: i32) -> Result<()> {
        let thing = doc! { "_id": id, "text": "x".repeat(100_000) };
        soon(self.there.insert_one(thing).into_future()).await.map(drop)
    }

    async fn has(&self, id: i32) -> bool {
        self.stored.find_one(doc! { "_id": id }).await.unwrap().is_some()
    }
}

fn is_cut(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. })
}

#[tokio::test]
async fn without_faults_everything_passes_and_is_counted() {
    let scene = Scene::new().await;
    for id in 0..20 {
        scene.insert(id).await.unwrap();
    }
    assert_eq!(scene.there.count_documents(doc! {}).await.unwrap(), 20);
    assert_eq!((scene.proxy.asked(&["insert"]), scene.proxy.strikes()), (20, 0));
}

#[tokio::test]
async fn a_request_that_is_cut_is_not_done_and_the_next_one_is() {
    let scene = Scene::new().await;
    for (id, bytes) in [(1, 0), (2, 10), (3, 50_000), (4, usize::MAX)] {
        scene.proxy.strike(Of::Writes, 1, WireFault::CutRequest(bytes));
        assert!(is_cut(&scene.insert(id).await.unwrap_err()));
        assert!(!scene.has(id).await, "the server never had all of it");
        scene.insert(id).await.unwrap();
        assert!(scene.has(id).await);
    }
    assert_eq!(scene.proxy.strikes(), 4);
}

#[tokio::test]
async fn a_reply_that_is_cut_leaves_it_done() {
    let scene = Scene::new().await;
    for (id, bytes) in [(1, 0), (2, 10), (3, 30), (4, usize::MAX)] {
        scene.proxy.strike(Of::Writes, 1, WireFault::CutReply(bytes));
        assert!(is_cut(&scene.insert(id).await.unwrap_err()));
        assert!(scene.has(id).await, "the server did it");
    }
}

#[tokio::test]
async fn an_answer_of_its_own_is_heard_and_the_server_hears_nothing() {
    let scene = Scene::new().await;
    let refusal = doc! { "ok": 0, "code": 14031, "codeName": "OutOfDiskSpace", "errmsg": "no room" };
    scene.proxy.strike(Of::Writes, 2, WireFault::Answer(refusal));
    for id in [1, 2] {
        let error = scene.insert(id).await.unwrap_err();
        assert!(
            matches!(&*error.kind, ErrorKind::Command(told) if (told.code, &*told.message) == (14031, "no room")),
            "{error}"
        );
        assert!(!scene.has(id).await);
    }
    scene.insert(3).await.unwrap();
    let failed = doc! { "index": 0, "code": 91, "errmsg": "going" };
    scene.proxy.strike(Of::Writes, 1, WireFault::Answer(doc! { "ok": 1, "n": 0, "writeErrors": [failed] }));
    let error = scene.insert(4).await.unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::Write(_)), "{error}");
}

#[tokio::test]
async fn each_write_of_a_command_is_refused_in_the_form_of_the_command() {
    let scene = Scene::new().await;
    scene.proxy.strike(Of::Writes, 3, WireFault::RefuseEach(91));
    let many = (0..5).map(|id| doc! { "_id": id });
    let error = scene.there.insert_many(many).ordered(false).await.unwrap_err();
    let ErrorKind::InsertMany(told) = &*error.kind else { panic!("{error}") };
    assert_eq!(told.write_errors.as_ref().unwrap().len(), 5);

    let models = (0..5).map(|id| {
        let model = mongodb::options::InsertOneModel::builder();
        mongodb::options::WriteModel::InsertOne(
            model.namespace(scene.there.namespace()).document(doc! { "_id": id }).build(),
        )
    });
    let error = scene.there.client().bulk_write(models).ordered(false).await.unwrap_err();
    let ErrorKind::BulkWrite(told) = &*error.kind else { panic!("{error}") };
    assert_eq!((told.write_errors.len(), told.write_errors[&4].code), (5, 91));

    let updates = (0..7).map(|id| doc! { "q": { "_id": id }, "u": { "$set": { "a": 1 } } });
    let command = doc! { "update": "things", "ordered": false, "updates": updates.collect::<Vec<_>>() };
    let database = scene.there.client().database("test");
    let told = database.run_command(command).await.unwrap();
    assert_eq!(told.get_array("writeErrors").unwrap().len(), 7);
    assert_eq!(scene.stored.count_documents(doc! {}).await.unwrap(), 0);
}

#[tokio::test]
async fn an_amended_reply_is_of_what_was_done() {
    let scene = Scene::new().await;
    let concern = doc! { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "alone" };
    scene.proxy.strike(Of::Writes, 1, WireFault::Amend(doc! { "writeConcernError": concern }));
    let error = scene.insert(1).await.unwrap_err();
    assert!(error.to_string().contains("alone"), "{error}");
    assert!(scene.has(1).await);
}

#[tokio::test]
async fn what_hangs_ends_when_it_is_cut() {
    let scene = Scene::new().await;
    scene.proxy.strike(Of::Writes, 1, WireFault::Hang);
    let ((), inserted) = tokio::join!(
        async {
            scene.proxy.struck(1).await;
            scene.proxy.cut();
        },
        scene.insert(1)
    );
    assert!(is_cut(&inserted.unwrap_err()));
    assert!(!scene.has(1).await);
    scene.insert(1).await.unwrap();
}

#[tokio::test]
async fn a_delayed_command_is_done_and_rules_are_used_up_in_their_order() {
    let scene = Scene::new().await;
    scene.proxy.strike(Of::Writes, 1, WireFault::Delay(Duration::from_millis(5)));
    scene.proxy.strike(Of::Any, 1, WireFault::CutRequest(0));
    scene.insert(1).await.unwrap();
    assert!(scene.insert(2).await.is_err());
    scene.insert(3).await.unwrap();
    scene.proxy.keep_striking(Of::Reads, WireFault::CutReply(0));
    assert!(scene.there.find_one(doc! {}).await.is_err());
    assert!(scene.there.find_one(doc! {}).await.is_err());
    scene.insert(4).await.unwrap();
    scene.proxy.pass();
    scene.there.find_one(doc! {}).await.unwrap();
}

#[tokio::test]
async fn what_is_frozen_goes_on_where_it_was() {
    let scene = Scene::new().await;
    scene.insert(1).await.unwrap();
    scene.proxy.freeze();
    let insert = scene.insert(2);
    tokio::pin!(insert);
    // The direct way answers, the other does not.
    tokio::select! {
        biased;
        inserted = &mut insert => panic!("it passed: {inserted:?}"),
        () = until(async || scene.has(1).await) => {}
    }
    assert!(!scene.has(2).await);
    scene.proxy.pass();
    insert.await.unwrap();
    assert!(scene.has(2).await);
}

#[tokio::test]
async fn who_is_refused_finds_the_server_again_after_it() {
    let scene = Scene::new().await;
    scene.insert(1).await.unwrap();
    scene.proxy.refuse();
    scene.proxy.cut();
    let mut options = ClientOptions::parse(scene.proxy.uri("test")).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_millis(50));
    let new = Client::with_options(options).unwrap().database("test");
    assert!(new.list_collection_names().await.is_err());
    scene.proxy.pass();
    until(async || new.list_collection_names().await.is_ok()).await;
    soon(scene.insert(2)).await.unwrap();
}
