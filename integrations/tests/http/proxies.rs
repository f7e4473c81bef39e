//! Proxies of each kind, written for these tests: they record the requests to them and resolve every name to one tool.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::secure::{Authority, BOTH, Clients, Secure, config};
use crate::server::{Server, read_head};

/// The requests to a proxy, a line for each connection.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// The records since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The behaviour of a proxy.
#[derive(Clone)]
pub(crate) struct Manners {
    /// The address for every name.
    pub(crate) tool: SocketAddr,
    /// The answer instead of a connection.
    pub(crate) refusal: Option<&'static str>,
}

/// An HTTP proxy, which answers with `refusal` if there is one.
pub(crate) async fn http(manners: Manners) -> (Server, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let server = Server::raw(move |stream| serve_http(stream, manners.clone(), noted.clone())).await;
    (server, asked)
}

/// The same, behind TLS for `localhost`.
pub(crate) async fn https(authority: &Authority, manners: Manners) -> (Secure, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let config = config(&authority.identity("localhost"), BOTH, &Clients::Anyone, "http/1.1");
    let server =
        Secure::start(config, move |stream| serve_http(stream, manners.clone(), noted.clone())).await;
    (server, asked)
}

async fn serve_http(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    Manners { tool, refusal }: Manners,
    asked: Asked,
) {
    let head = read_head(&mut stream).await;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let named = |name: &str| head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
    let credentials = named("proxy-authorization:").unwrap_or("anonymous").to_owned();
    asked.note(format!("{line} [{credentials}]"));
    if let Some(refusal) = refusal {
        let _ = stream.write_all(refusal.as_bytes()).await;
        let _ = stream.shutdown().await;
        return;
    }
    let mut upstream = TcpStream::connect(tool).await.unwrap();
    if line.starts_with("CONNECT ") {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    } else {
        // Forwarded without the headers for the proxy; the connection is for one request.
        let lines = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
        upstream.write_all(lines.collect::<Vec<_>>().join("\r\n").as_bytes()).await.unwrap();
    }
    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
}

/// A SOCKS 5 proxy that requires this user and password, if there are any. `reply` is its reply after the login.
pub(crate) async fn socks(
    tool: SocketAddr,
    credentials: Option<(&'static str, &'static str)>,
    reply: u8,
) -> (Server, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let server = Server::raw(move |stream| {
        let noted = noted.clone();
        async move {
            let _ = serve_socks(stream, tool, credentials, reply, noted).await;
        }
    })
    .await;
    (server, asked)
}

async fn serve_socks(
    mut stream: TcpStream,
    tool: SocketAddr,
    credentials: Option<(&str, &str)>,
    reply: u8,
    asked: Asked,
) -> std::io::Result<()> {
    assert_eq!(stream.read_u8().await?, 5);
    let methods = text(&mut stream).await?;
    let wanted = if credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        asked.note("anonymous");
        stream.write_all(&[5, 0xff]).await?;
        return stream.shutdown().await;
    }
    stream.write_all(&[5, wanted]).await?;
    if let Some((user, password)) = credentials {
        assert_eq!(stream.read_u8().await?, 1);
        let given = (text(&mut stream).await?, text(&mut stream).await?);
        let known = given == (user.into(), password.into());
        asked.note(if known { "known" } else { "unknown" });
        stream.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            return stream.shutdown().await;
        }
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let host = match head[3] {
        3 => String::from_utf8(text(&mut stream).await?).unwrap(),
        1 => {
            let mut ip = [0; 4];
            stream.read_exact(&mut ip).await?;
            std::net::Ipv4Addr::from(ip).to_string()
        }
        kind => unreachable!("{kind}"),
    };
    let port = stream.read_u16().await?;
    asked.note(format!("{host}:{port}"));
    stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if reply != 0 {
        return stream.shutdown().await;
    }
    let mut upstream = TcpStream::connect(tool).await?;
    copy_bidirectional(&mut stream, &mut upstream).await?;
    Ok(())
}

/// A text after its length.
async fn text(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
