//! Values that are handed on by reference: a text that is one path to a value which is kept as its own text.

use super::*;

fn json(text: &str, data: &Data) -> Result<(Json, u64), String> {
    let template = Template::compile("x", &text.into()).map_err(|mistakes| mistakes[0].to_string())?;
    let (rendered, spent) = template.render_json_metered(data);
    let rendered = rendered.map_err(|failure| failure.message)?;
    let tree = template.render(data).map_err(|failure| failure.message)?;
    assert_eq!(rendered.value(), tree, "{text}: the same value as ever");
    Ok((rendered, spent.work))
}

#[test]
fn a_whole_value_is_handed_on_by_reference_whatever_its_size() {
    let large = json!({ "list": vec!["x".repeat(20); 20_000] });
    let data = Data::new(large);
    let small = Data::new(json!({}));
    for text in
        ["{{ input }}", "{{ steps.lookup.output }}", "{{ steps['lookup'].output }}", "{{ constants }}"]
    {
        let (rendered, work) = json(text, &data).unwrap();
        let kept = [&data.input, &data.output, &data.variables];
        assert!(kept.iter().any(|kept| kept.is_same_text(&rendered)), "{text}");
        assert_eq!(work, json(text, &small).unwrap().1, "{text}: its cost does not grow with it");
    }
}

#[test]
fn any_other_text_is_rendered_and_a_value_that_is_not_there_fails_as_ever() {
    let data = Data::new(json!({"list": [1, 2]}));
    for (text, expected) in [
        ("{{ input.list }}", "[1,2]"),
        ("{{ input|length }}", "1"),
        ("{{ input }} ", "\"{\\\"list\\\":[1,2]} \""),
        ("{{ steps.lookup.output.score }}", "90"),
        ("{{ steps.lookup.status }}", "\"completed\""),
        ("{{ variables.limit }}", "80"),
    ] {
        let (rendered, _) = json(text, &data).unwrap();
        assert_eq!(rendered.as_str(), expected, "{text}");
        assert!(!rendered.is_same_text(&data.input), "{text}");
    }
    let missing = json("{{ steps['block-ip'].output }}", &data).unwrap_err();
    assert!(missing.contains("output"), "{missing}");
}
