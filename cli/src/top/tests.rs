//! What is seen of an engine: on screens of all sizes, with keys, with names that are hostile, and as text.

mod picture;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use serde_json::json;
use updraft::EngineSnapshot;

use super::plain;
use super::screen::draw;
use super::tables::grouped;
use super::view::{Asked, TopView};

/// A host that clears a screen, colours it, and turns the direction of writing.
const EVIL: &str = "evil\u{1b}[2J\u{9b}31m\u{202e}\n.example";

fn tool(name: &str, completed: u64) -> serde_json::Value {
    json!({
        "integration": name, "running": 3, "waiting": 2, "completed": completed, "failed": {"timeout": 4, "status": 1},
        "retried": 5, "took_ms": completed * 20, "refused": {"unavailable": 7}, "waited": 2, "waited_ms": 3000,
        "breaker_openings": 1, "cooldowns": 0, "circuits": {"half_open": 1},
    })
}

/// An engine with something of everything to do, after so many seconds.
fn snapshot(seconds: u64) -> EngineSnapshot {
    let tenant = |name: &str, in_flight: u64, queued: u64| {
        json!({
            "tenant": name, "in_flight": in_flight, "in_flight_most": 40, "queued": queued, "queued_most": null,
            "weight": 2, "has_own_quota": true,
        })
    };
    let shard = |number: u64, busy: f64| {
        json!({
            "shard": number, "executions": 50 + number, "commits_waiting": 1, "launches_waiting": 0,
            "last_turn": 1_790_000_000_000_u64 + seconds * 1_000 - 40, "restarts": 0, "busy": busy,
        })
    };
    let gate = json!({
        "integration": "edr", "tenant": "acme", "host": EVIL, "credentials": ["key"], "waiting": 2,
        "running": 1, "circuit": "half_open", "left_ms": null,
    });
    let snapshot = json!({
        "at": 1_790_000_000_000_u64 + seconds * 1_000, "watched_ms": 250,
        "limited_by": {"stage": "shard 1 CPU", "why": "its busiest thread is busy 97 % of the time", "change": "More shards."},
        "troubles": ["the store takes no updates: locked"],
        "executions": {"in_flight": 101, "permits": 100_000, "parked": 7, "queued": 1_234_567},
        "tenants": [tenant("acme", 40, 9), tenant("umbrella", 61, 1_234_558)], "tenants_in_all": 250,
        "integrations": [tool("edr", 1_000 + 50 * seconds), tool("mail", 10)],
        "gates": [gate], "gates_in_all": 1,
        "guardrail_refusals": {"kill_switch": 2}, "targets_locked": 3, "target_locks_waiting": 1, "caches": [], "redis": null,
        "shards": [shard(0, 0.2), shard(1, 0.97)],
        "store": {
            "documents": 1_200, "documents_most": 200_000, "bytes": 3_145_728, "bytes_most": 268_435_456, "deferred": 0,
            "batches_in_flight": 1, "batches_in_flight_most": 2, "batch_operations": 4_000, "batches": 9, "retried": 1,
            "written": 5_000 + 700 * seconds, "coalesced": 90, "poison": 0, "dead_letters": 0, "dead_letters_lost": 0,
            "failing": "locked",
        },
        "journal": {"durable": 900 + 30 * seconds, "behind": 12, "segments": 1, "queued_bytes": 0, "queued_bytes_most": 67_108_864},
        "stages": [{"name": "shard 1", "cpu": 0.97, "disk": 0.0, "busy": 0.97}],
    });
    serde_json::from_value(snapshot).unwrap()
}

/// An engine that was looked at twice, two seconds apart.
fn view() -> TopView {
    let mut view = TopView::new("updraft-data".to_owned(), snapshot(0), true);
    view.seen(Ok(snapshot(2)));
    view
}

fn drawn(view: &TopView, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    terminal.backend().buffer().clone()
}

/// The rows of a screen as texts.
fn rows(buffer: &Buffer) -> Vec<String> {
    let cells: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
    cells.chunks(usize::from(buffer.area.width.max(1))).map(|row| row.concat()).collect()
}

fn seen(view: &TopView, size: (u16, u16)) -> String {
    rows(&drawn(view, size)).join("\n")
}

fn press(view: &mut TopView, code: KeyCode) -> Asked {
    view.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn assert_seen(screen: &str, parts: &[&str]) {
    for part in parts {
        assert!(screen.contains(part), "\"{part}\" in\n{screen}");
    }
}

#[test]
fn a_large_screen_has_all_tables_and_says_first_what_limits() {
    let screen = seen(&view(), (180, 45));
    assert_seen(
        &screen,
        &[
            "updraft-data",
            "trouble     the store takes no updates: locked",
            "limited by  shard 1 CPU: its busiest thread is busy 97 % of the time. More shards.",
            "101 of 100,000 in flight, 1,234,567 queued, 7 parked",
            "1,200 of 200,000 documents wait (3.0 MiB)",
            "700 written/s",
            "30 appends/s",
            "guardrails  refused: kill switch 2",
            "3 targets are locked",
            "tenants (2 of 250)",
            "1,234,558",
            "tools",
            "50.0",
            "timeout 4, status 1",
            "half open 1",
            "gates",
            ".example key",
            "shards",
            "97 %",
            "threads",
            "q quit",
        ],
    );
    let at = |part: &str| screen.find(part).unwrap();
    assert!(at("trouble") < at("limited by") && at("limited by") < at("tenants ("));
}

#[test]
fn a_small_screen_has_one_table_and_keys_lead_to_the_others() {
    let mut view = view();
    let size = (80, 24);
    assert_seen(&seen(&view, size), &["limited by", "tenants tools gates shards threads", "umbrella"]);
    assert_eq!(press(&mut view, KeyCode::Tab), Asked::Draw);
    let tools = seen(&view, size);
    assert_seen(&tools, &["mail", "running"]);
    assert!(!tools.contains("umbrella"), "{tools}");
    assert_eq!(press(&mut view, KeyCode::Left), Asked::Draw);
    assert_eq!(press(&mut view, KeyCode::BackTab), Asked::Draw);
    assert_seen(&seen(&view, size), &["computing"]);
    assert_eq!(press(&mut view, KeyCode::Char('x')), Asked::Nothing);
    for end in [KeyCode::Char('q'), KeyCode::Esc] {
        assert_eq!(press(&mut view, end), Asked::Quit);
    }
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(view.key(interrupt), Asked::Quit, "a terminal that gives keys as they are sends no signal");
}

#[test]
fn any_size_can_be_drawn() {
    let view = view();
    for width in [0, 1, 2, 7, 20, 39, 110, 500] {
        for height in [0, 1, 2, 3, 4, 5, 9, 32, 100] {
            drawn(&view, (width, height));
        }
    }
}

#[test]
fn tables_are_sorted_scrolled_and_stand_still_when_asked() {
    let mut view = view();
    let first = |view: &TopView| view.table().rows_of(view).rows[0][0].text.clone();
    assert_eq!(first(&view), "umbrella", "the longest queue is first");
    for _ in 0..4 {
        let _ = press(&mut view, KeyCode::Char('s'));
    }
    assert_eq!(first(&view), "acme", "by the name, after all other columns");
    let _ = press(&mut view, KeyCode::Char('r'));
    assert_eq!(first(&view), "umbrella");
    for _ in 0..9 {
        let _ = press(&mut view, KeyCode::Down);
    }
    let scrolled = seen(&view, (80, 24));
    assert!(scrolled.contains("acme") && !scrolled.contains("umbrella"), "the last row stays: {scrolled}");
    let _ = press(&mut view, KeyCode::Char('p'));
    let before = view.now.at;
    view.seen(Ok(snapshot(9)));
    assert_eq!(view.now.at, before);
    assert_seen(&seen(&view, (80, 24)), &["paused"]);
    let _ = press(&mut view, KeyCode::Char('p'));
    view.seen(Ok(snapshot(9)));
    assert_ne!(view.now.at, before);
    view.seen(Err("no engine runs on updraft-data".to_owned()));
    assert_seen(&seen(&view, (100, 24)), &["no engine runs on updraft-data", "limited by"]);
}

#[test]
fn hostile_names_are_shown_as_text() {
    let mut view = view();
    view.selected = 2;
    for size in [(80, 24), (180, 45)] {
        let buffer = drawn(&view, size);
        let obeyed = |symbol: &str| symbol.contains(|c: char| c.is_control() || c == '\u{202e}');
        assert!(buffer.content().iter().all(|cell| !obeyed(cell.symbol())));
        assert_seen(&rows(&buffer).join("\n"), &["evil\\u{1b}[2J"]);
    }
    let lines = plain::lines(&view.now, None);
    assert!(lines.iter().any(|line| line.contains("evil\\u{1b}[2J")));
    assert!(!lines.iter().any(|line| line.contains(|c: char| c.is_control() || c == '\u{202e}')));
}

#[test]
fn without_colours_what_is_urgent_is_bold() {
    let mut view = view();
    let coloured =
        |view: &TopView| drawn(view, (180, 45)).content().iter().any(|cell| cell.fg != Color::Reset);
    assert!(coloured(&view));
    view.has_colours = false;
    assert!(!coloured(&view));
}

#[test]
fn the_text_has_all_tables_and_no_rates_where_there_is_nothing_to_compare() {
    let told = plain::lines(&snapshot(2), Some(&snapshot(0))).join("\n");
    assert_seen(
        &told,
        &["limited by  shard 1 CPU", "TENANTS (2 OF 250)", "umbrella", "TOOLS", "50.0", "SHARDS", "THREADS"],
    );
    assert!(told.lines().all(|line| line == line.trim_end()), "{told}");
    for before in [None, Some(&snapshot(5))] {
        let told = plain::lines(&snapshot(2), before).join("\n");
        assert!(!told.contains("written/s"), "another engine is there: {told}");
    }
}

#[test]
fn thousands_are_apart() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
