//! Steps that are slower than the flush delay: hardly a status is overtaken, so that nearly each is a write of its
//! own. Many executions at once, more than the server keeps up with.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::figures::Figures;
use crate::meters::Meters;
use crate::plant::{RESPONSE_BYTES, Site, Tool};
use crate::recorder::Keep;

/// How long a step takes: ten times the flush delay.
const STEP: Duration = Duration::from_millis(100);
/// Executions at once.
const AT_ONCE: usize = 1_000;

/// One round; operations written a second, from the first write to the last.
pub(crate) async fn round(site: &Site, meters: &Meters, executions: usize, figures: &mut Figures) -> f64 {
    let plant = Arc::new(site.plant(Tool::answering(RESPONSE_BYTES).after(STEP), Keep::Nothing).await);
    let overtaken = meters.overtaken.load(Ordering::Acquire);
    plant.run(executions, AT_ONCE).await;
    plant.flush().await;
    let overtaken = (meters.overtaken.load(Ordering::Acquire) - overtaken) as f64;
    let log = plant.recorder.take();
    let rate = log.operations as f64 / log.writing().as_secs_f64();
    let changes = overtaken + log.operations as f64;
    figures.add("slow steps: operations [/s]", rate);
    figures.add("slow steps: operations for an execution", log.operations as f64 / executions as f64);
    figures.add("slow steps: share of status changes that was overtaken", overtaken / changes);
    plant.end().await;
    rate
}
