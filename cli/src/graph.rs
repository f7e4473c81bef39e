//! `updraft graph`: a playbook or an execution as a picture. Reads what is drawn, and writes the picture; draws nothing itself.

#[cfg(feature = "png")]
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use console::{Term, style};
use updraft::limits::PLAYBOOK_BYTES;
use updraft::outline::AuthorOutline;
use updraft::{ExecutionId, Playbook, cacao};
use updraft_graph::{Colours, Diagram, Paint, Piece, Ruling};

use crate::exit::{Ending, Error};
use crate::input;
use crate::options::DrawGraph;
use crate::output::Output;
use crate::playbook;
use crate::reading::Reading;
#[cfg(feature = "png")]
use crate::text::clean;

/// Characters without a font that are told.
#[cfg(feature = "png")]
const TOLD: usize = 12;
/// Columns of a text that no terminal shows.
const COLUMNS: usize = 120;

/// Draws; nothing is resumed by it.
pub(crate) async fn graph(options: &DrawGraph) -> Result<Ending, Error> {
    let form = options.output.as_deref().map(Form::of).transpose()?;
    let diagram = diagram(options).await?;
    let Some(form) = form else {
        return text(&diagram, options);
    };
    let colours = match (options.dark, options.light) {
        (true, _) => Colours::Dark,
        (_, true) => Colours::Light,
        _ => Colours::Preferred,
    };
    let refused = |error: updraft_graph::Error| Error::refused(options.what.display(), error);
    match form {
        Form::Stdout => {
            let mut output = Output::stdout();
            output.styled(diagram.svg(colours).map_err(refused)?.trim_end());
            output.finish()?;
        }
        Form::Svg(path) => write(path, diagram.svg(colours).map_err(refused)?.as_bytes())?,
        #[cfg(feature = "png")]
        Form::Png(path) => {
            let png = diagram.png(colours, options.scale).map_err(refused)?;
            write(path, &png.bytes)?;
            tell_missing(path, &png.missing)?;
        }
    }
    Ok(Ending::Completed)
}

/// Says which characters the machine has no font for.
#[cfg(feature = "png")]
fn tell_missing(path: &Path, missing: &BTreeSet<char>) -> Result<(), Error> {
    let some: Vec<String> = missing.iter().take(TOLD).map(char::to_string).collect();
    if some.is_empty() {
        return Ok(());
    }
    let more = if missing.len() > TOLD { " …" } else { "" };
    let mut said = Output::stderr();
    said.line(clean(&format!(
        "{}: no font of this machine has {} of its characters ({}{more}), for which `?` stands there: install one that has them, or \
         write an SVG, for which the reader's fonts are used",
        path.display(),
        missing.len(),
        some.join(" "),
    )));
    said.finish()
}

/// What is to be written.
enum Form<'a> {
    Stdout,
    Svg(&'a Path),
    #[cfg(feature = "png")]
    Png(&'a Path),
}

impl<'a> Form<'a> {
    /// The form that the name of the file says.
    fn of(path: &'a Path) -> Result<Self, Error> {
        let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
        match end.as_deref() {
            None if path.as_os_str() == "-" => Ok(Self::Stdout),
            Some("svg") => Ok(Self::Svg(path)),
            #[cfg(feature = "png")]
            Some("png") => Ok(Self::Png(path)),
            #[cfg(not(feature = "png"))]
            Some("png") => Err(Error::refused(
                path.display(),
                "this program was built without PNG; `.svg` can be written",
            )),
            _ => {
                Err(Error::refused(path.display(), "a picture is a file whose name ends in `.svg` or `.png`"))
            }
        }
    }
}

/// The diagram of what the options name: a file that is there, else an execution.
async fn diagram(options: &DrawGraph) -> Result<Diagram, Error> {
    let what = options.what.display();
    let peid: Option<ExecutionId> = options.what.to_str().and_then(|text| text.parse().ok());
    let Some(peid) = peid.filter(|_| !options.what.exists()) else {
        let bytes =
            input::bytes(&options.what, PLAYBOOK_BYTES).map_err(|error| Error::refused(&what, error))?;
        let (playbook, outline) = playbook::outlined(&bytes).map_err(|mistakes| {
            let told = mistakes.iter().map(|mistake| format!("{what}: {mistake}"));
            Error::Refused(told.collect::<Vec<_>>().join("\n"))
        })?;
        return drawn(&playbook, outline.as_ref()).map_err(|error| Error::refused(&what, error));
    };
    let stored = Reading::open(&options.data).await?;
    let found = stored.execution(&options.tenant, peid).await;
    let definition = match &found {
        Ok(Some(inspection)) => stored.definition(&options.tenant, inspection.execution.head.pid).await,
        _ => Ok(None),
    };
    stored.close().await;
    let Some(inspection) = found? else {
        return Err(Error::Failed(format!("tenant {} has no execution {peid}", options.tenant)));
    };
    let Some(definition) = definition? else {
        let head = &inspection.execution.head;
        let (name, version) = (&head.playbook_name, head.playbook_version);
        return Err(Error::Failed(format!(
            "{peid}: its playbook {name} version {version} is not in the store"
        )));
    };
    let playbook = Playbook::parse(definition.as_str().as_bytes());
    let playbook =
        playbook.map_err(|error| Error::Failed(format!("{peid}: its playbook cannot be read: {error}")))?;
    let outline = cacao::outline(&playbook);
    let diagram = drawn(&playbook, outline.as_ref()).map_err(|error| Error::refused(peid, error))?;
    Ok(diagram.executed(&inspection.execution, &inspection.tasks))
}

/// The diagram of a playbook, in the words of its author where it was translated.
fn drawn(playbook: &Playbook, outline: Option<&AuthorOutline>) -> Result<Diagram, updraft_graph::Error> {
    let diagram = Diagram::of(playbook)?;
    Ok(match outline {
        Some(outline) => diagram.outlined(outline),
        None => diagram,
    })
}

/// Prints it as text, in colours where a terminal shows it.
fn text(diagram: &Diagram, options: &DrawGraph) -> Result<Ending, Error> {
    let terminal = Term::stdout();
    let is_seen = terminal.features().is_attended();
    let columns = if is_seen { usize::from(terminal.size().1) } else { COLUMNS };
    let ruling = if options.ascii { Ruling::Ascii } else { Ruling::Unicode };
    console::set_colors_enabled(is_seen && terminal.features().colors_supported());
    let mut output = Output::stdout();
    for line in diagram.text(columns, ruling) {
        let line: String = line.iter().map(painted).collect();
        output.styled(line.trim_end());
    }
    output.finish().map(|()| Ending::Completed)
}

fn painted(Piece { text, paint }: &Piece) -> String {
    let text = style(text);
    match paint {
        Paint::Plain => text,
        Paint::Name => text.bold(),
        Paint::Faint => text.dim(),
        Paint::Good => text.green(),
        Paint::Bad => text.red(),
        Paint::Waiting => text.yellow(),
    }
    .to_string()
}

/// Writes the picture whole: who reads the file meanwhile sees the one before.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::Failed(format!("{}: cannot be written: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    let mut file = tempfile::Builder::new().prefix(".updraft-").tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| readable(file.as_file())).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Lets others read it, as any other file: a temporary one is its owner's alone.
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.sync_all()
}
