//! How soon a status is visible: executions come at a steady rate, whether those before have ended or not. Each
//! operation is as old as its newest status change when the server has confirmed it: by the engine's clock, from
//! the change itself, so that the journal's sync, the flush delay, the queue and the write are all in it.

use std::sync::Arc;
use std::time::Duration;

use crate::figures::{Figures, Watch, median};
use crate::plant::{RESPONSE_BYTES, Site, Tool};
use crate::recorder::Keep;

/// One round under so many executions a second. Milliseconds within which 99 of 100 changes were visible.
pub(crate) async fn round(site: &Site, per_second: f64, lasts: Duration, figures: &mut Figures) -> f64 {
    let plant = Arc::new(site.plant(Tool::answering(RESPONSE_BYTES), Keep::Ages).await);
    let executions = (per_second * lasts.as_secs_f64()) as usize;
    let watch = Watch::start(site.process());
    plant.open(executions, per_second).await;
    plant.flush().await;
    figures.add("visible: CPU of an execution [µs]", watch.client_us(executions));
    if let Some(figure) = watch.server_us(executions) {
        figures.add("visible: server's CPU of an execution [µs]", figure);
    }
    let log = plant.recorder.take();
    let mut ages = log.ages;
    ages.sort_unstable();
    let at = |share: f64| ages[((ages.len() - 1) as f64 * share) as usize] as f64;
    figures.add("visible: executions [/s]", per_second);
    figures.add("visible: operations for an execution", log.operations as f64 / executions as f64);
    figures.add("visible: operations for a batch", log.operations as f64 / log.took.len() as f64);
    let mut took = log.took;
    took.sort_by(f64::total_cmp);
    figures.add("visible: 99 of 100 batches take at most [ms]", took[(took.len() - 1) * 99 / 100]);
    figures.add("visible: slowest batch [ms]", took[took.len() - 1]);
    figures.add("visible: median of what a batch takes [ms]", median(&took));
    figures.add("visible: median [ms]", at(0.5));
    figures.add("visible: 99 of 100 [ms]", at(0.99));
    figures.add("visible: slowest [ms]", at(1.0));
    plant.end().await;
    at(0.99)
}
