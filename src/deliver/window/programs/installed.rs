//! Lists the names that windows of installed programs can have, from desktop files and `PATH`. Only
//! for `v2m doctor`, because it reads hundreds of files.

use super::running::{listed_as, names_of, running};
use crate::regular::{self, Trust};
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Size limit of a desktop file, in bytes. LibreOffice's have 30 kB, because of translations.
const LONGEST: u64 = 256 << 10;
/// Limit on the number of desktop files, more than any system has.
const MOST: usize = 10_000;
/// Default of `XDG_DATA_DIRS` (XDG Base Directory Specification).
const DATA: &str = "/usr/local/share:/usr/share";
/// Minimum Jaro-Winkler similarity between a mistyped name and the suggestion. Among hundreds of
/// names, one is always somewhat similar.
const ALIKE: f64 = 0.88;

/// The names of a program in its desktop file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Installed {
    /// The file's name without `.desktop`, which is the application id.
    id: String,
    /// The window's class, and the program in `Exec`.
    others: Vec<String>,
    /// The display name in English.
    title: String,
}

/// The installed and the running programs.
#[derive(Debug)]
pub(crate) struct KnownPrograms {
    installed: Vec<Installed>,
    running: Vec<String>,
    path: Vec<PathBuf>,
}

impl KnownPrograms {
    /// Finds this desktop's programs. Blocks for tens of milliseconds.
    pub(crate) fn find() -> Self {
        let own = Xdg::new().ok().map(|folders| folders.data_dir());
        let others = env::var_os("XDG_DATA_DIRS").filter(|folders| !folders.is_empty());
        let others = others.unwrap_or_else(|| OsString::from(DATA));
        let folders: Vec<_> = own.into_iter().chain(env::split_paths(&others)).collect();
        let running = running().into_iter().map(|process| process.name).collect();
        Self::new(&folders, running, &env::var_os("PATH").unwrap_or_default())
    }

    /// Creates the list from the data folders, the running programs and `PATH`.
    fn new(folders: &[PathBuf], running: Vec<String>, path: &OsStr) -> Self {
        let installed =
            folders.iter().flat_map(|folder| desktop_files(&folder.join("applications")));
        let installed = installed.take(MOST).filter_map(|file| installed_by(&file)).collect();
        Self { installed, running, path: env::split_paths(path).collect() }
    }

    /// Whether a window of one of the programs can have this name. Compares names in the same way
    /// as `llm.applications`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let names = self.installed.iter().flat_map(|it| it.others.iter().chain([&it.id]));
        let mut all = names.chain(&self.running);
        if all.any(|known| listed_as(&[name], std::slice::from_ref(known)).is_some()) {
            return true;
        }
        let is_name = !name.contains('/');
        let forms = [name.to_owned(), name.to_lowercase()];
        is_name && forms.iter().any(|name| self.path.iter().any(|path| path.join(name).is_file()))
    }

    /// Returns the application id of the program that was probably meant: one with this display
    /// name, or else with a similar name.
    pub(crate) fn like(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        let titled = self.installed.iter().find(|it| it.title.to_lowercase() == name);
        let alike = |it: &Installed| {
            let names = it.others.iter().chain([&it.id]).flat_map(|name| names_of(name));
            let alike = names.map(|known| strsim::jaro_winkler(&name, &known));
            alike.max_by(f64::total_cmp).unwrap_or_default()
        };
        let nearest = || {
            let all = self.installed.iter().map(|it| (alike(it), it));
            let near = all.filter(|(alike, _)| *alike >= ALIKE);
            near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, it)| it)
        };
        titled.or_else(nearest).map(|it| it.id.as_str())
    }
}

/// Returns the desktop files in a folder and its direct subfolders.
fn desktop_files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_entry = |path: &PathBuf| path.extension().is_some_and(|it| it == "desktop");
    let (files, others): (Vec<_>, Vec<_>) =
        entries(folder).map(|entry| entry.path()).partition(is_entry);
    let below = others.iter().flat_map(|folder| entries(folder).map(|entry| entry.path()));
    files.into_iter().chain(below.filter(is_entry)).take(MOST).collect()
}

fn installed_by(file: &Path) -> Option<Installed> {
    let id = file.file_stem()?.to_str()?.to_owned();
    // Packages' files belong to root or, on NixOS and in containers, to anybody.
    let text = regular::read(file, Trust::Named, LONGEST).ok()?;
    let text = String::from_utf8_lossy(&text);
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(known, _)| known.trim_end() == key).map(|(_, value)| value.trim())
    };
    let others = value("StartupWMClass").into_iter().chain(value("Exec").and_then(program));
    let others = others.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Installed { id, others, title: value("Name").unwrap_or_default().to_owned() })
}

/// Returns the program's name in the value of `Exec`, skipping `env` and its variables.
fn program(exec: &str) -> Option<&str> {
    let mut words = exec.split_whitespace().map(|word| word.trim_matches('"'));
    let is_program = |word: &&str| {
        let is_option = word.starts_with('-') || word.contains('=');
        !is_option && word.rsplit('/').next() != Some("env")
    };
    words.find(is_program)?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> (tempfile::TempDir, KnownPrograms) {
        let data = tempfile::tempdir().unwrap();
        let below = data.path().join("applications/kde");
        fs::create_dir_all(&below).unwrap();
        for (name, text) in [
            (
                "org.gnome.Evolution",
                "[Desktop Entry]\nName=Evolution\nName[es]=Evolución\nExec=evolution %U\n",
            ),
            (
                "code",
                "[Desktop Entry]\nName=Visual Studio Code\nStartupWMClass=Code\n\
                 Exec=env X=1 \"/opt/code/bin/code-oss\" --new %F\n",
            ),
            ("kde/okular", "[Desktop Entry]\nName = Okular\nExec=/usr/bin/okular5\n"),
            ("broken", "\u{0}=\n"),
        ] {
            let file = data.path().join("applications").join(format!("{name}.desktop"));
            fs::write(file, text).unwrap();
        }
        fs::write(data.path().join("mutt"), "").unwrap();
        let path = data.path().as_os_str().to_owned();
        let running = vec!["slack".to_owned()];
        let known = KnownPrograms::new(&[data.path().to_owned()], running, &path);
        (data, known)
    }

    #[test]
    fn a_program_is_known_by_its_desktop_file_on_the_path_and_while_it_runs() {
        let (_data, known) = known();
        for name in [
            "org.gnome.Evolution",
            "evolution",
            "Evolution.desktop",
            "Code",
            "code-oss",
            "okular",
            "okular5",
            "Mutt",
            "Slack",
        ] {
            assert!(known.has(name), "{name}: {known:?}");
        }
        for name in ["Evolutoin", "org.gnome.Okular5.x", "env", "Visual Studio Code", "../mutt"] {
            assert!(!known.has(name), "{name}");
        }
    }

    #[test]
    fn what_was_meant_is_named_if_it_is_nearly_that_or_its_title() {
        let (_data, known) = known();
        assert_eq!(known.like("Evolutoin"), Some("org.gnome.Evolution"));
        assert_eq!(known.like("visual studio code"), Some("code"));
        assert_eq!(known.like("okulra"), Some("okular"));
        assert_eq!(known.like("thunderbird"), None);
    }
}
