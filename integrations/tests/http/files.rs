//! Answers that go to files of the execution, and bodies that come from them: packed, cut, broken, whole.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use axum::routing::any;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use updraft_protocol::{
    CallFiles, ExecutionFile, Failure, FailureKind, FileId, FileWriter, FilesOfExecution, Integration,
    OpenFile,
};

use crate::server::{Server, call_of};

/// Files in memory: those that are finished, with their types.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<FileId, Finished>>>);

type Finished = (Option<String>, Vec<u8>);

struct Writing {
    files: Files,
    content_type: Option<String>,
    bytes: Vec<u8>,
}

impl FilesOfExecution for Files {
    fn create(&self, content_type: Option<&str>) -> Result<Box<dyn FileWriter>, Failure> {
        let content_type = content_type.map(str::to_owned);
        Ok(Box::new(Writing { files: self.clone(), content_type, bytes: Vec::new() }))
    }

    fn open(&self, file: FileId) -> Result<OpenFile, Failure> {
        let missing =
            || Failure::new(FailureKind::InvalidArguments, "no such file").with_may_have_acted(false);
        let (content_type, bytes) = self.0.lock().unwrap().get(&file).cloned().ok_or_else(missing)?;
        Ok(OpenFile { bytes: bytes.len() as u64, content_type, content: Box::new(Cursor::new(bytes)) })
    }
}

impl FileWriter for Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<ExecutionFile, Failure> {
        let mut files = self.files.0.lock().unwrap();
        let id = FileId::from_bytes([u8::try_from(files.len()).unwrap(); 16]);
        let (bytes, content_type) = (self.bytes.len() as u64, self.content_type.clone());
        files.insert(id, (self.content_type, self.bytes));
        Ok(ExecutionFile { id, bytes, sha256: String::new(), content_type, items: None })
    }
}

impl Files {
    fn all(&self) -> Vec<Finished> {
        self.0.lock().unwrap().values().cloned().collect()
    }
}

async fn called(server: &Server, files: Option<&Files>, arguments: Value) -> Result<Value, Failure> {
    let mut call = call_of("acme", arguments, Duration::from_secs(60));
    call.files = files.map(|files| CallFiles::new(Arc::new(files.clone()))).unwrap_or_default();
    server.http().call(call).await.map(|json| json.value().try_into().unwrap())
}

/// A text of some megabytes.
fn text() -> Vec<u8> {
    (0..400_000).flat_map(|n: u32| format!("line {n}\n").into_bytes()).collect()
}

fn packed(coding: &str) -> Vec<u8> {
    let written = |mut encoder: Box<dyn Write + '_>| encoder.write_all(&text()).unwrap();
    let mut bytes = Vec::new();
    match coding {
        "gzip" => written(Box::new(GzEncoder::new(&mut bytes, Compression::fast()))),
        "deflate" => written(Box::new(ZlibEncoder::new(&mut bytes, Compression::fast()))),
        "raw" => written(Box::new(DeflateEncoder::new(&mut bytes, Compression::fast()))),
        _ => bytes = text(),
    }
    bytes
}

fn answer(coding: &str, body: &[u8], length: usize) -> Vec<u8> {
    let coding = match coding {
        "raw" => "Content-Encoding: deflate\r\n".to_owned(),
        "" => String::new(),
        coding => format!("Content-Encoding: {coding}\r\n"),
    };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{coding}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn an_answer_is_unpacked_into_its_file() {
    for coding in ["", "gzip", "deflate", "raw"] {
        let (body, files) = (packed(coding), Files::default());
        let server = Server::bytes(answer(coding, &body, body.len())).await;
        let arguments = json!({"url": server.url("/"), "response": "file"});
        let output = called(&server, Some(&files), arguments).await.unwrap();
        assert_eq!((&output["status"], &output["body"]), (&json!(200), &Value::Null), "{coding}");
        assert_eq!(output["file"]["bytes"], json!(text().len()), "{coding}");
        let (content_type, bytes) = files.all().remove(0);
        assert!(content_type.as_deref() == Some("text/plain") && bytes == text(), "{coding}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_no_file() {
    for coding in ["", "gzip", "raw"] {
        let (body, files) = (packed(coding), Files::default());
        let half = &body[..body.len() / 2];
        // Broken off by the server, and packed as half of a text.
        for length in [body.len(), half.len()] {
            let server = Server::bytes(answer(coding, half, length)).await;
            let url = server.url("/");
            let arguments = json!({"url": url, "response": "file"});
            let failed = called(&server, Some(&files), arguments).await;
            if coding.is_empty() && length == half.len() {
                continue;
            }
            let failure = failed.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Interrupted, "{coding}, {length}: {failure}");
            // A write was done, and says what of it was not kept.
            let arguments = json!({"url": url, "method": "POST", "response": "file"});
            let output = called(&server, Some(&files), arguments).await.unwrap();
            assert!(output["note"].is_string() && output.get("file").is_none(), "{output}");
        }
        assert_eq!(files.all().len(), usize::from(coding.is_empty()), "what was whole");
    }
    let server = Server::bytes(answer("gzip", b"no gzip", 7)).await;
    let (files, arguments) = (Files::default(), json!({"url": server.url("/"), "response": "file"}));
    let failed = called(&server, Some(&files), arguments);
    assert_eq!(failed.await.unwrap_err().kind, FailureKind::InvalidResponse);
}

#[tokio::test]
async fn a_file_is_sent_as_it_is_read_also_to_where_a_redirect_leads() {
    let router = Router::new()
        .route("/", any(|| async { axum::response::Redirect::temporary("/there") }))
        .route(
            "/there",
            any(|uri: Uri, headers: HeaderMap, body: Bytes| async move {
                let of = |name: &str| headers[name].to_str().unwrap().to_owned();
                axum::Json(json!([uri.path(), of("content-type"), of("content-length"), body == text()]))
            }),
        )
        .layer(axum::extract::DefaultBodyLimit::disable());
    let (server, files) = (Server::start(router).await, Files::default());
    let mut file = files.create(Some("text/csv")).unwrap();
    file.write(&text()).unwrap();
    let file = file.finish().unwrap();
    for (body_file, more, content_type) in [
        (serde_json::to_value(&file).unwrap(), json!({}), "text/csv"),
        (json!(file.id), json!({"headers": {"Content-Type": "a/b"}}), "a/b"),
    ] {
        let mut arguments =
            json!({"url": server.url("/"), "method": "POST", "redirects": 1, "body_file": body_file});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let output = called(&server, Some(&files), arguments).await.unwrap();
        assert_eq!(output["body"], json!(["/there", content_type, text().len().to_string(), true]));
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_sent() {
    let server = Server::bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let files = Files::default();
    let arguments = |id: &str| json!({"url": server.url("/"), "method": "POST", "body_file": id});
    let id = FileId::from_bytes([9; 16]).to_string();
    for (files, id) in [(Some(&files), id.as_str()), (Some(&files), "../../etc/passwd"), (None, id.as_str())]
    {
        let failure = called(&server, files, arguments(id)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArguments, "{failure}");
        assert!(!failure.may_have_acted());
    }
    let failure =
        called(&server, None, json!({"url": server.url("/"), "response": "file"})).await.unwrap_err();
    assert!(failure.message.contains("a data directory for files"), "{failure}");
    let both = json!({"url": server.url("/"), "method": "POST", "body_file": id, "text": "x"});
    let failure = called(&server, Some(&files), both).await.unwrap_err();
    assert!(failure.message.contains("either `text` or `body_file` is allowed"), "{failure}");
}
