//! The tools that playbooks reach: those of the program, and one that a test holds in its hand. Owns no claim.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::ended::{read_until, signal, updraft};

/// `updraft demo --serve`, until dropped.
pub(crate) struct Tools {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl Tools {
    /// Serves for the default data directory in `dir`.
    pub(crate) fn serve(dir: &Path) -> Self {
        let mut command = updraft(dir, &["demo", "--serve", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let said = read_until(&mut lines, "playbooks may reach them");
        let port = said.split("http://127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap();
        Self { child, lines, port: port.parse().unwrap() }
    }

    /// Where the example finds them, for `--endpoint`.
    pub(crate) fn place(&self) -> String {
        format!("tools=http://127.0.0.1:{}", self.port)
    }

    /// Ends them as an operator does.
    pub(crate) fn stop(mut self) -> i32 {
        signal(&self.child, "TERM");
        let code = self.child.wait().unwrap().code().unwrap();
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        code
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tool that answers when it is told to.
pub(crate) struct Tool {
    pub(crate) address: SocketAddr,
    asked: Receiver<(String, TcpStream)>,
}

impl Tool {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked): (SyncSender<(String, TcpStream)>, _) = sync_channel(16);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let head = read_until(&mut reader, "\r\n\r\n");
                if sender.send((head, stream)).is_err() {
                    return;
                }
            }
        });
        Self { address, asked }
    }

    /// Waits for a request: its first line, and where the answer goes.
    pub(crate) fn asked(&self) -> (String, TcpStream) {
        let (head, stream) = self.asked_with_head();
        (head.lines().next().unwrap_or_default().to_owned(), stream)
    }

    /// Waits for a request: its head, and where the answer goes.
    pub(crate) fn asked_with_head(&self) -> (String, TcpStream) {
        self.asked.recv_timeout(Duration::from_secs(60)).expect("a request")
    }

    /// The head of a request that waits.
    pub(crate) fn waiting(&self) -> Option<String> {
        self.asked.try_recv().ok().map(|(head, _)| head)
    }

    pub(crate) fn answer(mut stream: TcpStream) {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}
