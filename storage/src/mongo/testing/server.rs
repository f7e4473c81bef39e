//! A MongoDB server of a test's own: `mongod` or its surrogate, whichever is installed. Only for tests that need to
//! kill it; all others share the server of their process.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::keeper::{Keeper, aside, directory};

/// Ports below those that systems use for outgoing connections: a server that restarts finds its own free.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How often a starting server is checked, with 5 ms between.
const LOOKS: usize = 12_000;

/// The administrator of a server with logins.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password, unencoded.
    pub password: String,
}

/// The files of a server that only speaks TLS.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// The key of the certificate, PEM.
    pub key: PathBuf,
    /// The certificate of the authority that signed it, PEM.
    pub authority: PathBuf,
}

/// The options of a server.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Requires a login; this one is created.
    pub auth: Option<Login>,
    /// Speaks only TLS. `mongod` is then started as a standalone.
    pub tls: Option<TlsFiles>,
    /// The directory of its data; `None` for one that is removed with it.
    pub storage: Option<PathBuf>,
    /// Is no replica set.
    pub standalone: bool,
    /// Its acknowledged writes survive `kill`, at the price of an fsync for each.
    pub survives: bool,
}

/// A server. It is killed when this is dropped, or when the test's process dies.
#[derive(Debug)]
pub struct Server {
    keeper: Keeper,
    program: Program,
    port: u16,
    options: ServerOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Mongod,
    Surrogate,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Mongod => "mongod",
            Self::Surrogate => "secantusd-rs",
        }
    }

    /// Its log message when it accepts connections.
    fn ready(self, port: u16) -> String {
        match self {
            Self::Mongod => "Waiting for connections".to_owned(),
            Self::Surrogate => format!("listening on 127.0.0.1:{port}"),
        }
    }

    fn find() -> Option<Self> {
        [Self::Mongod, Self::Surrogate].into_iter().find(|program| {
            let mut asked = Command::new(program.name());
            asked.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            asked.status().is_ok_and(|status| status.success())
        })
    }
}

impl Server {
    /// Why no server can be started here.
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        Program::find().map(drop).ok_or_else(|| {
            "no MongoDB server for the tests: put `mongod` on the PATH, or run `./test`, which installs \
             `secantusd-rs`; UPDRAFT_TEST_MONGODB names one for tests that kill none"
                .to_owned()
        })
    }

    /// Starts a server, on a port and with data of its own.
    ///
    /// # Panics
    /// There is no program for it, or it does not start.
    pub async fn start(options: ServerOptions) -> Self {
        Self::start_now(options)
    }

    /// The same for synchronous callers.
    pub(super) fn start_now(options: ServerOptions) -> Self {
        let program = Program::find().unwrap_or_else(|| panic!("{}", Self::available().unwrap_err()));
        let directory = directory();
        let port = free_port();
        let data = options.storage.clone().unwrap_or_else(|| directory.join("data"));
        std::fs::create_dir_all(&data).unwrap();
        let mut command = vec![program.name().to_owned()];
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let mut say = |words: &[&str]| command.extend(words.iter().map(|word| (*word).to_owned()));
        match program {
            Program::Mongod => mongod(&mut say, &options, &directory, port, &text(&data)),
            Program::Surrogate => {
                // An empty configuration, so that it does not use one of the machine.
                let configuration = directory.join("secantusd.toml");
                std::fs::write(&configuration, "").unwrap();
                say(&["--config", &text(&configuration), "--port", &port.to_string()]);
                say(&["--storage-path", &text(&data), "--log-level", "WARNING"]);
                say(&["--cache-size", "512M", "--log-file-max", "4MB"]);
                if let Some(tls) = &options.tls {
                    say(&["--tls-cert-file", &text(&tls.certificate), "--tls-key-file", &text(&tls.key)]);
                }
                say(if options.auth.is_some() { &["--auth"] } else { &[] });
                say(if options.standalone { &["--standalone"] } else { &[] });
                say(if options.survives { &["--sync-on-commit"] } else { &[] });
            }
        }
        let mut server = Self { keeper: Keeper::new(&directory, &command), program, port, options };
        server.up();
        server.settle();
        server
    }

    /// Its address: `mongodb://127.0.0.1:PORT/`, with its login and its authority.
    pub fn uri(&self) -> String {
        self.address(self.options.auth.as_ref())
    }

    fn address(&self, login: Option<&Login>) -> String {
        let login = login.map(|login| format!("{}:{}@", encoded(&login.user), encoded(&login.password)));
        let tls = self.options.tls.as_ref().map(|tls| tls.authority.to_str().unwrap());
        let tls = tls.map(|authority| format!("?tls=true&tlsCAFile={}", encoded(authority)));
        format!("mongodb://{}127.0.0.1:{}/{}", login.unwrap_or_default(), self.port, tls.unwrap_or_default())
    }

    /// Its port, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it without warning.
    pub async fn kill(&mut self) {
        self.keeper.kill();
    }

    /// Starts it again, on the same port and data.
    ///
    /// # Panics
    /// It does not start.
    pub async fn restart(&mut self) {
        self.keeper.kill();
        self.up();
    }

    /// Starts the program and waits until it accepts connections.
    fn up(&mut self) {
        self.keeper.start();
        let ready = self.program.ready(self.port);
        for _ in 0..LOOKS {
            if self.keeper.log().contains(&ready) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{} does not start: {}", self.program.name(), self.keeper.log());
    }

    /// The commands that a new server needs.
    fn settle(&self) {
        if self.program == Program::Mongod && !self.is_alone() {
            let host = format!("127.0.0.1:{}", self.port);
            self.tell(doc! {"replSetInitiate": {"_id": "updraft", "members": [{"_id": 0, "host": host}]}});
        }
        if let Some(login) = &self.options.auth {
            // A server without users allows a local connection to create the first.
            self.tell(doc! {"createUser": &login.user, "pwd": &login.password, "roles": ["root"]});
        }
    }

    /// Members of a replica set need a key file if there is a login or TLS.
    fn is_alone(&self) -> bool {
        self.options.standalone || self.options.auth.is_some() || self.options.tls.is_some()
    }

    fn tell(&self, command: Document) {
        let mut uri = self.address(None);
        uri += if self.options.tls.is_some() { "&directConnection=true" } else { "?directConnection=true" };
        let told =
            aside(
                async move { Client::with_uri_str(&uri).await?.database("admin").run_command(command).await },
            );
        told.unwrap();
    }
}

fn mongod(
    say: &mut dyn FnMut(&[&str]),
    options: &ServerOptions,
    directory: &std::path::Path,
    port: u16,
    data: &str,
) {
    say(&["--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--dbpath", data, "--nounixsocket"]);
    say(&["--wiredTigerCacheSizeGB", "0.25"]);
    if let Some(tls) = &options.tls {
        let both = directory.join("server.pem");
        let pem = [&tls.certificate, &tls.key].map(|file| std::fs::read_to_string(file).unwrap());
        std::fs::write(&both, pem.concat()).unwrap();
        say(&["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", both.to_str().unwrap()]);
        say(&["--tlsCAFile", tls.authority.to_str().unwrap(), "--tlsAllowConnectionsWithoutCertificates"]);
    }
    if options.auth.is_some() {
        say(&["--auth"]);
    }
    if !options.standalone && options.auth.is_none() && options.tls.is_none() {
        say(&["--replSet", "updraft"]);
    }
}

/// As a part of a URI.
fn encoded(text: &str) -> String {
    let encoded = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encoded).collect()
}

/// A port without a listener, tried from a start that another process is unlikely to use.
fn free_port() -> u16 {
    let count = u128::from(PORTS.end - PORTS.start);
    for _ in 0..LOOKS {
        let drawn = u16::try_from(uuid::Uuid::now_v7().as_u128() % count).unwrap();
        let port = PORTS.start + drawn;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
