//! Presets of applications on GNOME without reports from the extension: only the programs
//! themselves report that they have the focus. With its reports: see `extension`.

use super::lab as machine;
use crate::lab::{Lab, run, wait_for};
use serde_json::{Value, json};

/// Dictates until this preset is chosen. On a busy machine, a program's report may come too late to
/// count.
pub(super) fn dictate_with(lab: &Lab, preset: &Value) {
    wait_for("the preset of the application", || {
        let answer = lab.dictate();
        assert!([preset, &Value::Null].contains(&&answer["preset"]), "{answer}");
        (answer["preset"] == *preset).then_some(())
    });
    assert_eq!(lab.client().ask("GET_STATUS")["preset"], *preset);
}

#[test]
fn a_program_that_tells_its_name_has_its_preset_and_one_that_does_not_has_none() {
    let (lab, desktop) = machine();
    // This preset needs no language model, and also shows which application was recognised.
    run("v2m-send", &["config", "set", r#"llm.applications={"python3"="none"}"#]);
    let window = desktop.window_that(true, "field");
    let preset = json!({"name": "none", "by": "application", "application": "python3"});
    dictate_with(&lab, &preset);
    drop(window);
    let _window = desktop.window_that(false, "field");
    assert_eq!(lab.dictate().get("preset"), None);
    assert_eq!(lab.client().ask("GET_STATUS").get("preset"), None);
}
