//! A server of OpenSSH of the test's own: on a free port, as the user that runs the test, gone with it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use updraft_integrations::SshIntegration;
use updraft_integrations::shell::SshBuilder;

/// The server; `openssh-server` has it, which `./test` installs.
const SSHD: &str = "/usr/sbin/sshd";

pub(crate) struct Server {
    sshd: Child,
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
}

impl Server {
    /// Starts one that lets a key in, `key`, and is known by a key of its own, `host`.
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["host", "key", "other"] {
            keygen(&dir.path().join(name));
        }
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::copy(dir.path().join("key.pub"), dir.path().join("authorized")).unwrap();
        for _ in 0..20 {
            let port = free_port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
                 StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel ERROR\n\
                 PermitRootLogin prohibit-password\n",
                path("host"),
                path("authorized"),
            );
            std::fs::write(dir.path().join("config"), config).unwrap();
            // Where root runs it, it needs this folder.
            let _ = std::fs::create_dir_all("/run/sshd");
            let mut sshd = Command::new(SSHD)
                .args(["-D", "-e", "-f", &path("config")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("{SSHD}, of openssh-server, is needed for this test: {error}")
                });
            while sshd.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let server = Self { sshd, dir, port };
                    server.know("host");
                    return server;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // Another process has taken the port meanwhile.
        }
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        panic!("sshd does not start: {log}");
    }

    /// Lets the known hosts have this key for it.
    pub(crate) fn know(&self, key: &str) {
        let text = std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        std::fs::write(self.path("known"), format!("[127.0.0.1]:{} {text}", self.port)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What knows it and may reach it.
    pub(crate) fn ssh(&self) -> SshBuilder {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port)).to_string();
        SshIntegration::builder().allow(address.parse().unwrap()).known_hosts(self.path("known"))
    }

    /// The text of a private key.
    pub(crate) fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen, of openssh-client, is needed for this test").success());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
