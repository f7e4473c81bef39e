//! What the cases share: an engine under load, and the line that tells a figure. Knows no case.

use std::sync::Arc;
use std::time::Duration;

use updraft_load::{Length, LoadOptions, Meter, RunStore, Say, Workload, closed};

/// Prints a figure for the process that asked for it.
pub(crate) fn tell(name: &str, value: f64) {
    println!("figure {name} {value}");
}

/// Tells people how it goes.
pub(crate) fn say() -> Say {
    Arc::new(|text| eprintln!("{text}"))
}

/// An engine under measurement, with a directory that lives as long.
pub(crate) struct Bench {
    pub(crate) work: Arc<Workload>,
    pub(crate) directory: tempfile::TempDir,
}

impl Bench {
    /// An engine with the embedded store.
    pub(crate) async fn durable(options: &LoadOptions) -> Self {
        Self::start(options, tempfile::tempdir().expect("a directory"), &RunStore::Embedded).await
    }

    pub(crate) async fn start(options: &LoadOptions, directory: tempfile::TempDir, store: &RunStore) -> Self {
        let work = Workload::start(options, directory.path(), store).await.expect("an engine");
        Self { work: Arc::new(work), directory }
    }

    /// A closed loop of so many executions; what it measured.
    pub(crate) async fn closed(&self, executions: u64, submitters: u16) -> Arc<Meter> {
        let meter = Arc::new(Meter::new().expect("a meter"));
        closed(&self.work, &meter, Length::Executions(executions), submitters.into()).await;
        meter
    }

    /// Waits until the store has everything.
    pub(crate) async fn flush(&self) {
        self.work.engine.flush().await.expect("stored");
    }

    /// Ends the engine; its directory.
    pub(crate) async fn end(self) -> tempfile::TempDir {
        let _ = self.work.engine.shutdown(Duration::from_secs(30)).await;
        self.directory
    }
}
