//! An answer that goes to a file of the execution: unpacked and written piece by piece, and never whole in memory. Owns the
//! thread that waits for the disk; judges no status.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Response};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::time::timeout_at;
use updraft_protocol::limits::{FILE_BLOCK_BYTES, FILE_BLOCKS, FILE_BYTES};
use updraft_protocol::{CallFiles, ExecutionFile, Failure, FailureKind};

use super::answer::{Answering, Reading, Within, late};
use super::capacity::Capacity;
use super::coding::{self, Coding};
use super::failure::broken;
use super::headers;
use super::problem::Problem;

/// What comes of a body.
enum Piece {
    Bytes(Bytes),
    /// It is whole.
    End,
}

impl Reading {
    /// Writes the body of an answer to a file of its execution.
    pub(super) async fn filed<B: Answering>(
        reading: &Arc<Self>,
        response: Response<B>,
        within: Within,
        capacity: &Capacity,
    ) -> Result<ExecutionFile, Problem> {
        let codings = coding::declared(response.headers())?;
        let _place = capacity.file(&reading.tenant, within.until).await?;
        let (pieces, came) = mpsc::channel(FILE_BLOCKS);
        let (files, content_type) = (reading.files.clone(), content_type(response.headers()));
        let written =
            tokio::task::spawn_blocking(move || write(&files, content_type.as_deref(), &codings, came));
        let received = match reading.target.method {
            Method::HEAD => pieces.send(Piece::End).await.map_err(|_| closed()),
            _ => receive(response, within, pieces).await,
        };
        // If the disk has refused a piece, the writer says why.
        match (timeout_at(within.told, written).await, received) {
            (Err(_), _) => Err(late(within)),
            (Ok(Ok(Err(failure))), Err(problem))
                if problem != closed() && failure.kind != FailureKind::TooLarge =>
            {
                Err(problem)
            }
            (Ok(Ok(Ok(file))), Ok(())) => Ok(file),
            (Ok(Ok(Err(failure))), _) => Err(Problem::new(failure.kind, failure.message)),
            (Ok(Ok(Ok(_))), Err(problem)) => Err(problem),
            (Ok(Err(error)), _) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Problem::new(FailureKind::Interrupted, "the runtime ended")),
            },
        }
    }
}

/// Hands the body on as it comes; who cannot keep up is waited for, and so is the tool.
async fn receive<B: Answering>(
    response: Response<B>,
    within: Within,
    pieces: mpsc::Sender<Piece>,
) -> Result<(), Problem> {
    let mut body = response.into_body();
    if body.size_hint().exact().is_some_and(|announced| announced > FILE_BYTES) {
        return Err(Problem::too_large(format_args!(
            "a file of an execution has at most {FILE_BYTES} bytes"
        )));
    }
    loop {
        let piece = match timeout_at(within.until, body.frame()).await {
            Err(_) => return Err(late(within)),
            Ok(Some(Err(error))) => return Err(Problem::new(FailureKind::Interrupted, broken(&error))),
            Ok(None) => Piece::End,
            // Trailers have no meaning here.
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => Piece::Bytes(bytes),
                Err(_) => continue,
            },
        };
        let is_end = matches!(piece, Piece::End);
        match timeout_at(within.until, pieces.send(piece)).await {
            Err(_) => return Err(late(within)),
            Ok(Err(_)) => return Err(closed()),
            Ok(Ok(())) if is_end => return Ok(()),
            Ok(Ok(())) => {}
        }
    }
}

/// The writer takes nothing any more, and says why.
fn closed() -> Problem {
    Problem::new(FailureKind::Interrupted, "the file of the execution is not written any more")
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_TYPE).map(headers::text)
}

/// Unpacks and writes what comes, on a thread that may wait for the disk.
fn write(
    files: &CallFiles,
    content_type: Option<&str>,
    codings: &[Coding],
    came: mpsc::Receiver<Piece>,
) -> Result<ExecutionFile, Failure> {
    let mut file = files.get()?.create(content_type)?;
    let mut pieces = Pieces { came, piece: Bytes::new(), is_over: false };
    let mut body = coding::reader(codings, &mut pieces).map_err(|problem| failure(&problem))?;
    let mut block = vec![0; FILE_BLOCK_BYTES];
    loop {
        let length = match body.read(&mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => return Err(failure(&coding::unreadable(codings, &error))),
        };
        file.write(block.get(..length).unwrap_or_default())?;
    }
    drop(body);
    if !pieces.is_over {
        // A packed text has its own end; what comes after it is not read.
        pieces.skip().map_err(|error| failure(&coding::unreadable(codings, &error)))?;
    }
    file.finish()
}

fn failure(problem: &Problem) -> Failure {
    Failure::new(problem.kind, problem.message.clone())
}

/// The pieces as they are read.
struct Pieces {
    came: mpsc::Receiver<Piece>,
    piece: Bytes,
    is_over: bool,
}

impl Pieces {
    fn skip(&mut self) -> io::Result<()> {
        let mut block = [0; 1 << 10];
        while self.read(&mut block)? > 0 {}
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.is_over {
            match self.came.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.piece = bytes,
                Some(Piece::End) => self.is_over = true,
                // The call was dropped, or has found a problem.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = block.len().min(self.piece.len());
        let head = self.piece.split_to(length);
        if let Some(block) = block.get_mut(..length) {
            block.copy_from_slice(&head);
        }
        Ok(length)
    }
}
