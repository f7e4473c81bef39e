//! The program as operators meet it: real processes, real files, real tools over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod beside;
mod cacao;
mod cacao_graph;
mod cacao_people;
mod cacao_testing;
mod connectors;
mod containing;
mod dead_letters;
mod declared;
mod doctor;
mod documents;
mod ended;
mod enrichment;
mod events;
mod flow;
mod format;
mod given;
mod graph;
mod guardrails;
mod hostile;
mod hostile_cases;
mod inspect;
mod left;
mod loops;
mod mail;
mod people;
mod polled;
mod recorder;
mod remains;
mod reruns;
mod run;
mod served;
mod shell;
mod signals;
#[cfg(feature = "mongodb")]
mod store;
mod streamed;
mod stress;
mod sweep;
mod terminal;
mod testing;
mod tools;
mod top;
mod triggers;
mod waits;
