//! Which commands meet which fault, and how often. Plays none of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use mongodb::bson::Document;
use tokio::sync::watch;

/// What happens to a command.
#[derive(Debug, Clone)]
pub enum WireFault {
    /// The connection ends after so many bytes of the request, and before its last.
    CutRequest(usize),
    /// The server does it; the connection ends after so many bytes of its reply, and before the last.
    CutReply(usize),
    /// Nothing happens, and nobody says so, until the connection is cut.
    Hang,
    /// It stops all messages, as `freeze` does, and reaches the server when they pass again.
    Freeze,
    /// It reaches the server so much later.
    Delay(Duration),
    /// The server does not hear of it, and this is the reply.
    Answer(Document),
    /// The server does not hear of it, and the reply refuses each of its writes with this code.
    RefuseEach(i32),
    /// The server does it, and this stands in the reply beside what it says.
    Amend(Document),
}

/// Which commands are meant. Those by which a driver watches over its server never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Those that write documents.
    Writes,
    /// Those that read documents.
    Reads,
    /// Those of this name.
    Command(&'static str),
    /// Those for this collection.
    Collection(&'static str),
    /// All.
    Any,
}

impl Of {
    fn means(self, command: &str, collection: &str) -> bool {
        let writes = ["insert", "update", "bulkWrite"].contains(&command);
        let watches = ["hello", "isMaster", "ismaster", "endSessions", "ping"].contains(&command);
        match self {
            Self::Writes => writes,
            Self::Reads => ["find", "aggregate", "getMore"].contains(&command),
            Self::Command(name) => command == name,
            Self::Collection(name) => collection == name,
            Self::Any => !watches,
        }
    }
}

struct Rule {
    of: Of,
    left: usize,
    fault: WireFault,
}

/// The rules, and what they have met.
pub(super) struct Rules {
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<HashMap<String, usize>>,
    strikes: watch::Sender<usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { rules: Mutex::default(), asked: Mutex::default(), strikes: watch::Sender::new(0) }
    }
}

impl Rules {
    pub(super) fn add(&self, of: Of, times: usize, fault: WireFault) {
        self.rules.lock().unwrap().push(Rule { of, left: times, fault });
    }

    pub(super) fn clear(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// What this command, which has just come, meets.
    pub(super) fn draw(&self, command: &str, collection: &str) -> Option<WireFault> {
        *self.asked.lock().unwrap().entry(command.to_owned()).or_default() += 1;
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && rule.of.means(command, collection))?;
        rule.left -= 1;
        let fault = rule.fault.clone();
        drop(rules);
        self.strikes.send_modify(|strikes| *strikes += 1);
        Some(fault)
    }

    pub(super) fn asked(&self, commands: &[&str]) -> usize {
        let asked = self.asked.lock().unwrap();
        commands.iter().filter_map(|command| asked.get(*command)).sum()
    }

    pub(super) fn strikes(&self) -> usize {
        *self.strikes.borrow()
    }

    pub(super) async fn struck(&self, strikes: usize) {
        // The sender lives as long as the rules.
        let _ = self.strikes.subscribe().wait_for(|struck| *struck >= strikes).await;
    }
}
