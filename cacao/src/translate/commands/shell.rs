//! Commands `bash` and `ssh`: commands of a shell, in which each value is one word.

use std::net::IpAddr;

use updraft_protocol::Value;

use crate::model::{Address, AgentTargetKind, Script};
use crate::rule::Rule;
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, map, set, step};
use crate::translate::out_args::Gives;
use crate::translate::texts::Form;

impl<'p> Translator<'p> {
    /// A command of the shell where Updraft runs.
    pub(in crate::translate) fn bash(
        &mut self,
        call: Call<'p>,
        script: &Script,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        self.check_runs_here(call);
        let arguments = map([("command", self.shell(call, script, around))]);
        (
            step(id, [("action", Value::from("bash.run")), ("arguments", Value::Object(arguments))]),
            Gives::Printed,
        )
    }

    /// Refuses a command that is for the shell of another machine: here it would run on the wrong one.
    fn check_runs_here(&mut self, call: Call<'p>) {
        let agent = [("agent".to_owned(), &call.action.agent)];
        let targets =
            call.action.targets.iter().enumerate().map(|(at, target)| (format!("targets[{at}]"), target));
        for (property, id) in agent.into_iter().chain(targets) {
            let Some(one) = self.definition(id) else { continue };
            let has_shell = matches!(one.kind, AgentTargetKind::Linux(_) | AgentTargetKind::Ssh(_));
            let is_elsewhere = one.kind.machine().is_some_and(|machine| !is_here(&machine.address));
            if is_elsewhere && (has_shell || property == "agent") {
                let message = format!(
                    "is `{id}` ({}), another machine, and commands of `bash` run where Updraft does; a command `ssh` reaches others",
                    one.kind.word()
                );
                self.found(Rule::BashElsewhere, call.number, &property, message);
            }
        }
    }

    /// A command of a shell on another machine.
    pub(in crate::translate) fn ssh(
        &mut self,
        call: Call<'p>,
        script: &Script,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        let mut arguments = map([("command", self.shell(call, script, around))]);
        if let Some(machine) = call.machine {
            if let Some((host, port)) = self.ssh_place(call.number, machine, &around.scope) {
                arguments.insert("host".to_owned(), Value::from(host));
                set(&mut arguments, "port", port);
            }
            if let Some(login) = &machine.machine.authentication {
                arguments.extend(self.ssh_login((call.number, "targets"), login, &around.scope));
            }
        }
        (
            step(id, [("action", Value::from("ssh.run")), ("arguments", Value::Object(arguments))]),
            Gives::Printed,
        )
    }

    fn shell(&mut self, call: Call<'p>, script: &Script, around: &Around) -> Value {
        let property = call.property(if script.encoded { "command_b64" } else { "command" });
        Value::from(self.text((call.number, &property), &script.text, &around.scope, Form::Shell))
    }
}

/// Whether all of an address is the machine where Updraft runs.
fn is_here(address: &Address) -> bool {
    let mut texts = address.values.values().flatten();
    texts.all(|text| text == "localhost" || text.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}
