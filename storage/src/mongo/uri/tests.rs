//! The addresses that are accepted, and their text in messages.

use super::*;

fn refused(text: &str) -> String {
    Uri::parse(text).err().unwrap_or_else(|| panic!("taken: {text}"))
}

#[test]
fn an_address_is_shown_as_hosts_and_database() {
    let uri = Uri::parse("mongodb://soar:p%40ss%3A1@a:1,b/alerts?authSource=admin&tls=true").unwrap();
    for shown in [uri.to_string(), format!("{uri:?}")] {
        assert_eq!(shown, "mongodb://a:1,b/alerts");
    }
    assert_eq!(uri.database(), Some("alerts"));
    let uri = Uri::parse("mongodb://bob:s3cr@localhost/?w=1").unwrap();
    assert_eq!(uri.to_string(), "mongodb://localhost/updraft", "the database that is taken");
    assert_eq!(uri.with_database("soar").to_string(), "mongodb://localhost/soar");
    assert_eq!(Uri::parse("mongodb+srv://u:p@c.example.net/").unwrap().database(), None);
}

#[test]
fn what_is_said_of_a_mistake_does_not_depend_on_the_login() {
    let said = |login: &str| refused(&format!("mongodb://{login}@host/x?speed=s3cr"));
    assert_eq!(said("root:speed"), said("root:s3cr"));
    assert_eq!(said("speed:1"), said("root:s3cr"));
    assert!(said("root:s3cr").contains("speed") && !said("root:s3cr").contains("s3cr"));
}

#[test]
fn a_value_of_an_option_is_never_repeated() {
    for option in [
        "authMechanism=s3cr",
        "authMechanismProperties=s3cr",
        "directConnection=s3cr",
        "maxPoolSize=s3cr",
        "readPreference=s3cr",
        "s3cr",
        "s3cr-of-bob=1",
        "speed=s3cr",
        "tls=s3cr",
        "w=1&retryWrites=s3cr",
    ] {
        for login in ["", "bob:p@"] {
            let told = refused(&format!("mongodb://{login}host/db?{option}"));
            assert!(!told.contains("s3cr") && !told.contains("bob"), "{option}: {told}");
        }
    }
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
        assert!(refused(text).to_lowercase().contains(&said.to_lowercase()), "{text}: {}", refused(text));
    }
}
