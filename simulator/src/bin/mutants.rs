//! `mutants`: plants one bug after the other into a copy of the sources, and checks that the simulator finds it. Owns
//! the copy and the table that it prints; fails if a bug survives, or its text is not found.
//!
//! ```text
//! mutants --root . --work target/mutants [--seeds 40000] [--only NAME]
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use updraft_simulator::mutant::{self, Mutant};

/// The crates of the simulator, including itself.
const CRATES: [&str; 3] = ["protocol", "kernel", "simulator"];
/// The minutes of seeds for one mutant.
const MINUTES: &str = "10";
/// Seconds after which a mutant counts as found because a seed does not end: it was to begin no other after [`MINUTES`].
const SECONDS: &str = "720";

struct Bench {
    root: PathBuf,
    work: PathBuf,
    seeds: String,
}

/// The result of a mutant.
enum Verdict {
    Caught { seed: String, by: String },
    Hung,
    Survived,
    Broken(String),
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let bench = Bench {
        root: value("--root").unwrap_or_else(|| ".".to_owned()).into(),
        work: value("--work").unwrap_or_else(|| "target/mutants".to_owned()).into(),
        seeds: value("--seeds").unwrap_or_else(|| "40000".to_owned()),
    };
    match bench.run(value("--only").as_deref(), &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

impl Bench {
    fn run(&self, only: Option<&str>, out: &mut impl Write) -> io::Result<bool> {
        self.copy()?;
        let wrong = match self.simulate()? {
            Verdict::Survived => None,
            Verdict::Broken(why) => Some(why),
            Verdict::Hung => Some("it does not end".to_owned()),
            Verdict::Caught { seed, by } => Some(format!("seed {seed} breaks \"{by}\"")),
        };
        if let Some(wrong) = wrong {
            writeln!(out, "without any planted bug: {wrong}")?;
            return Ok(false);
        }
        let (mut tried, mut missed) = (0, 0);
        writeln!(out, "| bug | what it breaks | found at seed | by |\n| --- | --- | ---: | --- |")?;
        for bug in mutant::all().filter(|bug| only.is_none_or(|name| name == bug.name)) {
            tried += 1;
            let said = match self.try_one(bug)? {
                Verdict::Caught { seed, by } => format!("{seed} | {by} |"),
                Verdict::Hung => "- | it does not end |".to_owned(),
                Verdict::Survived => {
                    missed += 1;
                    "**SURVIVED** | |".to_owned()
                }
                Verdict::Broken(why) => {
                    missed += 1;
                    format!("**BROKEN** | {why} |")
                }
            };
            writeln!(out, "| `{}` | {} | {said}", bug.name, bug.claim)?;
            out.flush()?;
        }
        writeln!(
            out,
            "\n{} of {tried} planted bugs found, {} seeds or {MINUTES} minutes each at most",
            tried - missed,
            self.seeds
        )?;
        Ok(missed == 0 && tried > 0)
    }

    fn try_one(&self, bug: &Mutant) -> io::Result<Verdict> {
        let file = self.work.join(bug.file);
        let text = fs::read_to_string(&file)?;
        let planted = match bug.plant(&text) {
            Ok(planted) => planted,
            Err(times) => {
                return Ok(Verdict::Broken(format!("its text is found {times} times in {}", bug.file)));
            }
        };
        fs::write(&file, planted)?;
        let verdict = self.simulate();
        fs::write(&file, text)?;
        verdict
    }

    /// Builds the copy and runs it.
    fn simulate(&self) -> io::Result<Verdict> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--offline", "--profile", "simulator", "--bin", "simulate"]);
        cargo.args(["--manifest-path"]).arg(self.work.join("Cargo.toml"));
        let target = self.work.join("target");
        let built = cargo.arg("--target-dir").arg(&target).env("RUSTFLAGS", "-Awarnings").output()?;
        if !built.status.success() {
            return Ok(Verdict::Broken(last_line(&built.stderr, "error")));
        }
        let seeds = format!("0..{}", self.seeds);
        let program = target.join("simulator").join("simulate");
        let mut run = Command::new("timeout");
        let run = run.arg(SECONDS).arg(program).args(["--seeds", &seeds, "--minutes", MINUTES]);
        let output = run.output()?;
        Ok(read(&output))
    }

    /// Copies the crates of the simulator, with a manifest of these crates alone.
    fn copy(&self) -> io::Result<()> {
        fs::create_dir_all(&self.work)?;
        for name in CRATES {
            let to = self.work.join(name);
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            copy_folder(&self.root.join(name), &to)?;
        }
        fs::copy(self.root.join("Cargo.lock"), self.work.join("Cargo.lock"))?;
        let manifest = fs::read_to_string(self.root.join("Cargo.toml"))?;
        let members = |line: &str| {
            if line.starts_with("members = ") { format!("members = {CRATES:?}") } else { line.to_owned() }
        };
        let manifest: Vec<String> = manifest.lines().map(members).collect();
        fs::write(self.work.join("Cargo.toml"), manifest.join("\n"))
    }
}

fn read(output: &Output) -> Verdict {
    let said = String::from_utf8_lossy(&output.stdout);
    let found = said.lines().find_map(|line| line.strip_prefix("FAILED seed ")?.split_once(": "));
    match (found, output.status.code()) {
        (Some((seed, what)), _) => {
            let by = what.split(':').next().unwrap_or_default();
            Verdict::Caught { seed: seed.to_owned(), by: by.to_owned() }
        }
        (None, Some(0)) => Verdict::Survived,
        (None, Some(124)) => Verdict::Hung,
        (None, _) => Verdict::Broken(last_line(&output.stderr, "")),
    }
}

fn last_line(bytes: &[u8], with: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find(|line| line.contains(with)).unwrap_or("no reason given").replace('|', "/")
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
