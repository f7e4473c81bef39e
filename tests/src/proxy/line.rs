//! One connection through the proxy: requests one way, replies the other, and the faults that they meet. Decides
//! for no command which.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::Shared;
use super::rules::WireFault;
use super::wire::Frame;

/// Both ways of a connection.
struct Line {
    shared: Arc<Shared>,
    /// Faults that wait for the reply to a request.
    awaited: Mutex<HashMap<i32, WireFault>>,
    /// Replies come from the server, and from here.
    to_client: tokio::sync::Mutex<OwnedWriteHalf>,
}

/// Carries messages until either side ends, a fault ends it, or all are cut.
pub(super) async fn run(client: TcpStream, shared: Arc<Shared>, mut cuts: watch::Receiver<u64>) {
    let carrying = async {
        // Where the server does not answer, the client's connection ends too.
        let Ok(server) = TcpStream::connect(shared.upstream).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let line = Line { shared, awaited: Mutex::default(), to_client: tokio::sync::Mutex::new(to_client) };
        tokio::select! {
            _ = line.requests(from_client, to_server) => {}
            _ = line.replies(from_server) => {}
        }
    };
    tokio::select! {
        () = carrying => {}
        _ = cuts.changed() => {}
    }
}

impl Line {
    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<(), Error> {
        while let Some(frame) = Frame::read(&mut from).await? {
            self.thawed().await;
            match self.shared.rules.draw(&frame.command(), &frame.collection()) {
                None => to.write_all(&frame.0).await?,
                Some(WireFault::CutRequest(bytes)) => return part(&mut to, &frame, bytes).await,
                Some(WireFault::Hang) => std::future::pending().await,
                Some(WireFault::Freeze) => {
                    self.shared.frozen.send_replace(true);
                    self.thawed().await;
                    to.write_all(&frame.0).await?;
                }
                Some(WireFault::Delay(time)) => {
                    tokio::time::sleep(time).await;
                    to.write_all(&frame.0).await?;
                }
                Some(WireFault::Answer(document)) => {
                    self.answer(&Frame::reply(frame.id(), &document)).await?
                }
                Some(WireFault::RefuseEach(code)) => self.answer(&frame.refusing(code)).await?,
                Some(fault @ (WireFault::CutReply(_) | WireFault::Amend(_))) => {
                    self.awaited.lock().unwrap().insert(frame.id(), fault);
                    to.write_all(&frame.0).await?;
                }
            }
        }
        Ok(())
    }

    async fn replies(&self, mut from: OwnedReadHalf) -> Result<(), Error> {
        while let Some(frame) = Frame::read(&mut from).await? {
            self.thawed().await;
            let fault = self.awaited.lock().unwrap().remove(&frame.answers());
            match fault {
                Some(WireFault::CutReply(bytes)) => {
                    return part(&mut *self.to_client.lock().await, &frame, bytes).await;
                }
                Some(WireFault::Amend(more)) => self.answer(&frame.amended(&more)).await?,
                _ => self.answer(&frame).await?,
            }
        }
        Ok(())
    }

    async fn answer(&self, frame: &Frame) -> Result<(), Error> {
        self.to_client.lock().await.write_all(&frame.0).await
    }

    async fn thawed(&self) {
        // The sender lives as long as the line.
        let _ = self.shared.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }
}

/// Sends the beginning of a message, and ends the connection by its error.
async fn part(to: &mut OwnedWriteHalf, frame: &Frame, bytes: usize) -> Result<(), Error> {
    to.write_all(&frame.0[..bytes.min(frame.0.len() - 1)]).await?;
    to.flush().await?;
    Err(ErrorKind::ConnectionAborted.into())
}
