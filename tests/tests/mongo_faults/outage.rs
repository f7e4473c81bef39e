//! A server that dies, is away, or says nothing for a while.

use std::time::Duration;

use updraft::{EngineTrouble, Handle, Refusal, Shutdown, StartError};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{soon, until};

use crate::scene::Scene;

async fn all_end(handles: &[Handle]) {
    for handle in handles {
        soon(handle.wait()).await.unwrap();
    }
}

async fn killed_under_load() {
    let mut scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.extend(scene.submit(&engine, pid, 60).await);
        scene.server.kill().await;
        // Executions go on without it, from the first step to the last.
        let without = scene.submit(&engine, pid, 40).await;
        all_end(&without).await;
        handles.extend(without);
        scene.server.restart().await;
        handles.extend(scene.submit(&engine, pid, 20).await);
    }
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_restarted_under_load_gets_everything() {
    killed_under_load().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_with_a_key_that_only_the_store_can_know_is_handed_back_while_it_is_away() {
    let mut scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let known = scene.submission(pid).idempotency_key("known");
    let first = scene.accepted(&engine, known.clone()).await;
    first.wait().await.unwrap();
    engine.flush().await.unwrap();
    scene.server.kill().await;
    let unknown = scene.submission(pid).idempotency_key("unknown");
    let refused = soon(engine.submit(unknown.clone())).await.unwrap_err();
    assert!(refused.retryable(), "{}", refused.refusal);
    assert_eq!(*refused.submission, unknown, "it is handed back as it was");
    scene.server.restart().await;
    let mut handles = vec![first];
    for submission in [known, unknown] {
        let mut accepted = None;
        until(async || {
            accepted = engine.submit(submission.clone()).await.ok();
            accepted.is_some()
        })
        .await;
        handles.extend(accepted);
    }
    assert_eq!(handles[0].peid(), handles[1].peid(), "one key gives one execution");
    scene.judge(&engine, &handles[1..]).await;
}

async fn away_until_the_limits() {
    let mut scene = Scene::new().await;
    let builder = scene.builder().await.buffer(100, 1 << 20).submit_timeout(Duration::from_millis(300));
    let engine = builder.start().await.unwrap();
    let pid = scene.put(&engine).await;
    let mut handles = scene.submit(&engine, pid, 10).await;
    all_end(&handles).await;
    scene.server.kill().await;
    let without = scene.submit(&engine, pid, 10).await;
    all_end(&without).await;
    handles.extend(without);
    // The buffer fills, then the journal's queue; then nothing more is accepted, and nothing is dropped.
    let mut refused = 0;
    while refused < 3 {
        let submission = scene.submission(pid);
        match soon(engine.submit(submission.clone())).await {
            Ok(handle) => handles.push(handle),
            Err(error) => {
                assert!(matches!(error.refusal, Refusal::JournalFull), "{}", error.refusal);
                assert!(error.retryable());
                assert_eq!(*error.submission, submission, "it is handed back as it was");
                refused += 1;
            }
        }
        assert!(handles.len() < 3_000, "there is a bound to what is accepted");
    }
    assert!(handles.len() > 25, "there was room for more than the buffer");
    let health = engine.health().await;
    let behind = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::StoreBehind { .. });
    assert!(health.troubles.iter().any(behind), "{health:?}");
    assert!((1..=100).contains(&health.pending.documents) && health.pending.bytes <= 1 << 20, "{health:?}");
    scene.server.restart().await;
    let (submission, before) = (scene.submission(pid), handles.len());
    until(async || {
        let accepted = engine.submit(submission.clone()).await;
        handles.extend(accepted.ok());
        handles.len() > before
    })
    .await;
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_go_on_up_to_the_limits_then_wait_and_everything_arrives_when_the_server_is_back() {
    away_until_the_limits().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_is_handed_back_in_time_where_the_store_is_silent() {
    let scene = Scene::new().await;
    let builder = scene.builder().await.submit_timeout(Duration::from_millis(100));
    let engine = builder.start().await.unwrap();
    let pid = scene.put(&engine).await;
    scene.proxy.freeze();
    let submission = scene.submission(pid).idempotency_key("asked for");
    for refused in
        [soon(engine.submit(submission.clone())).await, soon(engine.try_submit(submission.clone())).await]
    {
        let refused = refused.unwrap_err();
        assert!(refused.retryable());
        assert!(refused.refusal.to_string().contains("within the time to submit"), "{}", refused.refusal);
        assert_eq!(*refused.submission, submission, "it is handed back as it was");
    }
    scene.proxy.pass();
    let mut accepted = None;
    until(async || {
        accepted = engine.submit(submission.clone()).await.ok();
        accepted.is_some()
    })
    .await;
    scene.judge(&engine, &accepted.into_iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_told_while_the_server_that_is_to_store_it_is_away() {
    let mut scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let _ = scene.submit(&engine, pid, 1).await;
    scene.server.kill().await;
    let handles = scene.submit(&engine, pid, 3).await;
    for handle in &handles {
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(soon(handle.status()).await.unwrap(), ended.state.execution_status);
    }
    scene.server.restart().await;
    engine.flush().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_network_holds_back_arrives_when_it_lets_go() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let mut handles = scene.submit(&engine, pid, 20).await;
    scene.proxy.freeze();
    let without = scene.submit(&engine, pid, 100).await;
    all_end(&without).await;
    handles.extend(without);
    scene.proxy.pass();
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_shut_down_without_its_server_leaves_everything_to_the_next() {
    let mut scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let mut handles = scene.submit(&engine, pid, 10).await;
    engine.flush().await.unwrap();
    scene.server.kill().await;
    let without = scene.submit(&engine, pid, 50).await;
    all_end(&without).await;
    handles.extend(without);
    assert_eq!(soon(engine.shutdown(Duration::from_millis(200))).await, Shutdown::Journaled);
    let peids: Vec<_> = handles.iter().map(|handle| (handle.tenant().clone(), handle.peid())).collect();
    drop((engine, handles));

    scene.server.restart().await;
    let engine = scene.start().await;
    assert!(engine.recovered().replayed > 0, "the journal had it");
    assert_eq!(engine.recovered().resumed, 0, "nothing of it was unfinished");
    let mut handles = Vec::new();
    for (tenant, peid) in peids {
        handles.push(engine.handle(&tenant, peid).await.unwrap().expect("it was accepted"));
    }
    handles.extend(scene.submit(&engine, pid, 10).await);
    scene.judge(&engine, &handles).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_dropped_while_its_server_is_away_resumes_when_both_are_back() {
    let mut scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    // From then on the engine knows the playbook.
    let mut handles = scene.submit(&engine, pid, 1).await;
    scene.server.kill().await;
    handles.extend(scene.submit(&engine, pid, 50).await);
    let peids: Vec<_> = handles.iter().map(|handle| (handle.tenant().clone(), handle.peid())).collect();
    // All ended: what is dropped in the middle of a step runs it again, which is not this test's matter.
    all_end(&handles).await;
    drop((engine, handles));

    scene.server.restart().await;
    let engine = scene.start().await;
    let mut handles = Vec::new();
    for (tenant, peid) in peids {
        handles.push(engine.handle(&tenant, peid).await.unwrap().expect("it was accepted"));
    }
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_does_not_start_without_its_server_and_starts_when_it_is_there() {
    let mut scene = Scene::new().await;
    scene.server.kill().await;
    let error = soon(scene.store().connect()).await.expect_err("there is no server");
    assert!(error.retryable(), "{error}");
    let at = format!(
        "mongodb://127.0.0.1:{}/none?directConnection=true&serverSelectionTimeoutMS=300",
        scene.server.port()
    );
    let start = scene.harness.builder().store_at(at.parse().unwrap()).start();
    let error = soon(start).await.err().expect("there is no server");
    assert!(matches!(error, StartError::Store(_)) && error.retryable(), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{}", scene.server.port())), "{error}");
    scene.server.restart().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let handles = scene.submit(&engine, pid, 3).await;
    scene.judge(&engine, &handles).await;
}
