//! The caches of an engine, as its metrics show them. Owns no figure: the caches count.

use updraft_cache::Caches;

/// Sets the metrics of every cache.
pub(crate) fn show(caches: &Caches) {
    for of in caches.figures() {
        let sources = [
            ("kept", of.hits),
            ("stale", of.stale),
            ("joined", of.joined),
            ("loaded", of.loads.saturating_sub(of.failed)),
        ];
        for (source, answers) in sources.into_iter().chain([("failed", of.failed)]) {
            metrics::counter!("updraft_cache_answers_total", "kind" => of.kind.clone(), "source" => source)
                .absolute(answers);
        }
        metrics::counter!("updraft_cache_evictions_total", "kind" => of.kind.clone()).absolute(of.evicted);
        metrics::gauge!("updraft_cache_entries", "kind" => of.kind.clone()).set(of.entries as f64);
        metrics::gauge!("updraft_cache_bytes", "kind" => of.kind).set(of.bytes as f64);
    }
}
