//! Turns `po/*.po` into a sorted table for each language.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The only plural rule that `Catalogue::plural` supports.
const PLURALS: &str = "nplurals=2; plural=(n != 1);";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../po");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "po"))
        .collect();
    files.sort_unstable();
    let mut code = "static CATALOGUES: &[Catalogue] = &[\n".to_owned();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let language = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a file's name")?;
        table(&mut code, language, &file).map_err(|why| format!("{}: {why}", file.display()))?;
    }
    code.push_str("];\n");
    let target = Path::new(&std::env::var("OUT_DIR")?).join("catalogues.rs");
    Ok(std::fs::write(target, code)?)
}

/// Appends the catalogue in `file` to the code.
fn table(code: &mut String, language: &str, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let catalogue = polib::po_file::parse(file)?;
    let rule = catalogue.metadata.plural_rules.dump();
    if rule.trim() != PLURALS {
        return Err(format!("Plural-Forms is {rule:?}; only {PLURALS:?} is supported").into());
    }
    let mut rows = Vec::new();
    for message in catalogue.messages() {
        // An entry without a translation, or marked as fuzzy, is left out, so the English text is
        // shown.
        if !message.is_translated() || message.is_fuzzy() {
            continue;
        }
        let id = match message.msgctxt() {
            None | Some("") => message.msgid().to_owned(),
            Some(context) => format!("{context}\u{4}{}", message.msgid()),
        };
        let texts = if message.is_plural() {
            message.msgstr_plural()?.clone()
        } else {
            vec![message.msgstr()?.to_owned()]
        };
        rows.push((id, texts));
    }
    rows.sort_unstable();
    writeln!(code, "    Catalogue {{ language: {language:?}, rows: &[")?;
    for (id, texts) in rows {
        writeln!(code, "        ({id:?}, &{texts:?}),")?;
    }
    code.push_str("    ] },\n");
    Ok(())
}
