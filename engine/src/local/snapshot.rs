//! The snapshot of a running engine, by its client. Owns one request.

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::snapshot::EngineSnapshot;

impl Client {
    /// How everything in the engine stands; as [`Engine::snapshot`](crate::Engine::snapshot).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn snapshot(&self) -> Result<EngineSnapshot, Error> {
        match self.ask(Ask::Snapshot {}).await?.next().await? {
            Answer::Snapshot(snapshot) => Ok(*snapshot),
            other => Err(self.beside(&other)),
        }
    }
}
