//! The documented default file: every key with its documentation, commented out.

use super::keys::{self, SECTIONS};
use super::settings::Settings;
use super::update::to_toml;
use v2m_messages::tr;

/// Returns the default file. A key's line begins with `#` and its name; lines of documentation
/// begin with `# `. It sets nothing except to the default. The documentation is in the language of
/// the messages.
pub fn default_toml() -> String {
    let defaults = Settings::default();
    let mut text = String::new();
    document(
        &mut text,
        tr!("v2m's configuration. Every key is optional; the values here are the defaults.\n\
             To change one, remove the # before it. An environment variable of the service, such as\n\
             V2M_ENGINE__LANGUAGE=es, overrides it. Most changes take effect at once."),
    );
    for (section, about) in SECTIONS {
        text.push('\n');
        document(&mut text, v2m_messages::text(about));
        text.push_str(&format!("[{section}]\n"));
        for key in keys::all().filter(|key| key.section == *section) {
            text.push('\n');
            document(&mut text, v2m_messages::text(key.doc));
            text.push_str(&format!("#{} = {}\n", key.name, to_toml(&(key.get)(&defaults))));
        }
    }
    text
}

fn document(text: &mut String, lines: &str) {
    for line in lines.lines() {
        text.push_str("# ");
        text.push_str(line);
        text.push('\n');
    }
}
