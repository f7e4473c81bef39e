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

#[test]
fn the_words_of_others_are_masked_as_written_and_as_meant() {
    let uri = Uri::parse("mongodb://bob:p%40ss@a/alerts").unwrap();
    let told = uri.masked("user bob failed with p@ss, sent as p%40ss");
    assert_eq!(told, "user *** failed with ***, sent as ***");
    let token =
        "mongodb://a/x?authMechanism=PLAIN&authMechanismProperties=SERVICE_NAME:t0ken&authSource=$external";
    if let Ok(uri) = Uri::parse(token) {
        assert_eq!(uri.masked("t0ken"), "***");
    }
}

#[test]
fn a_secret_that_is_part_of_another_leaves_nothing_of_it() {
    let uri = Uri::parse("mongodb://pass:password1@a/x").unwrap();
    assert_eq!(uri.masked("password1 pass"), "*** ***");
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
