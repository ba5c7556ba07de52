//! Finds the languages that the user reads in the environment.

/// Returns the languages in the environment, the preferred one first, as ISO 639-1 codes.
///
/// The rule is GNU gettext's ("The LANGUAGE variable" and "Locale environment variables" in its
/// manual): the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set and not empty names the
/// locale. `LANGUAGE`, a list, takes precedence over it, unless the locale is `C`.
pub(crate) fn languages(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    let Some(locale) = locale.filter(|locale| !["C", "POSIX"].contains(&name(locale))) else {
        return vec!["en".to_owned()];
    };
    let listed = set("LANGUAGE").unwrap_or_default();
    let entries = listed.split(':').filter(|entry| !entry.is_empty()).chain([locale.as_str()]);
    entries.map(|entry| name(entry).to_ascii_lowercase()).collect()
}

/// Returns the language of a locale: `es` of `es_MX.UTF-8@euro`.
fn name(locale: &str) -> &str {
    let end = locale.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(locale.len());
    &locale[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_languages_as_gettext_reads_it() {
        type Variables = &'static [(&'static str, &'static str)];
        let rows: [(Variables, &[&str]); 10] = [
            (&[], &["en"]),
            (&[("LANG", "es_ES.UTF-8")], &["es"]),
            (&[("LANG", "es_MX"), ("LC_MESSAGES", "de_DE@euro")], &["de"]),
            (&[("LANG", "es_MX"), ("LC_ALL", "C.UTF-8")], &["en"]),
            (&[("LANG", "es_MX"), ("LC_ALL", "")], &["es"]),
            (&[("LANG", "C"), ("LANGUAGE", "es")], &["en"]),
            (&[("LANGUAGE", "es")], &["en"]),
            (&[("LANG", "en_GB.UTF-8"), ("LANGUAGE", "es:en")], &["es", "en", "en"]),
            (&[("LANG", "fr_FR.UTF-8"), ("LANGUAGE", "ca::es_AR")], &["ca", "es", "fr"]),
            (&[("LANG", "POSIX")], &["en"]),
        ];
        for (environment, expected) in rows {
            let variable = |name: &str| {
                let found = environment.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(languages(variable), expected, "{environment:?}");
        }
    }
}
