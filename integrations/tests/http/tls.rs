//! HTTPS: private authorities, client certificates, versions and names; and untrusted certificates, which no retry
//! helps.

use std::time::Duration;

use crate::secure::{Authority, BOTH, Clients, Identity, NEW, OLD, Secure, config};
use crate::server::{attempt, read_head, request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::server::TlsStream;
use updraft_integrations::HttpIntegration;
use updraft_integrations::http::{Error, HttpBuilder, Tls, TlsVersion};
use updraft_protocol::{Failure, FailureKind};

const LATE: Duration = Duration::from_secs(60);

/// Answers with the server's knowledge of the client.
async fn tell(mut stream: TlsStream<TcpStream>) {
    loop {
        let head = read_head(&mut stream).await;
        if head.is_empty() {
            return;
        }
        let (_, session) = stream.get_ref();
        let told = json!({
            "asked_for": session.server_name(),
            "certified": session.peer_certificates().is_some(),
            "version": format!("{:?}", session.protocol_version().unwrap()),
            "host": head.lines().find_map(|line| line.strip_prefix("host: ")),
        });
        let told = told.to_string();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}", told.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn serve(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    clients: Clients<'_>,
) -> Secure {
    Secure::start(config(identity, versions, &clients, "http/1.1"), tell).await
}

fn allowing(server: &Secure) -> HttpBuilder {
    HttpIntegration::builder().allow(server.addr.to_string().parse().unwrap())
}

async fn ask(http: &HttpIntegration, server: &Secure, host: &str) -> Value {
    let url = format!("https://{host}:{}/", server.port());
    request(http, json!({"url": url})).await.unwrap()["body"].clone()
}

/// A permanent failure before anything was sent.
async fn refused(http: &HttpIntegration, server: &Secure, host: &str) -> Failure {
    let url = format!("https://{host}:{}/", server.port());
    let (answer, _) = attempt(http, json!({"method": "POST", "url": url, "json": 1}), LATE).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Unreachable, false), "{failure}");
    assert!(!failure.may_have_acted(), "{failure}");
    failure
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_it_is_given() {
    let authority = Authority::new();
    let server = serve(&authority.identity("localhost"), BOTH, Clients::Anyone).await;
    let everywhere = allowing(&server).trust(authority.pem().as_bytes()).unwrap().build().unwrap();
    ask(&everywhere, &server, "localhost").await;
    let trusting = || Tls::new().trust(authority.pem().as_bytes()).unwrap();
    for (pattern, reached) in [
        (format!("localhost:{}", server.port()), true),
        ("localhost".to_owned(), true),
        ("localhost:1".to_owned(), false),
        ("*.localhost".to_owned(), false),
        ("127.0.0.1".to_owned(), false),
    ] {
        let http = allowing(&server).tls(pattern.parse().unwrap(), trusting()).build().unwrap();
        match reached {
            true => drop(ask(&http, &server, "localhost").await),
            false => drop(refused(&http, &server, "localhost").await),
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_once_and_in_words() {
    let (authority, other) = (Authority::new(), Authority::named("Another authority"));
    let localhost = authority.identity("localhost");
    let reissued = Authority::new();
    let expired = authority.identity_as("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let future = authority.identity_as("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
        params.not_after = rcgen::date_time_ymd(4001, 1, 1);
    });
    let elsewhere = authority.identity("edr.example");
    for (identity, trusted, words) in [
        (
            &localhost,
            &other,
            "an authority that is not trusted here: give the certificate of that authority (`trust`, or",
        ),
        (&localhost, &reissued, "or that authority has another certificate by now"),
        (&expired, &authority, "has expired"),
        (&future, &authority, "not valid yet"),
        (&elsewhere, &authority, "is not for this name (it is for `edr.example`)"),
    ] {
        let server = serve(identity, BOTH, Clients::Anyone).await;
        let http = allowing(&server).trust(trusted.pem().as_bytes()).unwrap().build().unwrap();
        let failure = refused(&http, &server, "localhost").await;
        assert!(failure.message.contains(words), "{failure}");
        for jargon in ["UnknownIssuer", "InvalidCertificate", "DnsName", "Context", "invalid peer"] {
            assert!(!failure.message.contains(jargon), "{failure}");
        }
        assert_eq!(server.served(), 0);
    }
}

#[tokio::test]
async fn a_certificate_of_the_client_is_shown_to_its_host_alone() {
    let authority = Authority::new();
    let identity = authority.identity("updraft");
    let server_identity = authority.identity_as("localhost", |params| {
        params.subject_alt_names.push(rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap()));
    });
    let server = serve(&server_identity, BOTH, Clients::Asked(&authority)).await;
    let tls = Tls::new().identity(identity.pem.as_bytes()).unwrap();
    let http = allowing(&server).trust(authority.pem().as_bytes()).unwrap();
    let http = http.tls("localhost".parse().unwrap(), tls).build().unwrap();
    for (host, shown) in [("localhost", true), ("127.0.0.1", false), ("localhost", true)] {
        assert_eq!(ask(&http, &server, host).await["certified"], shown, "{host}");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_the_client_gets_one_or_says_so() {
    let (authority, other) = (Authority::new(), Authority::named("Another authority"));
    for versions in [OLD, NEW] {
        let identity = authority.identity("localhost");
        let server = serve(&identity, versions, Clients::Certified(&authority)).await;
        let trusting = || allowing(&server).trust(authority.pem().as_bytes()).unwrap();
        let with = |identity: Identity| {
            let tls = Tls::new().identity(identity.pem.as_bytes()).unwrap();
            trusting().tls("localhost".parse().unwrap(), tls).build().unwrap()
        };
        let answer = ask(&with(authority.identity("updraft")), &server, "localhost").await;
        assert_eq!(answer["certified"], true);
        for http in [trusting().build().unwrap(), with(other.identity("updraft"))] {
            let failure = refused(&http, &server, "localhost").await;
            assert!(failure.message.contains("(`Tls::identity` of the library)"), "{failure}");
        }
        assert_eq!(server.served(), 1);
        // HTTP/2 keeps only the text of an error of the stream below.
        let config = config(&identity, versions, &Clients::Certified(&authority), "h2");
        let server = Secure::start(config, |_| async {}).await;
        let http = allowing(&server).trust(authority.pem().as_bytes()).unwrap().build().unwrap();
        let failure = refused(&http, &server, "localhost").await;
        assert!(failure.message.contains("(`Tls::identity` of the library)"), "{failure}");
    }
}

#[tokio::test]
async fn a_version_that_is_too_old_is_not_spoken() {
    let authority = Authority::new();
    let server = serve(&authority.identity("localhost"), OLD, Clients::Anyone).await;
    for (minimum, reached) in [(TlsVersion::V1_2, true), (TlsVersion::V1_3, false)] {
        let tls = Tls::new().trust(authority.pem().as_bytes()).unwrap().minimum(minimum);
        let http = allowing(&server).tls("localhost".parse().unwrap(), tls).build().unwrap();
        if reached {
            assert_eq!(ask(&http, &server, "localhost").await["version"], "TLSv1_2");
        } else {
            let failure = refused(&http, &server, "localhost").await;
            assert!(failure.message.contains("no version of TLS that is allowed here"), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_host_is_asked_for_another_name_and_has_to_have_it() {
    let authority = Authority::new();
    let server = serve(&authority.identity("edr.example"), BOTH, Clients::Anyone).await;
    let named = |name: &str| {
        let tls = Tls::new().trust(authority.pem().as_bytes()).unwrap().server_name(name).unwrap();
        allowing(&server).tls("127.0.0.1".parse().unwrap(), tls).build().unwrap()
    };
    let answer = ask(&named("edr.example"), &server, "127.0.0.1").await;
    assert_eq!(answer["asked_for"], "edr.example");
    assert_eq!(answer["host"], server.addr.to_string(), "the request is for the host of the URL");
    let failure = refused(&named("siem.example"), &server, "127.0.0.1").await;
    assert!(failure.message.contains("it is for `edr.example`"), "{failure}");
}

#[tokio::test]
async fn what_is_no_tls_is_a_connection_that_failed() {
    // As HTTP servers do, it answers after the first bytes.
    let server = crate::server::Server::raw(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
        while stream.read_u8().await.is_ok() {}
    })
    .await;
    let arguments = json!({"method": "POST", "url": format!("https://{}/", server.addr)});
    let (answer, begun) = attempt(&server.http(), arguments, LATE).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, begun, failure.may_have_acted()), (FailureKind::Unreachable, 0, false));
    assert!(failure.message.contains("does not speak TLS") && failure.retryable(), "{failure}");
}

#[test]
fn settings_that_would_never_be_used_are_refused() {
    let hosts = || "edr.internal:8443".parse().unwrap();
    let twice = HttpIntegration::builder().tls(hosts(), Tls::new()).tls(hosts(), Tls::new()).build();
    assert_eq!(twice.unwrap_err(), Error::Twice("edr.internal:8443".to_owned()));
    let twice = HttpIntegration::builder().direct(hosts()).direct(hosts()).build();
    assert!(matches!(twice, Err(Error::Twice(_))));
    let many = (0..=updraft_protocol::limits::HTTP_HOST_SETTINGS)
        .fold(HttpIntegration::builder(), |builder, n| {
            builder.tls(format!("h{n}.internal").parse().unwrap(), Tls::new())
        });
    assert!(matches!(many.build(), Err(Error::Settings(_))));
}
