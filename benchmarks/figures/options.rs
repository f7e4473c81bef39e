//! Options: which cases, how often, and the programs that are measured beside. Reads the command line once.

use crate::case;

/// What is allowed.
pub(crate) const USAGE: &str = "\
cargo bench -p updraft-benchmarks --bench figures -- [CASE]... [OPTIONS]

cases: durable memory alone ack makespan flight fanout restart stored shards start reference peer
       (all of them where none is named; peer where --peer is given)

  --rounds N       rounds, in turn; medians are printed (1)
  --executions N   executions of a closed loop (100000)
  --updraft FILE   the program, for `reference` (target/release/updraft)
  --peer FILE      a program that measures a peer: called with concurrency and seconds, it prints lines with
                   `noop5`, `conc=N` and `steps/s=N`";

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) cases: Vec<String>,
    pub(crate) executions: usize,
    pub(crate) updraft: Option<String>,
    pub(crate) peer: Option<String>,
}

/// What this process was told to do.
pub(crate) enum Told {
    Help,
    Measure(Options),
    /// One case, in a process of its own.
    Case(String, Vec<String>),
}

impl Options {
    /// Without `--bench` nothing is measured, so that nobody who runs all targets as tests waits for it.
    pub(crate) fn read() -> Result<Told, String> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        if !arguments.iter().any(|argument| ["--bench", "--case"].contains(&argument.as_str())) {
            return Ok(Told::Help);
        }
        let mut given = arguments.into_iter().filter(|argument| argument != "--bench");
        let (rounds, executions) = (1, 100_000);
        let mut options = Self { rounds, cases: Vec::new(), executions, updraft: None, peer: None };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or(format!("{argument} needs a value\n\n{USAGE}"));
            let number = |text: String| match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("{argument}: a number from 1\n\n{USAGE}")),
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(Told::Help),
                "--rounds" => options.rounds = number(value()?)?,
                "--executions" => options.executions = number(value()?)?,
                "--updraft" => options.updraft = Some(value()?),
                "--peer" => options.peer = Some(value()?),
                "--case" => {
                    let name = value()?;
                    return Ok(Told::Case(name, given.collect()));
                }
                case if case::NAMES.contains(&case) => options.cases.push(argument),
                _ => return Err(format!("{argument}: no case, and no option\n\n{USAGE}")),
            }
        }
        if options.cases.is_empty() {
            let named = case::NAMES.iter().filter(|name| **name != "peer" || options.peer.is_some());
            options.cases = named.map(ToString::to_string).collect();
        }
        if options.cases.iter().any(|case| case == "peer") && options.peer.is_none() {
            return Err(format!("peer: --peer FILE is needed\n\n{USAGE}"));
        }
        Ok(Told::Measure(options))
    }
}
