//! Loads an engine and measures it: scenarios of load, figures, the reference, comparisons and the report page. The program's
//! `stress`, the benchmarks and the soak use it. Owns no signals and no output: callers hand options in and get results back.

mod bottleneck;
mod breaking;
mod chart;
mod comparison;
mod enrichment;
mod error;
mod figure;
mod figures;
mod latencies;
mod latency;
mod load;
mod number;
mod options;
mod outcome;
mod profile;
mod random;
mod recorder;
mod reference;
mod report;
mod run;
mod run_store;
mod sampler;
mod scenario;
mod store_lag;
mod summary;
mod table;
mod threshold;
mod tools;
mod unit;
mod webhook;
mod workload;

pub use comparison::{Comparison, median};
pub use error::Error;
pub use figures::Figures;
pub use latencies::{Latencies, Meter};
pub use latency::Latency;
pub use load::closed;
pub use number::whole;
pub use options::{Length, LoadOptions, SubmitBy, Tools, name};
pub use outcome::RunOutcome;
pub use profile::Profile;
pub use recorder::Metrics;
pub use report::page;
pub use run::run;
pub use run_store::RunStore;
pub use scenario::LoadScenario;
pub use summary::Summary;
pub use threshold::Threshold;
pub use updraft::process;
pub use workload::Workload;

/// Where progress is told, a line at a time.
pub type Say = std::sync::Arc<dyn Fn(&str) + Send + Sync>;
