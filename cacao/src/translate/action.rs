//! The step `action`: its commands, one after the other, each on each machine.

use crate::model::{ActionStep, CacaoCommand, CommandKind};
use crate::rule::Rule;

use super::Translator;
use super::address::Machine;
use super::bodies::{After, Around};
use super::native::{Fields, set};
use super::out_args::Gives;

/// One call: a command, and the machine that it is for.
#[derive(Clone, Copy)]
pub(super) struct Call<'p> {
    /// The step.
    pub(super) number: usize,
    /// The place of the command among those of the step.
    pub(super) at: usize,
    pub(super) command: &'p CacaoCommand,
    pub(super) action: &'p ActionStep,
    /// Where it is, of a command that connects.
    pub(super) machine: Option<Machine<'p>>,
    /// Whether what it gives is what the step gives.
    pub(super) is_last: bool,
}

impl Call<'_> {
    /// The place of a property of the command.
    pub(super) fn property(&self, name: &str) -> String {
        format!("commands[{}].{name}", self.at)
    }

    /// How many variables get what it gives.
    pub(super) fn asked(&self) -> usize {
        if self.is_last { self.action.out_args.len() } else { 0 }
    }
}

impl<'p> Translator<'p> {
    /// The step `action`. Several calls, and calls with a time for all of their attempts, are a loop of one round.
    pub(super) fn action(
        &mut self,
        number: usize,
        action: &'p ActionStep,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        self.unknown_agent(number, action);
        let calls = self.calls(number, action);
        let timeout = self.timeout(number);
        let asks =
            matches!(calls[..], [Call { command: CacaoCommand { kind: CommandKind::Manual(_), .. }, .. }]);
        let wraps = calls.len() > 1 || timeout.is_some() && !asks;
        let around = match wraps {
            true => match self.inside(number, "", around, true) {
                Some(inside) => inside,
                None => return Vec::new(),
            },
            false => around.clone(),
        };
        let mut steps = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            let own = if wraps { self.names.step(id, &(at + 1).to_string()) } else { id.to_owned() };
            let (mut step, gives) = self.call(*call, &own, &around);
            if asks || wraps {
                set(&mut step, "timeout", timeout.map(super::native::span));
            }
            steps.push(step);
            if call.is_last {
                steps.append(&mut self.out(number, action, (id, &own), gives, &around));
            }
        }
        if wraps {
            return vec![self.wrapped(id, steps, timeout, after)];
        }
        for step in &mut steps {
            set(step, "on_failure", after.failure.clone());
        }
        steps
    }

    /// The calls of a step, in their order.
    fn calls(&mut self, number: usize, action: &'p ActionStep) -> Vec<Call<'p>> {
        let mut calls = Vec::new();
        for (at, command) in action.commands.iter().enumerate() {
            let call = Call { number, at, command, action, machine: None, is_last: false };
            if !connects(&command.kind) {
                calls.push(call);
                continue;
            }
            for (id, machine) in self.machines(&action.agent, &action.targets) {
                match machine {
                    Some(machine) => calls.push(Call { machine: Some(machine), ..call }),
                    None => {
                        let word = self.definition(id).map_or("not defined", |one| one.kind.word());
                        let message = format!(
                            "connects to a machine, and `{id}` ({word}) has no address: a target with one is needed"
                        );
                        self.found(Rule::CommandWithoutAddress, number, &format!("commands[{at}]"), message);
                    }
                }
            }
        }
        if let Some(last) = calls.last_mut() {
            last.is_last = true;
        }
        calls
    }

    fn call(&mut self, call: Call<'p>, id: &str, around: &Around) -> (Fields, Gives) {
        match &call.command.kind {
            CommandKind::HttpApi(http) => self.http_api(call, http, id, around),
            CommandKind::OpenC2Http(http) => self.openc2(call, http, id, around),
            CommandKind::Manual(script) => self.manual(call, script, id, around),
            CommandKind::Bash(script) => self.bash(call, script, id, around),
            CommandKind::Ssh(script) => self.ssh(call, script, id, around),
            CommandKind::CalderaCmd(script)
            | CommandKind::Elastic(script)
            | CommandKind::Jupyter(script)
            | CommandKind::Kestrel(script)
            | CommandKind::Powershell(script)
            | CommandKind::Sigma(script)
            | CommandKind::Yara(script) => self.other(call, Some(script), id, around),
            CommandKind::Other { script, .. } => self.other(call, script.as_ref(), id, around),
        }
    }

    /// Warns of an agent of a type that the standard does not name: it is taken for the engine itself.
    fn unknown_agent(&mut self, number: usize, action: &ActionStep) {
        use crate::model::AgentTargetKind;
        if let Some(AgentTargetKind::Other { word, .. }) =
            self.definition(&action.agent).map(|agent| &agent.kind)
        {
            let message = format!(
                "is of the type `{word}`, which the standard does not name; Updraft itself is taken for it"
            );
            self.found(Rule::AgentType, number, "agent", message);
        }
    }
}

/// Whether a command needs a machine to connect to.
const fn connects(kind: &CommandKind) -> bool {
    matches!(kind, CommandKind::HttpApi(_) | CommandKind::OpenC2Http(_) | CommandKind::Ssh(_))
}
