//! A server with scripted answers: real connections, the real protocol, no database behind it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mongodb::bson::{Document, doc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// OP_MSG, and the one before it.
const MESSAGE: i32 = 2013;
const QUERY: i32 = 2004;

/// The server; ends with the test's runtime.
pub(in crate::mongo) struct Fake {
    pub(in crate::mongo) port: u16,
    says: Arc<Says>,
    /// The number of held commands.
    held: watch::Receiver<usize>,
}

struct Says {
    /// Merged into its answer to `hello`.
    hello: Mutex<Document>,
    /// Answers by command.
    answers: Mutex<Vec<(String, Document)>>,
    /// Commands that are answered only when the test releases them.
    holds: Mutex<BTreeSet<String>>,
    free: Semaphore,
    held: watch::Sender<usize>,
}

impl Fake {
    /// Starts the server. Its answer to `hello` is that of a MongoDB 8 with these fields merged into it.
    pub(in crate::mongo) async fn start(hello: Document) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, held) = watch::channel(0);
        let says = Arc::new(Says {
            hello: Mutex::new(hello),
            answers: Mutex::default(),
            holds: Mutex::default(),
            free: Semaphore::new(0),
            held: sender,
        });
        let speaker = says.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(speak(stream, speaker.clone()));
            }
        });
        Self { port, says, held }
    }

    /// Its address.
    pub(in crate::mongo) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/x?directConnection=true", self.port)
    }

    /// Changes its answer to `hello` from now on.
    pub(in crate::mongo) fn hello(&self, hello: Document) {
        *self.says.hello.lock().unwrap() = hello;
    }

    /// Sets the answer to a command from now on.
    pub(in crate::mongo) fn answer(&self, command: &str, answer: Document) {
        self.says.answers.lock().unwrap().insert(0, (command.to_owned(), answer));
    }

    /// Holds a command back from now on.
    pub(in crate::mongo) fn hold(&self, command: &str) {
        self.says.holds.lock().unwrap().insert(command.to_owned());
    }

    /// Waits until so many commands are held.
    pub(in crate::mongo) async fn holding(&self, commands: usize) {
        self.held.clone().wait_for(|held| *held >= commands).await.unwrap();
    }

    /// Answers all held commands, and holds no more.
    pub(in crate::mongo) fn release(&self) {
        self.says.holds.lock().unwrap().clear();
        self.says.free.add_permits(1_000);
    }
}

async fn speak(mut stream: TcpStream, says: Arc<Says>) {
    while let Some((id, kind, command)) = heard(&mut stream).await {
        let name = command.keys().next().cloned().unwrap_or_default();
        let hold = says.holds.lock().unwrap().contains(&name);
        if hold {
            says.held.send_modify(|held| *held += 1);
            says.free.acquire().await.unwrap().forget();
        }
        let answer = says.answer(&name);
        if said(&mut stream, id, kind, &answer).await.is_none() {
            return;
        }
    }
}

impl Says {
    fn answer(&self, command: &str) -> Document {
        let known = self.answers.lock().unwrap().iter().find(|(name, _)| name == command).cloned();
        if let Some((_, answer)) = known {
            return answer;
        }
        let mut answer = doc! {"ok": 1.0};
        if ["hello", "isMaster", "ismaster"].contains(&command) {
            answer.extend(doc! {
                "helloOk": true, "isWritablePrimary": true, "ismaster": true, "minWireVersion": 0,
                "maxWireVersion": 27, "maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000,
                "maxWriteBatchSize": 100_000, "readOnly": false, "connectionId": 1,
            });
            answer.extend(self.hello.lock().unwrap().clone());
        }
        if ["find", "aggregate", "listCollections"].contains(&command) {
            answer.insert("cursor", doc! {"id": 0_i64, "ns": "x.y", "firstBatch": []});
        }
        if command == "insert" {
            answer.insert("n", 1);
        }
        answer
    }
}

/// The next message: its number, its kind and its command.
async fn heard(stream: &mut TcpStream) -> Option<(i32, i32, Document)> {
    let mut header = [0; 16];
    stream.read_exact(&mut header).await.ok()?;
    let number = |at: usize| i32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    // A client with another protocol is disconnected.
    let length =
        usize::try_from(number(0)).ok().filter(|length| (header.len()..48_000_000).contains(length))?;
    if ![MESSAGE, QUERY].contains(&number(12)) {
        return None;
    }
    let mut body = vec![0; length - header.len()];
    stream.read_exact(&mut body).await.ok()?;
    // Flags and the kind of the first section; or flags, the collection's name and two numbers.
    let at =
        if number(12) == MESSAGE { 5 } else { 4 + body[4..].iter().position(|byte| *byte == 0)? + 1 + 8 };
    Some((number(4), number(12), Document::from_reader(&body[at..]).ok()?))
}

async fn said(stream: &mut TcpStream, id: i32, kind: i32, answer: &Document) -> Option<()> {
    let mut body = Vec::new();
    if kind == MESSAGE {
        body.extend([0; 5]);
    } else {
        // Flags, cursor, first row, rows.
        body.extend([0; 16]);
        body.extend(1_i32.to_le_bytes());
    }
    answer.to_writer(&mut body).ok()?;
    let kind = if kind == MESSAGE { MESSAGE } else { 1 };
    let length = i32::try_from(body.len() + 16).ok()?;
    let header: Vec<u8> = [length, 1, id, kind].into_iter().flat_map(i32::to_le_bytes).collect();
    stream.write_all(&[header, body].concat()).await.ok()
}
