//! Commands `openc2-http`: a request whose body is a command of OpenC2.

use updraft_protocol::Value;

use crate::model::HttpCommand;
use crate::rule::Rule;
use crate::translate::Translator;
use crate::translate::action::Call;
use crate::translate::bodies::Around;
use crate::translate::native::{Fields, step};
use crate::translate::out_args::Gives;

/// The type of the body, where the headers say none.
const OPENC2: &str = "application/openc2+json;version=1.0";

impl<'p> Translator<'p> {
    /// A request with a command of OpenC2.
    pub(in crate::translate) fn openc2(
        &mut self,
        call: Call<'p>,
        http: &HttpCommand,
        id: &str,
        around: &Around,
    ) -> (Fields, Gives) {
        if http.start.method != "POST" {
            self.found(Rule::HttpMethod, call.number, &call.property("command"), "is sent by `POST` alone");
        }
        let arguments = self.request(call, http, Some(OPENC2), around);
        let tool = Value::from("http.request");
        (step(id, [("action", tool), ("arguments", Value::Object(arguments))]), Gives::Answer)
    }
}
