//! What addresses are taken, and what is shown of them.

use super::*;

fn refused(text: &str) -> String {
    Uri::parse(text).err().unwrap_or_else(|| panic!("taken: {text}"))
}

#[test]
fn an_address_is_shown_without_login_and_options() {
    let uri = Uri::parse("mongodb://soar:p%40ss%3A1@a:1,b/alerts?authSource=admin&tls=true").unwrap();
    for shown in [uri.to_string(), format!("{uri:?}")] {
        assert_eq!(shown, "mongodb://***@a:1,b/alerts");
    }
    assert_eq!(uri.database(), Some("alerts"));
    assert_eq!(Uri::parse("mongodb://localhost").unwrap().to_string(), "mongodb://localhost");
    assert_eq!(Uri::parse("mongodb+srv://u:p@c.example.net/").unwrap().database(), None);
}

/// A refusal of the server in these words.
fn refusal(message: &str) -> Error {
    let refusal = mongodb::bson::doc! {"code": 11, "codeName": "UserNotFound", "errmsg": message};
    let command: mongodb::error::CommandError = mongodb::bson::deserialize_from_document(refusal).unwrap();
    ErrorKind::Command(command).into()
}

#[test]
fn words_that_repeat_a_secret_are_replaced_as_a_whole() {
    let uri = Uri::parse("mongodb://bob:p%40ss@a/alerts").unwrap();
    for words in ["no user bob", "sent p@ss", "sent p%40ss", "bobby"] {
        assert_eq!(uri.told(&refusal(words)), "error 11 of the server", "{words}");
    }
    assert_eq!(uri.told(&refusal("no such user")), "UserNotFound (11): no such user");
    let token =
        "mongodb://a/x?authMechanism=PLAIN&authMechanismProperties=SERVICE_NAME:t0ken&authSource=$external";
    if let Ok(uri) = Uri::parse(token) {
        assert_eq!(uri.told(&refusal("t0ken")), "error 11 of the server");
    }
}

#[test]
fn what_a_system_says_is_told_whole_whatever_words_it_shares_with_a_password() {
    for uri in ["mongodb://root:refused@a/x", "mongodb://Connection:e@a/x", "mongodb://connection:lost@a/x"] {
        let uri = Uri::parse(uri).unwrap();
        let system = std::io::Error::other("Connection refused (os error 111)");
        assert_eq!(uri.told(&system.into()), "Connection refused (os error 111)", "{uri}");
    }
}

#[test]
fn a_password_in_an_address_that_is_not_one_is_not_to_be_told_from_what_is_said_of_it() {
    let said = |password: &str| refused(&format!("mongodb://root:{password}@host/x?speed=1"));
    assert_eq!(said("speed"), MISTAKEN);
    assert!(said("s3cr").contains("speed"), "{}", said("s3cr"));
}

#[test]
fn mistakes_in_a_password_are_told_without_it() {
    for text in [
        "mongodb://bob:s3cr@t@host/db",
        "mongodb://bob:s3cr/t@host/db",
        "mongodb://bob:s3cr?t@host/db",
        "mongodb://bob:1?w=s3cr@host/db",
        "mongodb://bob:s3cr#t@host/db",
        "mongodb://bob:s3cr:t@host/db",
        "mongodb://bob:s3cr%t@host/db",
        "mongodb://bob:s3cr%é@host/db",
        "mongodb://bob:s3cr%ff@host/db",
        "mongodb://:s3cr@host/db",
        "mongodb://bob:s3cr t@host/db",
        "mongodb://bob:s3cr\n@host/db",
        "http://bob:s3cr@host/db",
        "mongodb:/bob:s3cr@host/db",
        "mongodb://bob:s3cr@host/db?authMechanismProperties=s3cr",
        "mongodb://bob:s3cr@host:port/db",
        "mongodb://bob:s3cr@/db",
    ] {
        let told = refused(text);
        assert!(!told.contains("s3cr") && !told.contains("bob"), "{text}: {told}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_is_allowed() {
    for (text, said) in [
        ("mongodb://host/admin", "databases of the server"),
        ("mongodb://host/Local", "databases of the server"),
        ("mongodb://host/a.b", "contains no '.'"),
        ("mongodb://host/a%00b", "contains no"),
        ("mongodb://host/a$b", "$"),
        (&format!("mongodb://host/{}", "x".repeat(64)), "1 to 63 bytes"),
        (&format!("mongodb://host/?appName={}", "x".repeat(5_000)), "at most 4096"),
        ("mongodb://host/?maxPoolSize=many", "maxpoolsize"),
        ("mongodb://host/?speed=1", "speed"),
        ("mongodb://", ""),
        ("postgres://host", "mongodb://"),
    ] {
        assert!(refused(text).contains(said), "{text}: {}", refused(text));
    }
}
