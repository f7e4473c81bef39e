//! Tests of the test servers: they start, stop and leave nothing.

use std::net::TcpStream;

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::{Login, Server, ServerOptions, database, with_database};

async fn client(uri: &str) -> Client {
    Client::with_uri_str(uri).await.unwrap()
}

async fn names(uri: &str) -> Vec<String> {
    client(uri).await.list_database_names().await.unwrap()
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_which_goes_with_it() {
    let (mine, other) = (database().await, database().await);
    assert_ne!(mine.name(), other.name());
    for database in [&mine, &other] {
        let things =
            client(database.uri()).await.default_database().unwrap().collection::<Document>("things");
        things.insert_one(doc! {"_id": database.name()}).await.unwrap();
        assert_eq!(things.count_documents(doc! {}).await.unwrap(), 1);
    }
    let gone = mine.name().to_owned();
    drop(mine);
    let left = names(other.uri()).await;
    assert!(!left.contains(&gone) && left.iter().any(|name| name == other.name()), "{left:?}");
}

#[tokio::test]
async fn a_killed_server_is_gone_and_comes_back_with_what_it_acknowledged() {
    let options = ServerOptions { survives: true, ..ServerOptions::default() };
    let mut server = Server::start(options).await;
    let things = client(&server.uri()).await.database("test").collection::<Document>("things");
    for round in 0..3_i64 {
        things.insert_one(doc! {"_id": round}).await.unwrap();
        server.kill().await;
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "it is gone");
        server.restart().await;
        let things = client(&server.uri()).await.database("test").collection::<Document>("things");
        assert_eq!(things.count_documents(doc! {}).await.unwrap(), u64::try_from(round + 1).unwrap());
    }
    let port = server.port();
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "it goes with its owner");
}

#[tokio::test]
async fn a_server_may_ask_for_a_login() {
    let login = Login { user: "ana".into(), password: "p@ss:w/rd%".into() };
    let server = Server::start(ServerOptions { auth: Some(login), ..ServerOptions::default() }).await;
    names(&server.uri()).await;
    let stranger = client(&format!("mongodb://127.0.0.1:{}/", server.port())).await;
    assert!(stranger.list_database_names().await.is_err());
}

#[test]
fn a_given_server_keeps_its_login_and_options_under_another_database() {
    let cases = [
        ("mongodb://h:1", "mongodb://h:1/db"),
        ("mongodb://h:1/", "mongodb://h:1/db"),
        ("mongodb://h:1,i:2/old?w=1", "mongodb://h:1,i:2/db?w=1"),
        ("mongodb://u:p@h/", "mongodb://u:p@h/db?authSource=admin"),
        ("mongodb+srv://u:p@h/own?w=1", "mongodb+srv://u:p@h/db?w=1&authSource=own"),
        ("mongodb://u:p@h/own?authSource=x", "mongodb://u:p@h/db?authSource=x"),
    ];
    for (given, wanted) in cases {
        assert_eq!(with_database(given, "db"), wanted);
    }
}
