//! Controls of the machine of a world: what people and other programs tell it.

use serde_json::Value;
use updraft_protocol::{Applied, ApprovalAnswer, ControlRefusal, Json, Name, Signal, StepId, TaskId};

use super::{World, asked};
use crate::machine::MachineEvent;

impl World {
    /// A signal comes; gives what it came to.
    pub(in crate::machine::tests) fn signal(
        &mut self,
        id: &str,
        name: &str,
        key: Option<&str>,
        payload: Value,
    ) -> Result<Applied, ControlRefusal> {
        let name = Name::new(name).expect("a name");
        let signal = Signal { id: id.into(), name, key: key.map(Into::into), payload: payload.into() };
        let mut effects = self.machine.apply(MachineEvent::Signal(signal, asked()), self.now);
        let reply = effects.reply.take();
        self.absorb(effects);
        reply.expect("a running execution replies")
    }

    /// A person answers an approval; gives what it came to.
    pub(in crate::machine::tests) fn answer(
        &mut self,
        task: TaskId,
        uid: &str,
        groups: &[&str],
        choice: &str,
    ) -> Result<Applied, ControlRefusal> {
        self.answer_with(task, uid, groups, choice, None)
    }

    /// The same, with a form that is filled in.
    pub(in crate::machine::tests) fn answer_with(
        &mut self,
        task: TaskId,
        uid: &str,
        groups: &[&str],
        choice: &str,
        data: Option<Value>,
    ) -> Result<Applied, ControlRefusal> {
        let groups = groups.iter().map(|group| (*group).into()).collect();
        let choice = StepId::new(choice).expect("a choice");
        let data = data.map(Json::from);
        let answer = ApprovalAnswer { uid: uid.into(), groups, choice, comment: None, data };
        let mut effects = self.machine.apply(MachineEvent::Answer { task, answer }, self.now);
        let reply = effects.reply.take();
        self.absorb(effects);
        reply.expect("a running execution replies")
    }

    /// A control comes; gives what it came to.
    pub(in crate::machine::tests) fn ask(&mut self, event: MachineEvent) -> Result<Applied, ControlRefusal> {
        let mut effects = self.machine.apply(event, self.now);
        let reply = effects.reply.take();
        self.absorb(effects);
        reply.expect("a running execution replies")
    }

    pub(in crate::machine::tests) fn pause(&mut self) -> Result<Applied, ControlRefusal> {
        self.ask(MachineEvent::Pause(asked()))
    }

    pub(in crate::machine::tests) fn go_on(&mut self) -> Result<Applied, ControlRefusal> {
        self.ask(MachineEvent::Resume(asked()))
    }
}
