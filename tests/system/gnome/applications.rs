//! Presets of applications on GNOME, where only programs themselves tell that they have the focus, as
//! long as the extension may not. With it: see `extension`.

use super::lab as machine;
use crate::lab::run;
use serde_json::{Value, json};

#[test]
fn a_program_that_tells_its_name_has_its_preset_and_one_that_does_not_has_none() {
    let (lab, desktop) = machine();
    // It needs no language model, and says as well which application was seen.
    run("v2m-send", &["config", "set", r#"llm.applications={"python3"="none"}"#]);
    for (telling, preset) in [
        (true, json!({"name": "none", "by": "application", "application": "python3"})),
        (false, Value::Null),
    ] {
        let window = desktop.window_that(telling, "field");
        let answer = lab.dictate();
        assert_eq!(answer["preset"], preset, "{telling}");
        assert_eq!(lab.client().ask("GET_STATUS")["preset"], preset);
        drop(window);
    }
}
