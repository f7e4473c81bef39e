//! Following an execution to its end, or until an interruption has let its attempts end.

use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt};
use updraft::{Engine, Event, EventKind, Handle, Inspection, ReadError};

use crate::ask::{Answering, Asker};
use crate::data;
use crate::exit::Error;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::loop_watch::LoopWatch;
use crate::progress::Progress;

/// How often spinners turn.
const TICK: Duration = Duration::from_millis(100);

/// What is said at the first signal.
pub(crate) const INTERRUPTED: &str =
    "interrupted: attempts that run may end within 10 s; Ctrl-C again stops at once, which is safe";

/// How long the store may take for an end before that is said.
const STORE_LATE: Duration = Duration::from_secs(2);

/// What is said then.
const WAITS_FOR_STORE: &str =
    "it has ended, and the store does not have the end yet: waiting; Ctrl-C is safe";

/// What is said where nothing is told of an execution that was accepted: the store may have no room for it.
const WAITS_TO_BE_TOLD: &str =
    "it was accepted, and nothing is told of it until the store takes more: waiting; Ctrl-C is safe";

/// What is said at a signal where the end is not stored yet.
const ENDED_UNSTORED: &str = "interrupted: the end is in the journal; the next start brings it to the store";

/// How far an execution was followed.
pub(crate) enum Followed {
    /// To its end.
    Ended(Inspection),
    /// An interruption came first, after which the engine was shut down.
    Left {
        /// Whether the store has everything.
        stored: bool,
    },
}

/// Shows what happens until the end.
pub(crate) async fn follow(
    engine: &Engine,
    handle: &Handle,
    progress: &mut Progress,
    interrupt: &mut Interrupt,
    (screen, answering): (&Screen, &Answering<'_>),
) -> Result<Followed, Error> {
    let mut asker = Asker::new(answering, handle, screen);
    let mut loops = LoopWatch::new(handle);
    let mut events = pin!(handle.events());
    let mut ticks = tokio::time::interval(TICK);
    let (mut late, mut is_told) = (pin!(tokio::time::sleep(STORE_LATE).fuse()), false);
    loop {
        tokio::select! {
            event = events.next() => match event.inspect(|_| is_told = true) {
                Some(event) => show(event?, handle, progress, (&mut asker, &mut loops)).await?,
                None => break,
            },
            // What cannot be read is told by the events, or by the end.
            running = loops.next() => progress.loops(&running.unwrap_or_default()),
            line = asker.line() => asker.answer(&line).await?,
            () = &mut late, if !is_told => screen.say(WAITS_TO_BE_TOLD),
            _ = ticks.tick() => progress.tick(),
            () = interrupt.asked() => {
                screen.say(INTERRUPTED);
                let stored = drain(engine, events, progress, interrupt, screen).await;
                return Ok(Followed::Left { stored });
            }
        }
    }
    // It has ended, and is shown as it is stored: that may take as long as the store is away.
    let (mut stored, mut late) = (pin!(handle.inspect()), pin!(tokio::time::sleep(STORE_LATE).fuse()));
    loop {
        tokio::select! {
            ended = &mut stored => return Ok(Followed::Ended(ended?)),
            () = &mut late => screen.say(WAITS_FOR_STORE),
            _ = ticks.tick() => progress.tick(),
            () = interrupt.asked() => {
                screen.say(ENDED_UNSTORED);
                let stored = data::close(engine, interrupt, screen).await;
                return Ok(Followed::Left { stored });
            }
        }
    }
}

async fn show(
    event: Event,
    handle: &Handle,
    progress: &mut Progress,
    (asker, loops): (&mut Asker<'_>, &mut LoopWatch<'_>),
) -> Result<(), Error> {
    progress.event(&event);
    loops.event(&event, progress.is_of_loop(&event));
    asker.event(&event).await?;
    if let EventKind::Missed(_) = event.kind {
        for task in handle.inspect().await?.tasks {
            let event = Event::of_task(&task);
            progress.event(&event);
            loops.event(&event, progress.is_of_loop(&event));
            asker.event(&event).await?;
        }
    }
    Ok(())
}

/// Shuts down, and shows what ends meanwhile; whether the store has everything.
async fn drain(
    engine: &Engine,
    mut events: impl Stream<Item = Result<Event, ReadError>> + Unpin,
    progress: &mut Progress,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> bool {
    let mut ticks = tokio::time::interval(TICK);
    let mut closed = pin!(data::close(engine, interrupt, screen));
    let mut told = true;
    let stored = loop {
        tokio::select! {
            event = events.next(), if told => match event {
                Some(Ok(event)) => progress.event(&event),
                Some(Err(_)) | None => told = false,
            },
            _ = ticks.tick() => progress.tick(),
            stored = &mut closed => break stored,
        }
    };
    while told {
        match events.next().now_or_never() {
            Some(Some(Ok(event))) => progress.event(&event),
            Some(Some(Err(_)) | None) | None => told = false,
        }
    }
    stored
}
