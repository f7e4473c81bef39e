//! A security tool that does what a playbook says (`echo`, `fail`, `hang`, …), and remembers every call: who
//! asked, under which key, how many at once, in which it acted, and which were dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Semaphore, watch};
use updraft::{
    ActionSpec, Answer, Call, Effect, ExecutionId, Failure, FailureKind, Integration, Json, StepId, TaskId,
    Value,
};

use crate::quiet;
use crate::timeouts::soon;

/// What a test does just before a call ends.
type Hook = Arc<dyn Fn(&Call) + Send + Sync>;

/// The tool. Clones are the same tool.
#[derive(Clone, Default)]
pub struct Tool(Arc<State>);

struct State {
    calls: Mutex<Vec<Call>>,
    threads: Mutex<Vec<ThreadId>>,
    /// The calls in which it acted, or may have as far as its caller can know.
    acts: Mutex<Vec<(ExecutionId, StepId, TaskId)>>,
    begun: watch::Sender<usize>,
    /// The executions whose calls were dropped.
    dropped: watch::Sender<Vec<ExecutionId>>,
    running: AtomicUsize,
    most: AtomicUsize,
    gate: Semaphore,
    hook: Mutex<Option<Hook>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            threads: Mutex::default(),
            acts: Mutex::default(),
            begun: watch::Sender::new(0),
            dropped: watch::Sender::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            gate: Semaphore::new(0),
            hook: Mutex::new(None),
        }
    }
}

/// A call under way: counted while it lives, and as dropped where it did not end.
struct Running<'a> {
    state: &'a State,
    peid: ExecutionId,
    ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.running.fetch_sub(1, Ordering::SeqCst);
        if !self.ended {
            self.state.dropped.send_modify(|dropped| dropped.push(self.peid));
        }
    }
}

impl Tool {
    /// All calls so far, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    /// The keys under which a step of an execution was called.
    pub fn keys(&self, peid: ExecutionId, step: &StepId) -> Vec<TaskId> {
        let calls = self.0.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.peid == peid && call.step_id == *step)
            .map(|call| call.task_id)
            .collect()
    }

    /// The keys under which it acted for a step of an execution.
    pub fn acts(&self, peid: ExecutionId, step: &StepId) -> Vec<TaskId> {
        let acts = self.0.acts.lock().unwrap();
        acts.iter().filter(|(by, of, _)| *by == peid && of == step).map(|(_, _, key)| *key).collect()
    }

    /// How often a step was called, by whomever.
    pub fn times(&self, step: &str) -> usize {
        self.0.calls.lock().unwrap().iter().filter(|call| call.step_id.as_str() == step).count()
    }

    /// The threads on which calls began.
    pub fn threads(&self) -> Vec<ThreadId> {
        self.0.threads.lock().unwrap().clone()
    }

    /// Waits until so many calls have begun in all.
    pub async fn begun(&self, calls: usize) {
        let mut begun = self.0.begun.subscribe();
        soon(begun.wait_for(|begun| *begun >= calls)).await.unwrap();
    }

    /// Waits until so many calls were dropped before they ended.
    pub async fn dropped(&self, calls: usize) {
        let mut dropped = self.0.dropped.subscribe();
        soon(dropped.wait_for(|dropped| dropped.len() >= calls)).await.unwrap();
    }

    /// How many calls of an execution were dropped before they ended.
    pub fn dropped_of(&self, peid: ExecutionId) -> usize {
        self.0.dropped.borrow().iter().filter(|dropped| **dropped == peid).count()
    }

    /// Calls under way.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// The most calls that were ever under way at once.
    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    /// Lets so many calls of `gate` go on.
    pub fn open(&self, calls: usize) {
        self.0.gate.add_permits(calls);
    }

    /// What happens on the shard's thread just before a call ends.
    pub fn before_end(&self, hook: impl Fn(&Call) + Send + Sync + 'static) {
        *self.0.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    async fn act(&self, call: &Call) -> Result<Json, Failure> {
        let number = |name: &str| call.arguments[name].as_u64().unwrap_or(0);
        let failing = |times: &str| u64::from(call.attempt) <= number(times);
        match call.action.as_str() {
            "fail" => {
                let kind: FailureKind = serde_json::from_str(&call.arguments["kind"].to_string()).unwrap();
                if kind.may_have_acted() {
                    self.acted(call);
                }
                return Err(Failure::new(kind, "as the playbook says"));
            }
            "flaky" if failing("failures") => return Err(Failure::new(FailureKind::Unreachable, "not yet")),
            "limited" if failing("failures") => {
                let asked = Duration::from_secs(number("seconds"));
                return Err(Failure::new(FailureKind::RateLimited, "slow down").with_retry_after(asked));
            }
            // Waits for its turn before it sends.
            "queue" => {
                self.0.gate.acquire().await.unwrap().forget();
                if call.arguments["fails"].as_bool() == Some(true) {
                    return Err(Failure::new(FailureKind::Timeout, "no place in time"));
                }
                if !call.sending.begin() {
                    return Err(
                        Failure::new(FailureKind::Unreachable, "it was withdrawn").with_may_have_acted(false)
                    );
                }
            }
            _ => {}
        }
        self.acted(call);
        match call.action.as_str() {
            "gate" => self.0.gate.acquire().await.unwrap().forget(),
            "hang" => std::future::pending().await,
            "panic" if failing("times") => {
                quiet::panics_on_purpose();
                panic!("{}the tool", quiet::ON_PURPOSE);
            }
            "large" | "fetch" => {
                return Ok(json!("x".repeat(usize::try_from(number("bytes")).unwrap())).into());
            }
            "deep" => {
                return Ok((0..number("levels")).fold(json!("end"), |inner, _| json!([inner])).into());
            }
            "pause" => {
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
            }
            _ => {}
        }
        Ok(match &call.arguments {
            Value::Object(arguments) if arguments.is_empty() => json!({ "attempt": call.attempt }).into(),
            arguments => arguments.clone().into(),
        })
    }
}

impl Tool {
    fn acted(&self, call: &Call) {
        self.0.acts.lock().unwrap().push((call.peid, call.step_id.clone(), call.task_id));
    }
}

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &[
            "deep", "echo", "fail", "fetch", "flaky", "gate", "hang", "large", "limited", "panic", "pause",
            "queue",
        ]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        ActionSpec { says_sending: action == "queue", ..ActionSpec::default() }
    }

    fn effect(&self, action: &str, _: &Value) -> Effect {
        if action == "fetch" { Effect::Read } else { Effect::Write }
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            let state = &*self.0;
            let running = state.running.fetch_add(1, Ordering::SeqCst) + 1;
            let mut guard = Running { state, peid: call.peid, ended: false };
            state.most.fetch_max(running, Ordering::SeqCst);
            state.threads.lock().unwrap().push(std::thread::current().id());
            state.calls.lock().unwrap().push(call.clone());
            state.begun.send_modify(|begun| *begun += 1);
            let outcome = self.act(&call).await;
            let hook = state.hook.lock().unwrap().clone();
            if let Some(hook) = hook {
                hook(&call);
            }
            guard.ended = true;
            outcome
        })
    }
}
