//! Tracks: of the ways that turn between two layers, which turns above which, so that no two lie on each other. Knows no layer.

/// How far from each other ways on one track are at least.
const CLEAR: f64 = 8.0;

/// A way between two layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crossing {
    pub(crate) route: usize,
    pub(crate) leg: usize,
    /// Where it leaves the upper layer.
    pub(crate) upper: f64,
    /// Where it enters the lower one.
    pub(crate) lower: f64,
}

/// The track of each way, and how many tracks there are. Of those to the right, the ones that begin furthest right turn first;
/// of those to the left, the ones that begin furthest left: so they cross each other least.
pub(crate) fn tracks(crossings: &[Crossing]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..crossings.len()).collect();
    let key = |at: &usize| {
        crossings.get(*at).map_or((0, 0.0), |way| match way.upper <= way.lower {
            true => (0, -way.upper),
            false => (1, way.upper),
        })
    };
    order.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    let mut tracks: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut assigned = vec![0; crossings.len()];
    for at in order {
        let Some(way) = crossings.get(at) else { continue };
        if (way.upper - way.lower).abs() < 0.05 {
            continue;
        }
        let (low, high) = (way.upper.min(way.lower) - CLEAR, way.upper.max(way.lower) + CLEAR);
        let free = |taken: &Vec<(f64, f64)>| taken.iter().all(|(from, to)| high < *from || *to < low);
        let track = tracks.iter().position(free).unwrap_or(tracks.len());
        if track == tracks.len() {
            tracks.push(Vec::new());
        }
        if let Some(taken) = tracks.get_mut(track) {
            taken.push((low, high));
        }
        if let Some(place) = assigned.get_mut(at) {
            *place = track;
        }
    }
    (assigned, tracks.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_meet_have_tracks_of_their_own_and_straight_ones_need_none() {
        let way = |upper, lower| Crossing { route: 0, leg: 0, upper, lower };
        let (assigned, count) =
            tracks(&[way(0.0, 100.0), way(50.0, 150.0), way(200.0, 300.0), way(7.0, 7.0)]);
        assert_eq!(count, 2);
        assert_ne!(assigned[0], assigned[1]);
        assert_eq!(tracks(&[way(7.0, 7.0)]).1, 0);
    }
}
