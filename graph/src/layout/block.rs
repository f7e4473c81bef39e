//! A block: a part of a picture that has its size, and the places at which ways enter and leave it. Owns how blocks are put
//! into others; knows no step.

use crate::scene::{Mark, Point, Role, Way};

/// A part of a picture. Its own place is at (0, 0).
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Where a way enters at the top, from the left.
    pub(crate) entry: f64,
    /// Where the usual way leaves at the bottom, from the left; none where the path ends.
    pub(crate) exit: Option<f64>,
    /// Where the ways of other exits leave at the bottom, which lead to steps that are named.
    pub(crate) ports: Vec<f64>,
    pub(crate) marks: Vec<Mark>,
}

impl Block {
    /// Puts another block here.
    pub(crate) fn put(&mut self, block: Self, x: f64, y: f64) {
        self.width = self.width.max(x + block.width);
        self.height = self.height.max(y + block.height);
        self.marks.extend(block.marks.into_iter().map(|mut mark| {
            mark.shift(x, y);
            mark
        }));
    }

    /// Draws a way through these points, without those that change nothing.
    pub(crate) fn way(&mut self, points: impl IntoIterator<Item = Point>, role: Role, arrow: bool) {
        let mut kept: Vec<Point> = Vec::new();
        for point in points {
            let same = |a: f64, b: f64| (a - b).abs() < 0.05;
            if kept.last().is_some_and(|last| same(last.0, point.0) && same(last.1, point.1)) {
                continue;
            }
            if let [.., before, last] = kept.as_slice() {
                let along = same(before.0, last.0) && same(last.0, point.0);
                if along || (same(before.1, last.1) && same(last.1, point.1)) {
                    kept.pop();
                }
            }
            kept.push(point);
        }
        if kept.len() > 1 {
            self.marks.push(Mark::Way(Way { points: kept, role, arrow }));
        }
    }

    /// The way from one place down to another, with its turn half-way.
    pub(crate) fn down(&mut self, from: Point, to: Point, role: Role) {
        let half = f64::midpoint(from.1, to.1);
        self.way([from, (from.0, half), (to.0, half), to], role, true);
    }

    /// How far it goes to the left of where it is entered.
    pub(crate) fn left(&self) -> f64 {
        self.entry
    }

    /// How far it goes to the right of where it is entered.
    pub(crate) fn right(&self) -> f64 {
        self.width - self.entry
    }
}
