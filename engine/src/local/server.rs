//! The server of the local socket: a thread that accepts connections, reads one request from each, and ends with its
//! engine. Owns every limit on clients; answers nothing itself.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use updraft_actors::timer::TimerThread;
use updraft_protocol::limits::{
    LOCAL_ANSWER_TIME, LOCAL_CLOSE, LOCAL_CONNECTIONS, LOCAL_REQUEST_BYTES, LOCAL_REQUEST_TIME,
};

use super::LocalContext;
use super::answer::{Gone, answer, send};
use super::message::{Answer, Request, VERSION, Versioned};
use super::socket::Folder;
use crate::deadline::after;

/// The running server. Dropped, it ends without being waited for.
pub(crate) struct LocalServer {
    /// Sent or dropped to end the thread.
    close: oneshot::Sender<()>,
    /// Completes when the socket is removed.
    closed: oneshot::Receiver<()>,
}

impl LocalServer {
    /// Opens the socket. The caller holds the lock of the data directory until it is closed. Blocks on the disk.
    pub(crate) fn open(data: &Path, context: LocalContext) -> io::Result<Self> {
        let folder = Folder::of(data)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (listener, made) = folder.listen()?;
        let (close, closing) = oneshot::channel();
        let (told, closed) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let served = serve(listener, Arc::new(context), made.owner);
                tokio::select! {
                    _ = closing => {}
                    Err(error) = served => tracing::warn!(%error, "the local socket is given up"),
                }
            });
            if let Err(error) = folder.remove(made) {
                tracing::warn!(%error, "the local socket was not removed");
            }
            // The caller may not wait for it.
            let _ = told.send(());
        };
        std::thread::Builder::new().name("updraft-local".to_owned()).spawn(serve)?;
        Ok(Self { close, closed })
    }

    /// Closes it: connections are cut, and the socket is removed. If that takes too long, the thread completes it
    /// alone. The timer is the engine's, since the caller's runtime may have none.
    pub(crate) async fn close(self, timer: &TimerThread) {
        drop(self.close);
        let _ = timer.until(after(LOCAL_CLOSE), self.closed).await;
    }
}

/// Serves until it is dropped, which ends its connections.
async fn serve(
    listener: std::os::unix::net::UnixListener,
    context: Arc<LocalContext>,
    owner: u32,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(LOCAL_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // Further connections wait in the queue of the system, which is bounded too.
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let context = context.clone();
                connections.spawn(async move {
                    // A connection that takes longer is cut.
                    let _ = timeout(LOCAL_ANSWER_TIME, connection(stream, &context, owner)).await;
                    drop(place);
                });
            }
            // The machine has no file for it at the moment, or the client went away.
            Err(error) => {
                tracing::debug!(%error, "a local connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The pause after a connection that could not be accepted.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

async fn connection(stream: UnixStream, context: &LocalContext, owner: u32) -> Result<(), Gone> {
    let peer = stream.peer_cred().map_err(|_| Gone)?.uid();
    let (from, mut to) = stream.into_split();
    if !may_ask(peer, owner) {
        return send(&mut to, &refusal(format!("user {peer} may ask nothing of this engine"))).await;
    }
    let mut line = Vec::new();
    let mut from = BufReader::new(from).take(LOCAL_REQUEST_BYTES as u64 + 1);
    let read = timeout(LOCAL_REQUEST_TIME, from.read_until(b'\n', &mut line)).await;
    let request = match read {
        Ok(Ok(_)) => request(&line),
        Ok(Err(_)) => return Err(Gone),
        Err(_) => Err(format!("no request within {} s", LOCAL_REQUEST_TIME.as_secs())),
    };
    match request {
        Ok(request) => answer(context, request.ask, &mut to).await,
        Err(why) => send(&mut to, &refusal(why)).await,
    }
}

/// Whether a user may connect: the user that runs the engine, and root.
fn may_ask(peer: u32, owner: u32) -> bool {
    peer == owner || peer == 0
}

fn request(line: &[u8]) -> Result<Request, String> {
    if line.len() > LOCAL_REQUEST_BYTES {
        return Err(format!("a request has {LOCAL_REQUEST_BYTES} bytes at most"));
    }
    let Versioned { version } =
        serde_json::from_slice(line).map_err(|error| format!("no request: {error}"))?;
    if version != VERSION {
        return Err(format!("this engine speaks version {VERSION} of its local protocol, not {version}"));
    }
    serde_json::from_slice(line).map_err(|error| format!("no request: {error}"))
}

fn refusal(message: String) -> Answer {
    Answer::Error { message, retryable: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_and_root_may_ask_and_nobody_else() {
        for (peer, owner, may) in
            [(0, 0, true), (1000, 1000, true), (0, 1000, true), (1000, 0, false), (1, 2, false)]
        {
            assert_eq!(may_ask(peer, owner), may, "{peer} {owner}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_reason() {
        let refused = |line: &[u8]| request(line).unwrap_err();
        assert!(refused(b"").starts_with("no request: "));
        assert!(refused(&[b'x'; LOCAL_REQUEST_BYTES + 1]).contains("278528 bytes at most"));
        assert!(refused(br#"{"version":2,"ask":{"fly":{}}}"#).contains("version 1"));
        assert!(refused(br#"{"version":1,"ask":{"fly":{}}}"#).contains("unknown variant `fly`"));
        assert!(request(br#"{"version":1,"ask":{"health":{}}}"#).is_ok());
    }
}
