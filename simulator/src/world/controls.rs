//! The controls of a scenario, as events that come some time after the order that they are about.

use crate::context::Context;
use crate::event::WorldEvent;
use crate::scenario::{ClientControl, Scenario};

/// The controls of clients come some time after the order that they are about.
pub(super) fn queue_controls(scenario: &Scenario, cx: &mut Context) {
    let begun = |number: usize| {
        let order = scenario.orders.iter().find(|order| order.number == number);
        order.map_or(0, |order| order.at)
    };
    for cancel in &scenario.cancels {
        let control = WorldEvent::Control(ClientControl::Cancel(cancel.number));
        cx.queue.at(begun(cancel.order) + cancel.after, control);
    }
    for answer in &scenario.answers {
        let at = begun(answer.order) + answer.after;
        cx.queue.at(at, WorldEvent::Control(ClientControl::Answer(answer.number)));
    }
    for skip in &scenario.skips {
        let at = begun(skip.order) + skip.after;
        cx.queue.at(at, WorldEvent::Control(ClientControl::Skip(skip.number)));
    }
    for pause in &scenario.pauses {
        let at = begun(pause.order) + pause.after;
        if !pause.mends {
            cx.queue.at(at, WorldEvent::Control(ClientControl::Pause(pause.number)));
        }
        cx.queue.at(at + pause.length, WorldEvent::Control(ClientControl::Resume(pause.number)));
    }
    for ask in &scenario.containment_asks {
        cx.queue.at(begun(ask.order) + ask.after, WorldEvent::AskOfContainment(ask.number, 0));
    }
    for rerun in &scenario.reruns {
        cx.queue.at(begun(rerun.order) + rerun.after, WorldEvent::Rerun(rerun.number, 0));
    }
    for signal in &scenario.signals {
        let at = begun(signal.order) + signal.after;
        cx.queue.at(at, WorldEvent::Control(ClientControl::Signal(signal.number)));
        if let Some(again) = signal.again {
            cx.queue.at(at + again, WorldEvent::Control(ClientControl::Repeated(signal.number)));
        }
    }
    for sent in &scenario.priorities {
        let at = begun(sent.order) + sent.after;
        cx.queue.at(at, WorldEvent::Control(ClientControl::Prioritise(sent.number)));
    }
    for sent in &scenario.set_quotas {
        cx.queue.at(begun(sent.order) + sent.after, WorldEvent::SetQuota(sent.number));
    }
    for sent in &scenario.scope_pauses {
        let at = begun(sent.order) + sent.after;
        cx.queue.at(at, WorldEvent::PauseScope(sent.number, true));
        cx.queue.at(at + sent.length, WorldEvent::PauseScope(sent.number, false));
    }
}
