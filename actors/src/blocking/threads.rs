//! The threads of one tool. Makes a thread for a call that finds none idle, at most as many as there are places, and ends those
//! that are idle for long. Knows which calls they run, and since when.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use updraft_protocol::limits::{ATTEMPT_TELL, BLOCKING_THREAD_IDLE};
use updraft_protocol::{Call, Failure, FailureKind, Held, Integration, Json, Name};

use super::HeldThreads;
use crate::polling::PolledCall;
use crate::task::panicked;

/// The threads of one tool.
pub(crate) struct ToolThreads {
    name: Name,
    most: usize,
    /// A place for each thread. A call has it until it returns, whatever has become of its attempt.
    places: Arc<Semaphore>,
    state: Mutex<State>,
    /// Notified when there is a call, or nothing more to do.
    called: Condvar,
}

#[derive(Default)]
struct State {
    /// Never more than there are places.
    calls: VecDeque<(u64, ThreadCall)>,
    /// Numbers the calls that have come.
    counted: u64,
    idle: usize,
    running: Vec<RunningCall>,
    /// Numbers the calls that have begun.
    begun: u64,
    closed: bool,
}

/// A call for a thread.
pub(super) struct ThreadCall {
    pub(super) tool: Arc<dyn Integration>,
    pub(super) call: Call,
    pub(super) says_sending: bool,
    pub(super) answer: oneshot::Sender<Result<Json, Failure>>,
    /// Its place, given back when it returns.
    pub(super) place: Held,
}

/// A call that a thread makes.
struct RunningCall {
    number: u64,
    call: PolledCall,
    since: Instant,
    /// When its time is over.
    until: Instant,
}

impl ToolThreads {
    pub(super) fn new(name: Name, most: usize) -> Arc<Self> {
        let (places, state, called) = (Arc::new(Semaphore::new(most)), Mutex::default(), Condvar::new());
        Arc::new(Self { name, most, places, state, called })
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let closed =
            |_| Failure::new(FailureKind::Interrupted, "the engine has ended").with_may_have_acted(false);
        self.places.clone().acquire_owned().await.map_err(closed)
    }

    /// Has a thread make a call that has a place.
    pub(super) fn run(self: &Arc<Self>, call: ThreadCall) -> Result<(), Failure> {
        let mut state = self.lock();
        state.counted += 1;
        let number = state.counted;
        state.calls.push_back((number, call));
        if state.calls.len() <= state.idle {
            drop(state);
            self.called.notify_one();
            return Ok(());
        }
        drop(state);
        let threads = self.clone();
        let name = format!("updraft-{}", self.name);
        let started = std::thread::Builder::new().name(name).spawn(move || threads.work());
        started.map(drop).map_err(|error| {
            let mut state = self.lock();
            let at = state.calls.iter().position(|(of, _)| *of == number);
            let unmade = at.and_then(|at| state.calls.remove(at));
            drop(state);
            drop(unmade);
            let message = format!("there is no thread for the call: {error}");
            Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
        })
    }

    /// What a thread does: it makes calls, until there was none for long.
    fn work(&self) {
        let mut runtime = None;
        while let Some(call) = self.next() {
            self.make(call, &mut runtime);
        }
    }

    fn next(&self) -> Option<ThreadCall> {
        let mut state = self.lock();
        let mut waited = false;
        loop {
            if let Some((_, call)) = state.calls.pop_front() {
                return Some(call);
            }
            if state.closed || waited {
                return None;
            }
            state.idle += 1;
            let woken = self.called.wait_timeout(state, BLOCKING_THREAD_IDLE);
            let (guard, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.idle -= 1;
            waited = timeout.timed_out();
        }
    }

    fn make(&self, call: ThreadCall, runtime: &mut Option<Runtime>) {
        let ThreadCall { tool, call, says_sending, mut answer, place } = call;
        // Also where this is dropped by a panic, the place is given back last.
        let _place = place;
        let on = match runtime_of(runtime) {
            Ok(runtime) => runtime,
            Err(failure) => return drop(answer.send(Err(failure))),
        };
        if answer.is_closed() || (!says_sending && !call.sending.begin()) {
            return;
        }
        let number = self.begin(&call);
        let calling = async {
            tokio::select! {
                biased;
                outcome = tool.call(call) => Some(outcome),
                () = answer.closed() => None,
            }
        };
        let called = catch_unwind(AssertUnwindSafe(|| on.block_on(calling)));
        self.lock().running.retain(|running| running.number != number);
        let outcome = called.unwrap_or_else(|panic| Some(Err(panicked(panic))));
        if let Some(outcome) = outcome {
            // Its attempt may be over.
            let _ = answer.send(outcome);
        }
    }

    fn begin(&self, call: &Call) -> u64 {
        let since = Instant::now();
        let until = since + call.timeout + ATTEMPT_TELL;
        let polled =
            PolledCall { integration: self.name.clone(), peid: call.peid, step: call.step_id.clone() };
        let mut state = self.lock();
        state.begun += 1;
        let number = state.begun;
        state.running.push(RunningCall { number, call: polled, since, until });
        number
    }

    /// The threads that are held by calls whose time is over.
    pub(crate) fn held(&self, now: Instant) -> Option<HeldThreads> {
        let state = self.lock();
        let held = || state.running.iter().filter(|running| running.until < now);
        let longest = held().min_by_key(|running| running.since)?;
        Some(HeldThreads {
            held: held().count(),
            threads: self.most,
            longest: longest.call.clone(),
            running: now.saturating_duration_since(longest.since),
        })
    }

    /// Ends the threads that make no call now, and the others when their calls return.
    pub(super) fn close(&self) {
        self.places.close();
        let mut state = self.lock();
        state.closed = true;
        let left = std::mem::take(&mut state.calls);
        drop(state);
        drop(left);
        self.called.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime of a thread, for what a call waits for without blocking; made for its first call.
fn runtime_of(runtime: &mut Option<Runtime>) -> Result<&Runtime, Failure> {
    match runtime {
        Some(made) => Ok(made),
        None => {
            let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let made = made.map_err(|error| {
                let message = format!("there is no runtime for the call: {error}");
                Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
            })?;
            Ok(runtime.insert(made))
        }
    }
}
