//! Playbooks in files: reading and checking them, each mistake with its file and place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use updraft::cacao::looks_like_cacao;
use updraft::limits::PLAYBOOK_BYTES;
use updraft::outline::AuthorOutline;
use updraft::parse::PlaybookRest;
use updraft::{AuthoredNames, Builder, Plan, Playbook, PutError, TenantCode};
use updraft_replay::plans::RunPlans;

use crate::{cacao, input};

/// A mistake, with the option that gives what is missing.
pub(crate) fn with_way(mistake: &str) -> String {
    let permission = mistake.split_once("missing here").map(|(_, what)| what);
    if let Some((_, place)) = permission.and_then(|what| what.split_once(": permission to reach ")) {
        let place = place.split(',').next().unwrap_or(place);
        return format!("{mistake}; `--allow-net {place}` gives it");
    }
    if let Some(way) = way_to_shell(mistake) {
        return format!("{mistake}; {way}");
    }
    if let Some(way) = way_to_mail(mistake) {
        return format!("{mistake}; {way}");
    }
    match mistake.split_once("missing here: secret `").and_then(|(_, rest)| rest.split_once('`')) {
        Some((name, _)) => {
            let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
            format!(
                "{mistake}; UPDRAFT_SECRET_{variable} in the environment gives it, or a file in --secrets DIR"
            )
        }
        None => mistake.to_owned(),
    }
}

/// The option that lets commands run.
fn way_to_shell(mistake: &str) -> Option<String> {
    let lacks = |name: &str| {
        let told = format!("integration \"{name}\"");
        mistake.contains(&format!("no {told}")) || mistake.contains(&format!("missing here: {told}"))
    };
    if lacks("bash") {
        return Some("`--allow-bash` allows commands on this machine".to_owned());
    }
    if lacks("ssh") {
        return Some("`--allow-ssh HOST --ssh-known-hosts FILE` allows commands on that machine".to_owned());
    }
    if mistake.ends_with("missing here: a key for ssh") {
        return Some("`--ssh-key FILE` gives it, or `key: {$secret: NAME}` in the step".to_owned());
    }
    let (_, machine) = mistake.split_once("missing here: permission to run commands on ")?;
    Some(format!("`--allow-ssh {machine}` gives it"))
}

/// The option that lets mail be sent.
fn way_to_mail(mistake: &str) -> Option<String> {
    let told = "integration \"mail\"";
    if mistake.contains(&format!("no {told}")) || mistake.contains(&format!("missing here: {told}")) {
        return Some(
            "`--smtp URL --smtp-from ADDRESS --smtp-to DOMAIN` lets it be sent by a server".to_owned(),
        );
    }
    if let Some((_, domain)) = mistake.split_once("missing here: permission to send mail to ") {
        return Some(format!("`--smtp-to {domain}` gives it"));
    }
    let (_, sender) = mistake.split_once("missing here: permission to send mail from ")?;
    Some(format!("`--smtp-sender {sender}` gives it"))
}

/// A playbook of a file, checked.
pub(crate) struct Checked {
    pub(crate) playbook: Playbook,
    pub(crate) plan: Plan,
    /// What the steps and variables are called in a file of another form.
    pub(crate) names: AuthoredNames,
    /// What its author should know.
    pub(crate) notes: Vec<String>,
}

/// Why a playbook is not taken.
pub(crate) struct Refusal {
    /// Its mistakes: `steps[3].on_failure: no step "contain"`.
    pub(crate) mistakes: Vec<String>,
    /// What its author should know besides.
    pub(crate) notes: Vec<String>,
}

impl From<Vec<String>> for Refusal {
    fn from(mistakes: Vec<String>) -> Self {
        Self { mistakes, notes: Vec::new() }
    }
}

/// The playbook in a file, checked against the tools and secrets that there are, and its plan.
///
/// # Errors
/// Its mistakes, one a line: `FILE: steps[3].on_failure: no step "contain"`.
pub(crate) async fn read(path: &Path, tools: &Builder, tenant: &TenantCode) -> Result<Checked, Vec<String>> {
    let checked = check(path, tools, Some(tenant)).await;
    checked.map_err(|refusal| told(path, &refusal).collect())
}

/// The mistakes of a file with its name.
fn told<'r>(path: &'r Path, refusal: &'r Refusal) -> impl Iterator<Item = String> + 'r {
    refusal.mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display()))
}

/// The same, its mistakes without the name of the file; without a tenant, whatever secrets there are.
///
/// # Errors
/// Its mistakes.
pub(crate) async fn check(
    path: &Path,
    tools: &Builder,
    tenant: Option<&TenantCode>,
) -> Result<Checked, Refusal> {
    let bytes = input::bytes(path, PLAYBOOK_BYTES).map_err(|error| vec![error.to_string()])?;
    if looks_like_cacao(&bytes) {
        let (playbook, names, notes) = cacao::read(&bytes)?;
        return match planned(&playbook, tools, tenant).await {
            Ok(plan) => Ok(Checked { playbook, plan, names, notes }),
            Err(mistakes) => {
                let mistakes =
                    mistakes.iter().map(|mistake| cacao::in_its_words(&playbook, mistake)).collect();
                Err(Refusal { mistakes, notes })
            }
        };
    }
    let playbook = match Playbook::parse(&bytes) {
        Ok(playbook) => playbook,
        Err(error) => {
            let mut mistakes = error.mistakes();
            // Of the rest, those that have nothing to do with what could not be read.
            if let Some(rest) = PlaybookRest::of(&bytes)
                && let Err(others) = planned(&rest.playbook, tools, tenant).await
            {
                mistakes.extend(others.into_iter().filter(|other| rest.has(other)));
            }
            return Err(mistakes.into());
        }
    };
    let plan = planned(&playbook, tools, tenant).await?;
    Ok(Checked { playbook, plan, names: AuthoredNames::default(), notes: Vec::new() })
}

/// The playbook in these bytes, native or CACAO, by its form alone.
///
/// # Errors
/// Its mistakes.
pub(crate) fn form(bytes: &[u8]) -> Result<Playbook, Vec<String>> {
    outlined(bytes).map(|(playbook, _)| playbook)
}

/// The same, with what its author wrote, where it was translated.
///
/// # Errors
/// Its mistakes.
pub(crate) fn outlined(bytes: &[u8]) -> Result<(Playbook, Option<AuthorOutline>), Vec<String>> {
    if looks_like_cacao(bytes) {
        return cacao::outlined(bytes).map(|(playbook, outline)| (playbook, Some(outline)));
    }
    let playbook = Playbook::parse(bytes).map_err(|error| error.mistakes())?;
    let outline = updraft::cacao::outline(&playbook);
    Ok((playbook, outline))
}

async fn planned(
    playbook: &Playbook,
    tools: &Builder,
    tenant: Option<&TenantCode>,
) -> Result<Plan, Vec<String>> {
    match tools.check(playbook, tenant).await {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(PutError::Invalid(mistakes))) => {
            Err(mistakes.iter().map(|mistake| with_way(&mistake.to_string())).collect())
        }
        Ok(Err(error)) => Err(vec![error.to_string()]),
        Err(error) => Err(vec![error.to_string()]),
    }
}

/// A playbook with those that its steps run, checked against the tools that there are; secrets and permissions are not looked for, as
/// nothing is called. Gives the playbook too.
///
/// # Errors
/// The mistakes of all of them, one a line.
pub(crate) async fn plans(
    path: &Path,
    subs: &[PathBuf],
    tools: &Builder,
) -> Result<(Playbook, RunPlans), Vec<String>> {
    let mut mistakes = Vec::new();
    let mut read = Vec::new();
    for path in [path].into_iter().chain(subs.iter().map(PathBuf::as_path)) {
        match check(path, tools, None).await {
            Ok(checked) => read.push(checked),
            Err(refusal) => mistakes.extend(told(path, &refusal)),
        }
    }
    let mut read = read.into_iter();
    let Some(Checked { playbook, plan, names, .. }) = read.next().filter(|_| mistakes.is_empty()) else {
        return Err(mistakes);
    };
    let mut plans = RunPlans::of(&playbook, Arc::new(plan));
    plans.know(&names);
    read.for_each(|sub| {
        plans.add(&sub.playbook, Arc::new(sub.plan));
        plans.know(&sub.names);
    });
    Ok((playbook, plans))
}
