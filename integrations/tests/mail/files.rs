//! Attachments that are files of the execution.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use updraft_protocol::FailureKind::{InvalidArguments, TooLarge};
use updraft_protocol::{CallFiles, Failure, FailureKind, FileId, FileWriter, FilesOfExecution, OpenFile};

use crate::script::Server;
use crate::{builder, call_with, called};

const FILE: &str = "0190aaaa-bbbb-7111-8222-999999999999";

/// Files in memory, with their types.
struct Files(BTreeMap<FileId, (Option<String>, Vec<u8>)>);

impl FilesOfExecution for Files {
    fn create(&self, _content_type: Option<&str>) -> Result<Box<dyn FileWriter>, Failure> {
        Err(Failure::new(FailureKind::InvalidArguments, "nothing is written"))
    }

    fn open(&self, file: FileId) -> Result<OpenFile, Failure> {
        let found = self.0.get(&file).cloned();
        let (content_type, bytes) =
            found.ok_or_else(|| Failure::new(FailureKind::InvalidArguments, "no such file"))?;
        Ok(OpenFile { bytes: bytes.len() as u64, content_type, content: Box::new(Cursor::new(bytes)) })
    }
}

#[tokio::test]
async fn a_file_of_the_execution_is_attached_with_its_type() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).message_bytes(100_000).build().unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    let pdf = Some("application/pdf".to_owned());
    let held = BTreeMap::from([(FILE.parse().unwrap(), (pdf, bytes.clone()))]);
    let files = CallFiles::new(Arc::new(Files(held)));
    let call = |attachment: serde_json::Value, files: &CallFiles| {
        let mut call = call_with(&json!({"attachments": [attachment]}));
        call.files = files.clone();
        call
    };
    let whole = json!({"name": "report.pdf", "file": {"id": FILE, "bytes": 256}});
    called(&mail, call(whole, &files)).await.unwrap();
    let lines = server.lines().join("\n");
    assert!(lines.contains("Content-Type: application/pdf\n"), "{lines}");
    assert!(lines.contains("filename=\"report.pdf\""), "{lines}");
    let carried: String = BASE64_STANDARD.encode(bytes).chars().take(60).collect();
    assert!(lines.contains(&carried), "{lines}");

    let missing = json!({"name": "a", "file": "0190aaaa-bbbb-7111-8222-000000000009"});
    assert_eq!(called(&mail, call(missing, &files)).await.unwrap_err().kind, InvalidArguments);
    let of_none = call(json!({"name": "a", "file": FILE}), &CallFiles::default());
    assert_eq!(called(&mail, of_none).await.unwrap_err().kind, InvalidArguments);
    let held = BTreeMap::from([(FILE.parse().unwrap(), (None, vec![0; 100_001]))]);
    let large = CallFiles::new(Arc::new(Files(held)));
    let failure = called(&mail, call(json!({"name": "a", "file": FILE}), &large)).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (TooLarge, false));
}
