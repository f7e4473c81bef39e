//! Commands `bash` and `ssh`: commands of a shell, in which each value is one word.

use updraft_protocol::Value;

use crate::model::Script;
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
        let arguments = map([("command", self.shell(call, script, around))]);
        (
            step(id, [("action", Value::from("bash.run")), ("arguments", Value::Object(arguments))]),
            Gives::Printed,
        )
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
