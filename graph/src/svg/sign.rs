//! Signs: small drawings of sixteen by sixteen by which kinds and states are told without colour. Owns their paths.

use crate::diagram::Kind;
use crate::scene::Look;

/// The sign of a kind of step.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        // A flash.
        Kind::Action => "M9 1.5L3.5 9H8L7 14.5L12.5 7H8Z",
        // One way that becomes three.
        Kind::Parallel => "M8 1.5V14.5M8 5C8 8 3 7 3 10.5V14.5M8 5C8 8 13 7 13 10.5V14.5",
        // A way with a fork.
        Kind::If => "M8 1.5V6M8 6L3 11V14.5M8 6L13 11V14.5",
        // A fork with a further way.
        Kind::Switch => "M8 1.5V5M8 5L2.5 10V14.5M8 5V14.5M8 5L13.5 10V14.5",
        // A pile.
        Kind::ForEach => "M2.5 9.5L8 12.5L13.5 9.5M2.5 6L8 9L13.5 6L8 3Z",
        // A circle with an arrow.
        Kind::Repeat => "M13 8A5 5 0 1 1 11.2 4.2M11.5 1.5V4.5H8.5",
        // Equal.
        Kind::Set => "M3 6H13M3 10H13",
        // A clock.
        Kind::Delay => "M14 8A6 6 0 1 1 2 8A6 6 0 1 1 14 8ZM8 4.5V8L10.5 9.5",
        // A calendar.
        Kind::WaitUntil => "M2.5 4H13.5V13.5H2.5ZM2.5 7H13.5M5.5 2V5M10.5 2V5",
        // A bell.
        Kind::WaitFor => {
            "M3 12H13C11.5 10.5 12 8.5 11.8 7A3.8 3.8 0 0 0 4.2 7C4 8.5 4.5 10.5 3 12ZM6.8 14.3H9.2"
        }
        // A person.
        Kind::Approval => {
            "M10.8 4.8A2.8 2.8 0 1 1 5.2 4.8A2.8 2.8 0 1 1 10.8 4.8ZM2.5 14.5C3 8.8 13 8.8 13.5 14.5"
        }
        // A flag.
        Kind::Finally => "M4 14.5V2H12.5L10.5 5L12.5 8H4",
        // A sheet in a sheet.
        Kind::SubPlaybook => "M5.5 2H13.5V10.5H5.5ZM10.5 10.5V14H2.5V5H5.5",
        // A stop.
        Kind::End => "M14 8A6 6 0 1 1 2 8A6 6 0 1 1 14 8ZM5.8 5.8H10.2V10.2H5.8Z",
        // A cross in a circle.
        Kind::Fail => "M14 8A6 6 0 1 1 2 8A6 6 0 1 1 14 8ZM5.8 5.8L10.2 10.2M10.2 5.8L5.8 10.2",
    }
}

/// The sign of how something went.
pub(super) const fn look(look: Look) -> &'static str {
    match look {
        Look::NotReached => "",
        Look::Running => "M6.3 5L11 8L6.3 11Z",
        Look::Waiting => "M8 4.8V8.3L10.3 9.8",
        Look::Done => "M4.8 8.3L7 10.5L11.2 5.8",
        Look::Failed => "M5.5 5.5L10.5 10.5M10.5 5.5L5.5 10.5",
        Look::Stopped => "M5 8H11",
        Look::Unknown => "M6 6.4A2 2 0 1 1 8 8.4V9.2M8 11.2V11.5",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_sign_of_its_own() {
        for one in Kind::ALL {
            let same = Kind::ALL.iter().filter(|other| kind(**other) == kind(one)).count();
            assert_eq!(same, 1, "{}", one.name());
        }
    }
}
