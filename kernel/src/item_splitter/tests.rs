//! Items of arrays and lines, in whatever pieces they come.

use proptest::prelude::*;

use super::*;

/// All items of a text that comes in pieces of this size.
fn split(form: ItemForm, text: &str, piece: usize) -> Result<Vec<String>, SplitError> {
    let mut splitter = ItemSplitter::new(form);
    let mut items = Vec::new();
    let whole = |item: Vec<u8>| String::from_utf8(item).unwrap().trim().to_owned();
    for mut piece in text.as_bytes().chunks(piece) {
        while let Some(item) = splitter.next(&mut piece)? {
            items.push(whole(item));
        }
    }
    items.extend(splitter.end()?.map(whole));
    Ok(items)
}

#[test]
fn an_array_is_split_at_its_own_commas() {
    let text = r#" [ {"a": [1, 2], "b": "x,]\"[{"}, "]", 3 ,[ ], null
    ] "#;
    for piece in [1, 2, 3, 100] {
        let items = split(ItemForm::Array, text, piece).unwrap();
        assert_eq!(items, [r#"{"a": [1, 2], "b": "x,]\"[{"}"#, r#""]""#, "3", "[ ]", "null"], "{piece}");
    }
    assert_eq!(split(ItemForm::Array, "[]", 1), Ok(vec![]));
}

#[test]
fn lines_are_items_but_for_empty_ones() {
    let items = split(ItemForm::Lines, "{\"a\": 1}\n\r\n [2]\r\n\"\\n\"", 2).unwrap();
    assert_eq!(items, [r#"{"a": 1}"#, "[2]", r#""\n""#]);
    assert_eq!(split(ItemForm::Lines, "\n \n", 1), Ok(vec![]));
}

#[test]
fn what_is_no_array_is_told() {
    for text in ["[1", "[1,]", "[,1]", "[1] 2", "[1]]", "[", "1", "", "[}"] {
        assert_eq!(split(ItemForm::Array, text, 1), Err(SplitError::Form), "{text}");
    }
    let large = format!("[\"{}\"]", "x".repeat(FILE_ITEM_BYTES));
    assert_eq!(split(ItemForm::Array, &large, 4_096), Err(SplitError::TooLarge));
    assert_eq!(split(ItemForm::Lines, &large, 4_096), Err(SplitError::TooLarge));
}

#[test]
fn the_form_is_that_of_the_first_character_or_as_declared() {
    assert_eq!(ItemForm::of(b" \n[1]", false), Some(ItemForm::Array));
    assert_eq!(ItemForm::of(b"[1]\n[2]", true), Some(ItemForm::Lines));
    assert_eq!(ItemForm::of(b"{}", false), Some(ItemForm::Lines));
    assert_eq!(ItemForm::of(b" \n", false), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Claim: an array of any values is split into them, in any pieces, and from the place after any item on.
    #[test]
    fn any_values_come_back(
        values in prop::collection::vec(any::<String>().prop_map(|text| serde_json::json!({"a": [text, {"b": text}]})), 0..8),
        piece in 1_usize..20,
        from in 0_usize..8,
    ) {
        let array = serde_json::to_string_pretty(&values).unwrap();
        let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
        for (form, text) in [(ItemForm::Array, &array), (ItemForm::Lines, &lines)] {
            let items = split(form, text, piece).unwrap();
            let read: Vec<serde_json::Value> = items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
            prop_assert_eq!(&read, &values);
            // The first of them, and the rest by another splitter.
            let (mut first, mut bytes) = (ItemSplitter::new(form), text.as_bytes());
            let mut taken = 0;
            while taken < from.min(values.len()) && first.next(&mut bytes).unwrap().is_some() {
                taken += 1;
            }
            if taken > 0 {
                let place = first.place();
                let mut rest = &text.as_bytes()[usize::try_from(place).unwrap()..];
                let mut second = ItemSplitter::after(form, place);
                let mut left = 0;
                while second.next(&mut rest).unwrap().is_some() {
                    left += 1;
                }
                prop_assert_eq!(taken + left, values.len());
            }
        }
    }
}
