//! What a server in trouble answers: refusals that pass, and writes that nobody has confirmed.

use mongodb::bson::doc;
use updraft_tests::proxy::{Of, WireFault};
use updraft_tests::soon;

use crate::scene::Scene;

/// Refusals of a whole command that say nothing about the documents: they are sent again.
const PASSING: [(i32, &str); 12] = [
    (1, "InternalError"),
    (50, "MaxTimeMSExpired"),
    (89, "NetworkTimeout"),
    (91, "ShutdownInProgress"),
    (112, "WriteConflict"),
    (189, "PrimarySteppedDown"),
    (262, "ExceededTimeLimit"),
    (10107, "NotWritablePrimary"),
    (11600, "InterruptedAtShutdown"),
    (11602, "InterruptedDueToReplStateChange"),
    (13435, "NotPrimaryNoSecondaryOk"),
    (14031, "OutOfDiskSpace"),
];

fn refusal(code: i32, name: &str) -> WireFault {
    WireFault::Answer(doc! { "ok": 0, "code": code, "codeName": name, "errmsg": "as the test wants it" })
}

/// Each of some faults once or twice while executions run.
async fn passes(faults: impl IntoIterator<Item = WireFault>) {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let (mut handles, mut strikes) = (Vec::new(), 0);
    for fault in faults {
        // More often than the driver tries by itself.
        scene.proxy.strike(Of::Writes, 3, fault);
        strikes += 3;
        handles.extend(scene.submit(&engine, pid, 5).await);
        scene.proxy.struck(strikes).await;
        // Where the store takes something, the pauses are short again.
        soon(engine.flush()).await.unwrap();
    }
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_that_pass_are_sent_again() {
    passes(PASSING.map(|(code, name)| refusal(code, name))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_each_write_are_sent_again() {
    passes([91, 112, 189, 10107, 14031].map(WireFault::RefuseEach)).await;
}

/// Written, and not known to be safe.
fn unconfirmed() -> [WireFault; 2] {
    [(64, "WriteConcernFailed"), (91, "ShutdownInProgress")].map(|(code, name)| {
        let error = doc! { "code": code, "codeName": name, "errmsg": "as the test wants it" };
        WireFault::Amend(doc! { "writeConcernError": error })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_and_not_confirmed_is_sent_again() {
    passes(unconfirmed()).await;
}

async fn no_primary() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let mut handles = scene.submit(&engine, pid, 20).await;
    let (code, name) = (10107, "NotWritablePrimary");
    scene.proxy.keep_striking(Of::Writes, refusal(code, name));
    handles.extend(scene.submit(&engine, pid, 100).await);
    for handle in &handles {
        handle.wait().await.unwrap();
    }
    scene.proxy.struck(3).await;
    scene.proxy.pass();
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_no_server_is_primary_executions_go_on_and_everything_arrives_after_it() {
    no_primary().await;
}
