//! Which events are told, as which message; signatures; what becomes of what did not arrive.

use updraft_protocol::limits::PUBLISH_AGAIN_MAX;
use updraft_protocol::{EventCursor, EventPosition, ExecutionId, ExecutionStatus, Name};

use super::*;

fn publication(text: &str) -> Publication {
    let to = "publication: results\nto: {webhook: {url: 'https://tickets.example/hooks', secret: key}}\n";
    Publication::parse(format!("{to}{text}").as_bytes()).unwrap()
}

fn planned(text: &str) -> PlannedPublication {
    PlannedPublication::checked(publication(text)).unwrap()
}

fn ended(status: ExecutionStatus, output: Json) -> TenantEvent {
    let position = EventPosition::of(0, 7, TenantEventKind::Ended);
    let peid = ExecutionId::from_bytes([9; 16]);
    TenantEvent {
        cursor: EventCursor { position, id: peid.uuid() },
        peid,
        alert_id: Some("alert-1".into()),
        at: Timestamp(1_700_000_000_123),
        what: Happened::Ended {
            playbook: Name::new("triage").unwrap(),
            version: 3,
            status,
            runtime: Some(40),
            error: None,
            output: Some(output),
        },
    }
}

fn body(message: &PublishedMessage) -> serde_json::Value {
    serde_json::from_str(&message.body).unwrap()
}

#[test]
fn a_message_tells_an_event_that_is_among_those_and_no_other() {
    let (acme, none) = (TenantCode::new("acme").unwrap(), Json::null());
    let failed = planned("when: event.status == 'failed' && event.playbook == 'triage'\n");
    assert_eq!(failed.message(&acme, &ended(ExecutionStatus::Completed, none.clone())).unwrap(), None);
    let told = failed.message(&acme, &ended(ExecutionStatus::Failed, none.clone())).unwrap().unwrap();
    assert_eq!(told.id, ended(ExecutionStatus::Failed, none.clone()).cursor.to_string());
    let said = body(&told);
    assert_eq!(said["type"], "execution.ended");
    assert_eq!(said["timestamp"], "2023-11-14T22:13:20.123Z");
    let data = &said["data"];
    assert_eq!(
        (&data["tenant"], &data["status"], &data["version"]),
        (&"acme".into(), &"failed".into(), &3.into())
    );
    let waits = planned("events: [waiting]\n");
    assert_eq!(waits.message(&acme, &ended(ExecutionStatus::Failed, none)).unwrap(), None);
}

#[test]
fn an_output_is_told_with_its_digits_unless_it_is_not_wanted_or_too_large() {
    let acme = TenantCode::new("acme").unwrap();
    let output = Json::parse(r#"{"score":1.25,"id":123456789012345678901234567890}"#).unwrap();
    let event = ended(ExecutionStatus::Completed, output.clone());
    let told = planned("").message(&acme, &event).unwrap().unwrap();
    assert!(
        told.body.contains("1.25") && told.body.contains("123456789012345678901234567890"),
        "{}",
        told.body
    );
    let without = planned("output: false\n").message(&acme, &event).unwrap().unwrap();
    assert!(!without.body.contains("output"));
    let large = Json::from(serde_json::Value::from("x".repeat(PUBLISHED_OUTPUT_BYTES)));
    let cut = planned("").message(&acme, &ended(ExecutionStatus::Completed, large)).unwrap().unwrap();
    assert!(cut.body.len() < 2_000);
    assert_eq!(body(&cut)["data"]["output_omitted"], true);
}

/// The example of the specification's reference libraries.
#[test]
fn a_signature_is_that_of_standard_webhooks() {
    let message = PublishedMessage {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        body: r#"{"test": 2432232314}"#.to_owned(),
    };
    let at = Timestamp(1_614_265_330_000);
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(message.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", at).as_deref(), Some(expected));
    assert_eq!(message.signature("whsec_***", at), None);
    assert_ne!(message.signature("a plain secret", at), message.signature("another one", at));
}

#[test]
fn what_may_arrive_later_is_tried_for_ever_and_what_is_refused_is_given_up() {
    let away = Failure::new(FailureKind::Unreachable, "away");
    let pauses: Vec<_> = (1..=30).map(|attempt| after_failure(attempt, &away)).collect();
    assert_eq!(pauses[0], AfterFailure::Again(PUBLISH_AGAIN));
    assert_eq!(pauses[3], AfterFailure::Again(PUBLISH_AGAIN * 8));
    assert_eq!(pauses[29], AfterFailure::Again(PUBLISH_AGAIN_MAX));
    let refused = Failure::new(FailureKind::Status, "404").with_retryable(false);
    assert_eq!(after_failure(PUBLISHED_REFUSALS - 1, &refused), AfterFailure::Again(PUBLISH_AGAIN * 64));
    assert_eq!(after_failure(PUBLISHED_REFUSALS, &refused), AfterFailure::GiveUp);
    let asked = away.with_retry_after(Duration::from_secs(60));
    assert_eq!(after_failure(1, &asked), AfterFailure::Again(Duration::from_secs(60)));
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    let places = |text: &str| {
        let mistakes = PlannedPublication::checked(Publication::parse(text.as_bytes()).unwrap()).unwrap_err();
        mistakes.into_iter().map(|mistake| mistake.path).collect::<Vec<_>>()
    };
    let webhook = "publication: p\nevents: []\nwhen: steps.a\nto: {webhook: {url: 'ftp://x', secret: k, timeout: 2h}}\n";
    assert_eq!(places(webhook), ["events", "to.webhook.url", "to.webhook.timeout", "when"]);
    let stream = "publication: p\nto: {stream: {stream: 'updraft:x', keeps: 0}}\n";
    assert_eq!(places(stream), ["to.stream.stream", "to.stream.keeps"]);
    let both = "publication: p\nto: {stream: {stream: a}, webhook: {url: 'https://x', secret: k}}\n";
    let refused = Publication::parse(both.as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("one of `webhook` and `stream` is needed"), "{refused}");
}
