//! The addresses that are accepted, and their text in messages.

use super::*;

#[cfg(feature = "mongodb")]
#[test]
fn an_address_says_which_store() {
    assert_eq!("embedded".parse(), Ok(StoreAddress::Embedded));
    let address: StoreAddress = "mongodb://soar:s3cr%40t@a:1,b:2/alerts?w=1".parse().unwrap();
    let StoreAddress::MongoDb(mongo) = &address else { panic!("{address}") };
    assert_eq!(mongo.database(), Some("alerts"));
    let srv: StoreAddress = "mongodb+srv://cluster.example.net".parse().unwrap();
    assert_eq!(srv.to_string(), "mongodb+srv://cluster.example.net/updraft");
}

#[cfg(feature = "mongodb")]
#[test]
fn no_way_of_showing_it_shows_credentials() {
    let address: StoreAddress = "mongodb://soar:s3cr%40t@a:1,b:2/alerts?w=1".parse().unwrap();
    let StoreAddress::MongoDb(mongo) = &address else { panic!("{address}") };
    let shown = [
        address.to_string(),
        format!("{address:?}"),
        format!("{address:#?}"),
        mongo.to_string(),
        format!("{mongo:?}"),
        format!("{:?}", mongo.builder().database("x")),
    ];
    for shown in shown {
        assert!(!shown.contains("soar") && !shown.contains("s3cr"), "{shown}");
        assert!(shown.contains("mongodb://a:1,b:2/") && !shown.contains("w=1"), "{shown}");
    }
}

#[cfg(feature = "mongodb")]
#[test]
fn what_is_no_address_is_told_without_its_words() {
    for text in ["", "Embedded", "sqlite:///s3cr", "redis://u:s3cr@h", "/var/s3cr", "MONGODB://u:s3cr@h"] {
        let error = text.parse::<StoreAddress>().unwrap_err();
        assert_eq!(error, AddressError::Unknown, "{text}");
        assert!(!error.to_string().contains("s3cr") && error.to_string().contains("embedded"));
    }
    for text in ["mongodb:/h", "mongodb:u:s3cr@h", "mongodb://u:s3cr@@h", "mongodb://h/admin"] {
        let error = text.parse::<StoreAddress>().unwrap_err();
        assert!(matches!(error, AddressError::MongoDb(_)), "{text}");
        assert!(!error.to_string().contains("s3cr"), "{error}");
        assert!(error.to_string().starts_with("not an address of MongoDB: "), "{error}");
    }
}

#[cfg(not(feature = "mongodb"))]
#[test]
fn an_address_of_a_store_that_was_left_out_is_told_as_such() {
    assert_eq!("mongodb://soar:s3cr@a/x".parse::<StoreAddress>(), Err(AddressError::LeftOut));
    assert_eq!("redis://u:s3cr@h".parse::<StoreAddress>(), Err(AddressError::Unknown));
    assert_eq!("embedded".parse(), Ok(StoreAddress::Embedded));
}
