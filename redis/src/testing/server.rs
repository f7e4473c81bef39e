//! A `redis-server` of a test's own. It ends when this is dropped, or when the test's process dies.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

/// `sh -c SCRIPT keeper FOLDER PROGRAM ARGUMENT…`: says the number of the process, and kills it when its input ends.
const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
cd "$1" || exit 1
shift
"$@" </dev/null >>log 2>&1 &
echo $!
cat >/dev/null
kill -9 $! 2>/dev/null
wait
"#;
/// Ports below those that systems use for outgoing connections, and beside those of other test servers.
const PORTS: std::ops::Range<u16> = 12_000..20_000;
/// How often a starting server is looked at, with 5 ms between.
const LOOKS: usize = 12_000;

/// The files of a server that only speaks TLS.
#[derive(Debug, Clone)]
pub struct RedisTlsFiles {
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// The key of the certificate, PEM.
    pub key: PathBuf,
    /// The certificate of the authority that signed it, PEM.
    pub authority: PathBuf,
}

/// The options of a server.
#[derive(Debug, Clone, Default)]
pub struct RedisServerOptions {
    /// Lines of its configuration.
    pub lines: Vec<String>,
    /// Speaks only TLS.
    pub tls: Option<RedisTlsFiles>,
}

/// A server.
#[derive(Debug)]
pub struct RedisServer {
    shell: Option<Child>,
    pid: u32,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
    is_tls: bool,
}

impl RedisServer {
    /// Starts a server.
    ///
    /// # Panics
    /// There is no `redis-server`, or it does not start.
    pub fn start() -> Self {
        Self::with(RedisServerOptions::default())
    }

    /// Starts a server with options.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub fn with(options: RedisServerOptions) -> Self {
        let port = free_port();
        let mut configuration = format!("bind 127.0.0.1\nsave \"\"\nappendonly no\nport {port}\n");
        if let Some(tls) = &options.tls {
            let [certificate, key, authority] =
                [&tls.certificate, &tls.key, &tls.authority].map(|path| path.display());
            configuration = format!(
                "bind 127.0.0.1\nsave \"\"\nport 0\ntls-port {port}\ntls-cert-file {certificate}\n\
                 tls-key-file {key}\ntls-ca-cert-file {authority}\ntls-auth-clients no\n"
            );
        }
        for line in &options.lines {
            writeln!(configuration, "{line}").unwrap();
        }
        let mut server = Self::prepared(port, &configuration, &["redis.conf"]);
        server.is_tls = options.tls.is_some();
        server.up();
        server
    }

    pub(super) fn prepared(port: u16, configuration: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("updraft-redis-").tempdir().unwrap();
        std::fs::write(folder.path().join("redis.conf"), configuration).unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { shell: None, pid: 0, port, folder, arguments, is_tls: false }
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.is_tls { "rediss" } else { "redis" }, self.port)
    }

    /// Its port, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it without warning. It has ended when this returns.
    pub fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().unwrap();
        }
    }

    /// Starts it again, empty.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.up();
    }

    /// Stops it: it takes connections, and answers nothing.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// Says something to it, and returns what it answers. For servers without TLS and login.
    ///
    /// # Panics
    /// It does not answer.
    pub fn tell(&self, words: &[&str]) -> String {
        self.try_tell(words).expect("it answers")
    }

    fn try_tell(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut said = format!("*{}\r\n", words.len());
        for word in words {
            write!(said, "${}\r\n{word}\r\n", word.len()).expect("a text takes it");
        }
        stream.write_all(said.as_bytes())?;
        let mut answer = vec![0; 65_536];
        let read = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid.to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub(super) fn up(&mut self) {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(self.folder.path())
            .arg("redis-server")
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C is for the tests; the keeper ends with them.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let mut told = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut told).unwrap();
        self.pid = told.trim().parse().unwrap();
        self.shell = Some(shell);
        for _ in 0..LOOKS {
            let is_up = match self.is_tls {
                true => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
                // One that wants a login answers too.
                false => self.try_tell(&["PING"]).is_ok_and(|answer| !answer.contains("LOADING")),
            };
            if is_up {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("redis-server does not start: {log}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port without a listener, which no other test of this process has been given.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    let first = (std::process::id() % u32::from(count)) as u16;
    for _ in 0..LOOKS {
        let port = PORTS.start + first.wrapping_add(NEXT.fetch_add(7, Ordering::Relaxed)) % count;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
