//! Recovery: acknowledged appends are restored, a torn tail is cut, and corruption is named with its place.

use std::path::PathBuf;

use proptest::prelude::*;
use updraft_protocol::limits::JOURNAL_RESERVE_BYTES;

use super::super::Error;
use super::super::frame::Frame;
use super::super::segment;
use super::*;
use crate::log;
use uuid::Uuid;

/// A segment's bytes, and the positions of its frames and of their end.
struct Image {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A segment that begins with `first`, of windows of so many frames; each window is one sync.
fn image(first: u64, windows: &[u32]) -> Image {
    image_of(Uuid::from_u128(1), first, windows)
}

/// The same, of the journal with this id.
fn image_of(id: Uuid, first: u64, windows: &[u32]) -> Image {
    let disk = MemoryDisk::default();
    segment::Segment::create(&disk, Path::new(FOLDER), first, id).unwrap();
    let mut bytes = disk.bytes(&path(first));
    let mut ends = vec![bytes.len()];
    for place in windows.iter().flat_map(|&window| 0..window) {
        let lsn = first + ends.len() as u64 - 1;
        Frame::encode(&numbered(lsn)).unwrap().seal(lsn, place, &mut bytes);
        ends.push(bytes.len());
    }
    Image { bytes, ends }
}

fn path(first: u64) -> PathBuf {
    Path::new(FOLDER).join(segment::name(first))
}

fn disk_of(segments: impl IntoIterator<Item = (u64, Vec<u8>)>) -> MemoryDisk {
    let disk = MemoryDisk::default();
    segments.into_iter().for_each(|(first, bytes)| disk.set_bytes(&path(first), bytes));
    disk
}

fn recover(disk: &MemoryDisk) -> Result<Vec<(u64, Vec<Update>)>, Error> {
    groups(open(disk, Config::default())?.1)
}

/// The place of the corruption that a recovery reports.
fn corrupt(disk: &MemoryDisk) -> (String, u64) {
    match recover(disk) {
        Err(Error::Corrupt { segment, offset, reason }) => {
            assert!(!reason.is_empty());
            (segment, offset)
        }
        other => panic!("corrupt, not {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_beginning_of_a_journal_gives_the_frames_that_are_whole(
        windows in prop::collection::vec(1..4_u32, 0..5), cut in any::<prop::sample::Index>(),
    ) {
        let whole = image(1, &[3]);
        let last = image(4, &windows);
        let cut = cut.index(last.bytes.len() + 1);
        let disk = disk_of([(1, whole.bytes), (4, last.bytes[..cut].to_vec())]);
        let frames = last.ends.iter().filter(|&&end| end <= cut).count().saturating_sub(1) as u64;
        prop_assert_eq!(recover(&disk).unwrap(), numbered_groups(1..=3 + frames));
        // The cut is not reported a second time, and is not corruption once newer segments follow.
        let (rig, recovered) = reopen(&disk.after_kill(), Config::default());
        prop_assert_eq!(recovered.len() as u64, 3 + frames);
        prop_assert_eq!(rig.put(numbered(4 + frames)).unwrap(), 4 + frames);
        prop_assert_eq!(recover(&disk.after_kill()).unwrap().len() as u64, 3 + frames);
    }

    #[test]
    fn a_flipped_bit_before_the_last_frame_is_corruption_at_its_frame(
        windows in prop::collection::vec(1..4_u32, 1..5), at in any::<prop::sample::Index>(),
    ) {
        let mut last = image(1, &windows);
        let last_frame = last.ends[last.ends.len() - 2];
        prop_assume!(last_frame > last.ends[0]);
        let bit = at.index((last_frame - last.ends[0]) * 8) + last.ends[0] * 8;
        last.bytes[bit / 8] ^= 1 << (bit % 8);
        let frame = *last.ends.iter().rfind(|&&end| end <= bit / 8).unwrap();
        prop_assert_eq!(corrupt(&disk_of([(1, last.bytes)])), (segment::name(1), frame as u64));
    }

    #[test]
    fn a_flipped_bit_in_an_older_segment_is_corruption(at in any::<prop::sample::Index>()) {
        let mut older = image(1, &[2, 1]);
        let bit = at.index(older.bytes.len() * 8);
        older.bytes[bit / 8] ^= 1 << (bit % 8);
        let newer = image(4, &[1]);
        let refused = recover(&disk_of([(1, older.bytes), (4, newer.bytes)])).unwrap_err();
        prop_assert!(matches!(refused, Error::Corrupt { .. } | Error::Format { .. }), "{}", refused);
    }

    #[test]
    fn a_flipped_bit_in_the_last_frame_never_gives_another_value(at in any::<prop::sample::Index>()) {
        let mut last = image(1, &[2, 2]);
        let last_frame = last.ends[3];
        let bit = at.index((last.bytes.len() - last_frame) * 8) + last_frame * 8;
        last.bytes[bit / 8] ^= 1 << (bit % 8);
        match recover(&disk_of([(1, last.bytes)])) {
            Ok(recovered) => prop_assert_eq!(recovered, numbered_groups(1..=3)),
            Err(error) => prop_assert!(matches!(error, Error::Corrupt { .. }), "{}", error),
        }
    }
}

#[test]
fn zeros_after_the_last_frame_of_any_segment_were_reserved() {
    for zeros in [1, 19, 20, 511, 5_000] {
        let reserved = |image: Image| {
            let end = image.bytes.len();
            (end, [image.bytes, vec![0; zeros]].concat())
        };
        let ((_, older), (end, last)) = (reserved(image(1, &[2])), reserved(image(3, &[1])));
        let disk = disk_of([(1, older), (3, last)]);
        let (_, recovered) = open(&disk, Config::default()).unwrap();
        assert_eq!(recovered.torn(), None);
        assert_eq!(groups(recovered).unwrap(), numbered_groups(1..=3));
        assert_eq!(disk.bytes(&path(3)).len(), end);
    }
}

#[test]
fn a_write_torn_in_what_was_reserved_is_cut_off_where_it_began() {
    let last = image(1, &[1, 1]);
    let (begins, whole) = (last.ends[1], last.bytes.len());
    // The last bytes of a frame may be zeros themselves.
    for left in begins + 1..whole - 16 {
        let disk = disk_of([(1, [&last.bytes[..left], &[0; 4_096]].concat())]);
        let (_, recovered) = open(&disk, Config::default()).unwrap();
        let torn = recovered.torn().unwrap().clone();
        assert_eq!((torn.segment, torn.offset), (segment::name(1), begins as u64));
        assert_eq!(groups(recovered).unwrap(), numbered_groups(1..=1));
    }
}

#[test]
fn what_is_reserved_is_written_over_and_given_back_with_its_segment() {
    let disk = MemoryDisk::default();
    let (rig, _) = reopen(&disk, Config { segment_bytes: 4_096, ..Config::default() });
    let reserved = |disk: &MemoryDisk, segment: &Path| disk.bytes(segment).len() > JOURNAL_RESERVE_BYTES;
    assert_eq!(rig.put(numbered(1)).unwrap(), 1);
    assert!(reserved(&disk, &path(1)));
    let mut last = 1;
    while disk.segments().len() == 1 {
        last = rig.put(numbered(last + 1)).unwrap();
    }
    assert!(!reserved(&disk, &path(1)) && reserved(&disk, &path(last)));
    let (_, recovered) = reopen(&disk.after_kill(), Config::default());
    assert_eq!(recovered, numbered_groups(1..=last));
}

#[test]
fn a_last_segment_without_a_whole_header_was_never_written() {
    for bytes in [vec![], vec![0; 10], vec![0; 4_096], image(4, &[]).bytes[..23].to_vec()] {
        let disk = disk_of([(1, image(1, &[3]).bytes), (4, bytes)]);
        let (rig, recovered) = reopen(&disk, Config::default());
        assert_eq!(recovered, numbered_groups(1..=3));
        assert_eq!(rig.put(numbered(4)).unwrap(), 4);
    }
}

/// Sectors of a segment that were never written read as zeros.
fn with_hole(mut image: Image, sector: usize) -> Vec<u8> {
    image.bytes[sector * 512..(sector + 1) * 512].fill(0);
    image.bytes
}

#[test]
fn a_hole_in_the_write_that_power_interrupted_is_a_torn_tail() {
    let last = image(1, &[2, 80]);
    let lost = last.ends.iter().filter(|&&end| end <= 1_024).count() as u64;
    assert!(lost > 3 && last.bytes.len() > 4_096);
    let disk = disk_of([(1, with_hole(last, 2))]);
    assert_eq!(recover(&disk).unwrap(), numbered_groups(1..lost));
}

#[test]
fn a_hole_of_the_few_bytes_with_which_a_write_begins_is_a_torn_tail() {
    let near_border = |before: &u32| image(1, &[*before, 2]).ends[*before as usize] % 512 > 512 - 20;
    let before = (1..500).find(near_border).unwrap();
    let mut last = image(1, &[before, 2]);
    let begins = last.ends[before as usize];
    last.bytes[begins..begins.next_multiple_of(512)].fill(0);
    assert_eq!(recover(&disk_of([(1, last.bytes)])).unwrap(), numbered_groups(1..=u64::from(before)));
}

#[test]
fn a_segment_whose_frames_read_as_zeros_is_corruption_and_stays() {
    let older = image(1, &[2, 1]);
    let zeros = [image(1, &[]).bytes, vec![0; older.bytes.len()]].concat();
    let disk = disk_of([(1, zeros.clone()), (4, image(4, &[1]).bytes)]);
    for _ in 0..2 {
        assert_eq!(corrupt(&disk), (segment::name(1), 40));
        assert_eq!(disk.bytes(&path(1)), zeros);
    }
}

#[test]
fn a_hole_in_what_was_synced_is_corruption() {
    let last = image(1, &[2, 80, 1]);
    let bad = *last.ends.iter().rfind(|&&end| end <= 1_024).unwrap() as u64;
    let disk = disk_of([(1, with_hole(last, 2))]);
    assert_eq!(corrupt(&disk), (segment::name(1), bad));
}

#[test]
fn a_cut_segment_before_the_last_is_corruption_at_the_cut() {
    let older = image(1, &[1, 1, 1]);
    let cut = older.bytes[..older.bytes.len() - 1].to_vec();
    let disk = disk_of([(1, cut), (4, image(4, &[1]).bytes)]);
    assert_eq!(corrupt(&disk), (segment::name(1), older.ends[2] as u64));
}

#[test]
fn a_missing_or_foreign_segment_is_corruption() {
    let missing = disk_of([(1, image(1, &[3]).bytes), (5, image(5, &[1]).bytes)]);
    assert_eq!(corrupt(&missing), (segment::name(5), 0));
    let shorter = disk_of([(1, image(1, &[2]).bytes), (4, image(4, &[1]).bytes)]);
    assert_eq!(corrupt(&shorter), (segment::name(4), 0));
    let renamed = disk_of([(1, image(1, &[3]).bytes), (4, image(9, &[1]).bytes)]);
    assert_eq!(corrupt(&renamed), (segment::name(4), 0));
    let other = disk_of([(1, b"something else that is even longer than a header".to_vec())]);
    assert_eq!(corrupt(&other), (segment::name(1), 0));
    let anothers = image_of(Uuid::from_u128(2), 4, &[1]).bytes;
    let two = disk_of([(1, image(1, &[3]).bytes), (4, anothers)]);
    assert_eq!(corrupt(&two), (segment::name(4), 0), "of another journal");
}

#[test]
fn a_journal_keeps_the_id_that_it_was_made_with() {
    let (disk, made) = (MemoryDisk::default(), Uuid::from_u128(5));
    let (rig, recovered) = open(&disk, Config { id: made, ..small() }).unwrap();
    assert_eq!(recovered.id(), made);
    for number in 1..=9 {
        rig.put(numbered(number)).unwrap();
    }
    drop(rig);
    let (_rig, recovered) = open(&disk.after_kill(), small()).unwrap();
    assert_eq!((recovered.id(), recovered.frames()), (made, 9));
}

#[test]
fn a_frame_that_proves_itself_at_another_number_is_corruption() {
    let mut twice = image(1, &[2]);
    let second = twice.bytes[twice.ends[1]..].to_vec();
    twice.bytes.extend(second);
    assert_eq!(corrupt(&disk_of([(1, twice.bytes)])), (segment::name(1), twice.ends[2] as u64));
}

#[test]
fn a_newer_format_is_refused_with_its_number() {
    let mut newer = image(1, &[1]).bytes;
    newer[8] = 9;
    let error = recover(&disk_of([(1, newer)])).unwrap_err();
    assert!(matches!(error, Error::Format { found: 9, known: 2, .. }));
    assert!(error.to_string().starts_with("00000000000000000001.journal was written in journal format 9"));
}

#[test]
fn files_that_are_no_segments_are_left_alone() {
    let disk = disk_of([(1, image(1, &[2]).bytes)]);
    disk.set_bytes(&Path::new(FOLDER).join("notes.txt"), b"mine".to_vec());
    assert_eq!(recover(&disk).unwrap(), numbered_groups(1..=2));
    assert_eq!(disk.bytes(&Path::new(FOLDER).join("notes.txt")), b"mine");
}

#[tokio::test]
async fn replay_gives_everything_to_the_writer_in_order() {
    let disk = disk_of([(1, image(1, &[100, 100]).bytes), (201, image(201, &[50]).bytes)]);
    let (rig, recovered) = open(&disk, Config::default()).unwrap();
    let (writer, mut queue) = mpsc::channel(1_000);
    assert_eq!(recovered.replay(writer).await.unwrap(), 250);
    let mut replayed = Vec::new();
    while let Some(Message::Groups(groups)) = queue.recv().await {
        replayed.extend(groups.into_iter().map(|group| (group.lsn, group.updates)));
    }
    assert_eq!(replayed, numbered_groups(1..=250));
    assert_eq!(rig.put(numbered(251)).unwrap(), 251);
}

#[tokio::test]
async fn a_replay_without_a_writer_says_so_and_keeps_the_journal() {
    let disk = disk_of([(1, image(1, &[2]).bytes)]);
    let (rig, recovered) = open(&disk, Config::default()).unwrap();
    let (writer, queue) = mpsc::channel(1);
    drop(queue);
    assert!(matches!(recovered.replay(writer).await, Err(Error::Log(log::Error::Closed))));
    assert_eq!(recover(&disk.after_kill()).unwrap(), numbered_groups(1..=2));
    drop(rig);
}
