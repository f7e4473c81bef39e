//! The keeper of a power-loss disk: mounts it, carries out what it is told, and unmounts it when nobody tells it anything any
//! more. Draws nothing: luck is the image's.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use fuser::{BackgroundSession, Config, MountOption, Session};
use tempfile::TempDir;

use super::image::Image;
use super::mount;
use super::order::Order;

/// Keeps a power-loss disk whose luck follows from the seed, and answers orders until there are none.
///
/// # Panics
/// Nobody hears the answers.
pub fn serve(seed: u64, orders: impl BufRead, mut answers: impl Write) {
    let mut disk = match Disk::new(seed) {
        Ok(disk) => disk,
        Err(reason) => return writeln!(answers, "failed {reason}").unwrap(),
    };
    writeln!(answers, "done {}", disk.path().display()).unwrap();
    for line in orders.lines().map_while(Result::ok) {
        let done = Order::parse(&line)
            .ok_or(format!("{line}: what is that?"))
            .and_then(|order| disk.carry_out(order));
        let said = match done {
            Ok(answer) => writeln!(answers, "done {answer}"),
            Err(reason) => writeln!(answers, "failed {reason}"),
        };
        said.unwrap();
    }
}

struct Disk {
    image: Arc<Mutex<Image>>,
    mounted: Mounted,
}

/// Where an image is mounted.
struct Mounted {
    place: TempDir,
    session: Option<BackgroundSession>,
}

impl Disk {
    fn new(seed: u64) -> Result<Self, String> {
        let image = Arc::new(Mutex::new(Image::new(seed)));
        let mounted = Mounted::new(&image)?;
        Ok(Self { image, mounted })
    }

    fn path(&self) -> &Path {
        self.mounted.place.path()
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap()
    }

    fn carry_out(&mut self, order: Order) -> Result<String, String> {
        match order {
            Order::LosePower => {
                let left = self.image().lose_power();
                self.image = Arc::new(Mutex::new(left));
                self.mounted = Mounted::new(&self.image)?;
                return Ok(self.path().display().to_string());
            }
            Order::Keep => return self.keep().map(|path| path.display().to_string()),
            Order::Met => return Ok(self.image().faults.met.to_string()),
            Order::SyncedAgain => return Ok(self.image().faults.synced_again.join(" ")),
            Order::Sweep => self.image().sweep(),
            Order::Strike { of, spare, fault } => self.image().faults.plan(&of, spare, fault),
            Order::Fill(full) => self.image().faults.full = full,
            Order::Mend => self.image().mend(),
        }
        Ok(String::new())
    }

    fn keep(&self) -> Result<PathBuf, String> {
        let kept = tempfile::tempdir().map_err(|error| error.to_string())?.keep();
        let copied = Command::new("cp").arg("-a").arg(self.path().join(".")).arg(&kept).status();
        copied.map(|_| kept).map_err(|error| error.to_string())
    }
}

impl Mounted {
    fn new(image: &Arc<Mutex<Image>>) -> Result<Self, String> {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("updraft-power-loss-disk".to_owned())];
        let session =
            Session::new(mount::Server(image.clone()), place.path(), &config).and_then(Session::spawn);
        Ok(Self { place, session: Some(session.map_err(|error| error.to_string())?) })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: an engine that was told of no end may still hold a file.
        let left = Command::new("umount").arg("-l").arg(self.place.path()).output();
        let gone = left.is_ok_and(|left| left.status.success());
        let Some(session) = self.session.take() else { return };
        if gone {
            // Its thread ends with the last file that is open; nobody waits for that.
            drop(session);
        } else {
            let _ = session.umount_and_join();
        }
    }
}
