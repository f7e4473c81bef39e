//! `updraft connector check --live`: silent where the answers are as they were recorded, and what has changed where they are not.

use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;

use crate::served::{Served, Vendor};
use crate::stubs::graph::{self, Behaviour, Graph};
use crate::stubs::jira::{self, Jira};
use crate::stubs::urlscan::{self, Urlscan};
use crate::stubs::virustotal::{self, VirusTotal};

/// What the program says of a shipped connector, and with which code it ends.
async fn check<V: Vendor>(
    served: &Served<V>,
    name: &str,
    secret: (&str, &str),
    constants: &[(&str, &str)],
) -> (i32, Vec<String>) {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(secret.0), secret.1).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../connectors/vendor/{name}.yaml"));
    let mut command = Command::new(updraft_tests::program());
    command.args(["connector", "check", "--live", "--allow-net", &served.address.to_string(), "--secrets"]);
    command.arg(directory.path()).arg(file);
    for (constant, value) in constants {
        command.args(["--connector-constant", &format!("{name}.{constant}={value}")]);
    }
    let ended = command.output().await.unwrap();
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(!told.contains(secret.1), "{told}");
    // The first line is that of the file.
    (ended.status.code().unwrap(), told.lines().skip(1).map(str::to_owned).collect())
}

async fn of_virustotal(vendor: VirusTotal) -> (i32, Vec<String>) {
    let served = Served::start(|_| vendor).await;
    check(&served, "virustotal", ("virustotal", virustotal::KEY), &[("server", &served.url())]).await
}

#[tokio::test]
async fn the_shipped_connectors_find_the_answers_that_they_expect() {
    let told = of_virustotal(VirusTotal::default()).await;
    assert_eq!(
        told,
        (0, vec!["virustotal: the vendor answers".into(), "virustotal.file: as it was recorded".into()])
    );

    let served = Served::start(|_| Urlscan::default()).await;
    let told = check(&served, "urlscan", ("urlscan", urlscan::KEY), &[("server", &served.url())]).await;
    assert_eq!(
        told,
        (0, vec!["urlscan: the vendor answers".into(), "urlscan.result: as it was recorded".into()])
    );

    let served = Served::start(|_| Jira::default()).await;
    let constants = [("site", served.url()), ("user", jira::USER.to_owned())];
    let constants = constants.each_ref().map(|(name, value)| (*name, value.as_str()));
    let told = check(&served, "jira", ("jira-token", jira::TOKEN), &constants).await;
    assert_eq!(told, (0, vec!["jira: the vendor answers".into(), "jira.myself: as it was recorded".into()]));

    let served = Served::start(|address| Graph::new(address, Behaviour::default())).await;
    let url = served.url();
    let constants = [
        ("server", url.as_str()),
        ("login", &url),
        ("directory", graph::DIRECTORY),
        ("client", graph::CLIENT),
    ];
    let told = check(&served, "microsoft-graph", ("microsoft-graph", graph::SECRET), &constants).await;
    let expected =
        ["microsoft-graph: the vendor answers", "microsoft-graph.organization: as it was recorded"];
    assert_eq!(told, (0, expected.map(str::to_owned).to_vec()));
}

/// A field that a result can do without becomes `null`; one that it needs makes no result.
#[tokio::test]
async fn a_field_that_an_answer_has_lost_is_told() {
    let (code, told) = of_virustotal(VirusTotal::without("reputation")).await;
    assert_eq!(
        (code, told.last().unwrap().as_str()),
        (1, "virustotal.file: reputation: was a number, is null")
    );
    let (code, told) = of_virustotal(VirusTotal::without("malicious")).await;
    let last = told.last().unwrap();
    assert_eq!(code, 1, "{told:?}");
    assert!(
        last.starts_with("virustotal.file: failed: ") && last.contains("body.stats.malicious` is undefined"),
        "{last}"
    );
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_and_not_shown() {
    let served = Served::start(|_| VirusTotal::default()).await;
    let constants = [("server", served.url())];
    let constants = constants.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (code, told) = check(&served, "virustotal", ("virustotal", "a-wrong-key"), &constants).await;
    assert_eq!(code, 1, "{told:?}");
    assert!(told[0].starts_with("virustotal: the vendor does not answer as it should: "), "{told:?}");
    assert!(told.iter().all(|line| line.contains("Wrong API key")), "{told:?}");
}
