//! The payload of a journal's frame, which begins with the version of the codec: any bytes are updates or are refused; updates stay themselves when they are
//! written and read, and whatever else is done with every update can be done with these.

use updraft_protocol::{DeadLetter, Update, codec};

use crate::shape::check_message;

/// Takes the payload of a frame: the version of the codec, and updates.
///
/// # Panics
/// Something does not hold.
pub fn run(payload: &[u8]) {
    let updates = match codec::decode::<Vec<Update>>(payload) {
        Ok(updates) => updates,
        Err(error) => {
            check_message(&error.to_string());
            assert_eq!(codec::decode::<Vec<Update>>(payload), Err(error), "the same verdict twice");
            return;
        }
    };
    let mut written = Vec::new();
    let encoded = codec::encode_into(&updates, &mut written);
    assert_eq!(encoded, Ok(()), "what was read can be written");
    assert_eq!(codec::decode(&written).as_ref(), Ok(&updates), "what is written is what is read");
    for update in &updates {
        assert!(update.bytes() > 0);
        let mut merged = update.clone();
        merged.merge(update.clone());
        assert_eq!(&merged, update, "an update that comes twice changes nothing");
        check_message(&DeadLetter::of(update, "never".to_owned()).key);
    }
}
