//! What is read of a large text, by example.

use proptest::prelude::*;
use serde_json::Value as Tree;

use super::*;
use crate::references::{Wanted, WantedKey};
use crate::template::json;

fn whole(text: &str) -> Tree {
    read_part(text, None, WantedPart::WHOLE)
}

fn read_part(text: &str, outline: Option<&Outline>, wanted: WantedPart<'_>) -> Tree {
    let meter = Meter::new();
    let value = read(&meter, text, outline, wanted).unwrap();
    json::tree(&meter, &value, &mut usize::MAX.clone(), 0).unwrap().try_into().unwrap()
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        any::<u64>().prop_map(Tree::from),
        any::<f64>().prop_map(Tree::from),
        any::<String>().prop_map(Tree::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Tree::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_as_it_is(tree in tree()) {
        prop_assert_eq!(whole(&tree.to_string()), tree.clone());
        prop_assert_eq!(whole(&serde_json::to_string_pretty(&tree).unwrap()), tree);
    }

    #[test]
    fn an_outline_changes_nothing_of_what_is_read(
        values in prop::collection::vec(tree(), 1..8),
        least in 1_usize..40,
        (name, item) in (0_usize..8, 0_u64..4),
    ) {
        let fields: serde_json::Map<String, Tree> =
            values.into_iter().enumerate().map(|(n, value)| (format!("f{n}"), value)).collect();
        let text = Tree::Object(fields).to_string();
        let mut wanted = Wanted::default();
        wanted.add(vec![WantedKey::Name(format!("f{name}").into()), WantedKey::Index(item)], true);
        wanted.add(vec![WantedKey::Name("f0".into())], true);
        wanted.settle();
        let outline = Outline::of(&text, least);
        for wanted in [wanted.all(), WantedPart::WHOLE] {
            prop_assert_eq!(
                read_part(&text, Some(&outline), wanted),
                read_part(&text, None, wanted)
            );
        }
    }

    #[test]
    fn any_text_ends_without_a_panic(text in "[\\[\\]{}\",:\\\\0-9a-z .é-]{0,40}", least in 1_usize..9) {
        let _ = read(&Meter::new(), &text, None, WantedPart::WHOLE);
        let _ = read(&Meter::new(), &text, Some(&Outline::of(&text, least)), WantedPart::WHOLE);
    }
}

#[test]
fn only_what_is_wanted_is_made() {
    let mut wanted = Wanted::default();
    wanted.add(vec![WantedKey::Name("a".into()), WantedKey::Index(1)], true);
    wanted.add(vec![WantedKey::Name("\"q\"".into())], true);
    wanted.add(vec![WantedKey::Name("there".into())], false);
    wanted.settle();
    let text = r#"{"a":[1,{"b":[2]},3],"big":[[],[{"a":"]"}]],"\"q\"":"\n","there":{"x":1},"a2":4}"#;
    let meter = Meter::new();
    let value = read(&meter, text, None, wanted.all()).unwrap();
    let tree = json::tree(&meter, &value, &mut usize::MAX.clone(), 0).unwrap();
    assert_eq!(tree, serde_json::json!({"a": [null, {"b": [2]}], "\"q\"": "\n", "there": null}));
}

#[test]
fn what_is_large_and_not_wanted_costs_nothing_where_the_outline_is_known() {
    let text = format!(r#"{{"rows":[{}{{}}],"score":7}}"#, "{},".repeat(300_000));
    let mut wanted = Wanted::default();
    wanted.add(vec![WantedKey::Name("score".into())], true);
    let meter = Meter::new();
    read(&meter, &text, Some(&Outline::of(&text, 1_000)), wanted.all()).unwrap();
    assert!(meter.taken().0 < 500, "{:?}", meter.taken());
}

#[test]
fn one_field_of_a_large_text_costs_little_memory() {
    let text = format!(r#"{{"rows":[{}{{}}],"score":7}}"#, "{},".repeat(300_000));
    let mut wanted = Wanted::default();
    wanted.add(vec![WantedKey::Name("score".into())], true);
    let meter = Meter::new();
    read(&meter, &text, None, wanted.all()).unwrap();
    assert!(meter.taken().1 < 1_000, "{:?}", meter.taken());
}
