//! Manual commands of CACAO files: questions that people answer beside the process that runs the playbook.

use std::io::BufReader;
use std::process::Stdio;

use serde_json::json;

use crate::cacao::{book, id, status};
use crate::ended::{Ended, ended, read_until, updraft};
use crate::given::files;
use crate::recorder::Recorder;

#[test]
fn people_answer_a_manual_command_with_its_form() {
    let hosts = id("http-api", "8001");
    let ask = id("action", "8001");
    for (minutes, asked) in [(30, &["POST /stop/db-1?minutes=30"][..]), (90, &[])] {
        let (dir, tool) = (files(&[]), Recorder::answering(|_| (200, String::new())));
        let (file, allowed) = (book("manual-form.json"), tool.address.to_string());
        let place = format!("{hosts}=http://{}", tool.address);
        let arguments = ["run", &*file, "--json", "--allow-net", &*allowed, "--endpoint", &*place];
        let mut command = updraft(dir.path(), &arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        read_until(&mut BufReader::new(child.stderr.take().unwrap()), "May db-1 be stopped");
        let peid = ended(dir.path(), &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
        let answer = |data: serde_json::Value| {
            let data = data.to_string();
            let arguments = ["answer", &*peid, "approve", "--step", &*ask, "--uid", "ana", "--form", &*data];
            ended(dir.path(), &[&arguments[..], &["--group", "database owners"]].concat())
        };
        let wrong = answer(json!({ "agreed": "perhaps", "minutes": minutes }));
        assert!(wrong.code == 1 && wrong.err.contains("data.agreed"), "{}", wrong.err);
        let taken = answer(json!({ "agreed": true, "minutes": minutes }));
        assert_eq!(taken.code, 0, "{}", taken.err);
        let run: Ended = child.wait_with_output().unwrap().into();
        assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}", run.out);
        assert_eq!(tool.lines(), asked);
    }
}
