//! Following: an execution's events as a stream that does not lose the end.

use std::collections::VecDeque;

use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::{self, error::RecvError};
use updraft_actors::{Control, Event, EventKind, Lost};

use crate::error::ReadError;
use crate::handle::Handle;

/// The position of a reader.
struct Reader {
    handle: Handle,
    /// Events to be returned before any new one.
    told: VecDeque<Event>,
    receiver: Option<broadcast::Receiver<Event>>,
    ended: bool,
}

impl Handle {
    /// Its events: first the current status of its tasks and of itself, then each change once it is durable, and last
    /// its end, after which the stream ends. A reader that is too slow gets the number of events that it missed.
    ///
    /// If the engine shuts down or fails first, the stream ends with that error.
    pub fn events(&self) -> impl Stream<Item = Result<Event, ReadError>> + Send + use<> {
        let reader = Reader { handle: self.clone(), told: VecDeque::new(), receiver: None, ended: false };
        stream::unfold(reader, |mut reader| async move {
            let event = reader.next().await?;
            reader.ended |= event.as_ref().map_or(true, Event::is_end);
            Some((event, reader))
        })
    }
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Event, ReadError>> {
        while !self.ended {
            if let Some(event) = self.told.pop_front() {
                return Some(Ok(event));
            }
            match &mut self.receiver {
                Some(receiver) => match receiver.recv().await {
                    Ok(event) => return Some(Ok(event)),
                    Err(RecvError::Lagged(missed)) => return Some(Ok(self.missed(missed))),
                    // Its actor left: it has ended, or a new actor takes over.
                    Err(RecvError::Closed) => self.receiver = None,
                },
                None => {
                    if let Err(error) = self.catch_up().await {
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }

    fn missed(&self, missed: u64) -> Event {
        let at = self.handle.context.clock.now();
        Event { peid: self.handle.peid(), at, kind: EventKind::Missed(missed) }
    }

    /// Fetches the current state of the execution, and subscribes to its events.
    async fn catch_up(&mut self) -> Result<(), ReadError> {
        let followed = self.handle.ask(Control::Follow).await.map_err(|lost: Lost| ReadError::Lost(lost))?;
        let inspection = match followed {
            Some((inspection, receiver)) => {
                self.receiver = Some(receiver);
                self.handle.complete(inspection).await?
            }
            None => {
                let inspection = self.handle.inspect().await?;
                if !inspection.execution.state.execution_status.ended() {
                    return Err(Lost::NotHere.into());
                }
                inspection
            }
        };
        self.told.extend(inspection.tasks.iter().map(Event::of_task));
        self.told.push_back(Event::of_execution(&inspection.execution));
        Ok(())
    }
}
