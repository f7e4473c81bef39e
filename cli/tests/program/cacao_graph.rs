//! Pictures of CACAO files, and of executions of them.

use crate::cacao::{book, run, status, tool};
use crate::ended::ended;
use crate::given::files;
use crate::recorder::{Asked, Recorder};

#[test]
fn a_picture_shows_what_the_author_wrote_and_how_that_went() {
    let (file, dir) = (book("switch-severity.json"), files(&[]));
    let drawn = ended(dir.path(), &["graph", &file, "--ascii"]);
    assert_eq!(drawn.code, 0, "{}", drawn.err);
    let lines = [
        "Route an alert by its severity",
        "= start  takes __host__, __severity__",
        "? How bad is it?  switch __severity__:value",
        "|- high",
        "|  * Isolate the host, by two commands  http-api - Desk",
        "|    delay 20ms",
        "`- default, goes on",
        ". end",
    ];
    for line in lines {
        assert!(drawn.out.lines().any(|told| told == line), "{line}: {}", drawn.out);
    }
    assert_eq!(drawn.out.matches("--").count(), 1, "no id but that of the playbook: {}", drawn.out);

    let refuses =
        |asked: &Asked| (if asked.target.ends_with("/isolate") { 403 } else { 200 }, "{}".to_owned());
    let recorder = Recorder::answering(refuses);
    let more = ["--var", r#"__severity__="high""#, "--var", r#"__host__="pc-7""#, "--data", "d"];
    let run = run(&dir, &recorder, "switch-severity.json", &[(&tool("2001"), "")], &more);
    assert_eq!(&*status(&run), "failed", "{}", run.err);
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let drawn = ended(dir.path(), &["graph", &peid, "--data", "d", "--ascii"]);
    assert_eq!(drawn.code, 0, "{}", drawn.err);
    for line in ["|  * + Page somebody  completed", "|  * x Isolate the host, by two commands  failed"] {
        assert!(drawn.out.lines().any(|told| told.starts_with(line)), "{line}: {}", drawn.out);
    }
    assert!(drawn.out.contains("switch __severity__:value"), "{}", drawn.out);
}
