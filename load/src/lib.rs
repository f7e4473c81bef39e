//! Loads an engine and measures it: scenarios of load, figures, the reference, comparisons and the report page. The program's
//! `stress`, the benchmarks and the soak use it. Owns no command line, no signals and no output: callers hand options in and
//! get results back.

mod bottleneck;
mod breaking;
mod chart;
mod compare;
mod error;
mod figures;
mod format;
mod latencies;
mod latency;
mod load;
mod options;
mod outcome;
pub mod process;
mod profile;
mod profile_comparison;
mod random;
mod recorder;
mod reference;
mod reference_table;
mod report;
mod run;
mod run_store;
mod sampler;
mod scenario;
mod store_lag;
mod summary;
mod threshold;
mod tools;
mod valid_keys;
mod workload;

pub use compare::compare;
pub use error::Error;
pub use figures::Figures;
pub use latencies::{Latencies, Meter};
pub use latency::{Latency, duration};
pub use load::{closed, open, pile};
pub use options::{Length, LoadOptions, cores};
pub use outcome::RunOutcome;
pub use profile::Profile;
pub use profile_comparison::{ProfileComparison, median};
pub use random::Random;
pub use recorder::Metrics;
pub use report::page;
pub use run::run;
pub use run_store::RunStore;
pub use scenario::{LoadScenario, Rates};
pub use summary::Summary;
pub use threshold::Threshold;
pub use tools::Tools;
pub use workload::Workload;

/// Where progress is told, a line at a time.
pub type Say = std::sync::Arc<dyn Fn(&str) + Send + Sync>;
