//! Folders of models and shipped files, and the resolution of a name to a file.
//!
//! Models: `$V2M_MODEL_DIR`, else `$XDG_DATA_HOME/v2m/models` (new ones are written there too),
//! then `/usr/local/share/v2m/models` and `/usr/share/v2m/models`, which are only read. Shipped
//! files: `$V2M_ASSET_DIR`, `$XDG_DATA_HOME/v2m`, `../share/v2m` beside the executable's folder,
//! `/usr/local/share/v2m`, `/usr/share/v2m`. Nothing is opened or checked here except whether a
//! file of this name exists.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy::Xdg};

use crate::catalogue::{self, Form};
use v2m_messages::tr;

/// The voice activity model that v2m ships.
pub const VAD: &str = "ggml-silero-v6.2.0.bin";
/// The recording that the set-up transcribes, and its transcript.
pub const SAMPLE: (&str, &str) = ("sample.wav", "sample.txt");

const SYSTEM: [&str; 2] = ["/usr/local/share/v2m", "/usr/share/v2m"];

/// Why a name cannot be resolved to a file. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A model that v2m can download, but that is not installed.
    #[error("{}", tr!("the model `{name}` is not installed; fetch it with `v2m-model pull {name}`", name))]
    NotInstalled {
        /// The model's name.
        name: String,
    },
    /// A model that is neither in the catalogue nor in a folder.
    #[error("{}", tr!(
        "there is no model `{name}`{hint}; `v2m-model list` shows all, `v2m-model pull {default}` fetches the default one. \
         It is not in the catalogue, and there is neither {file} nor {other} in {folders}",
        name, hint = did_you_mean(.name), default = catalogue::DEFAULT, file = file_name_in(.name, Form::Ggml),
        other = file_name_in(.name, Form::Gguf), folders = listed(.looked)
    ))]
    Unknown {
        /// The requested name.
        name: String,
        /// The folders that were searched.
        looked: Vec<PathBuf>,
    },
    /// An absolute path without a file.
    #[error("{}", tr!(
        "there is no model file {path}; give the path of a model file, or fetch a model with `v2m-model pull {default}`",
        path = .0.display(), default = catalogue::DEFAULT
    ))]
    NoFile(PathBuf),
    /// Neither a name nor an absolute path.
    #[error("{}", tr!(
        "`{name}` is neither a model's name (as `v2m-model list` shows them) nor an absolute path",
        name = .0
    ))]
    NotAName(String),
    /// There is no home directory.
    #[error("{}", tr!("cannot find the folder for models: there is no home directory; set HOME or V2M_MODEL_DIR"))]
    NoHome,
    /// A shipped file is missing.
    #[error("{}", tr!(
        "the file {name}, which v2m ships, is not in {folders}; install v2m again, or set V2M_ASSET_DIR to the folder that holds it",
        name, folders = listed(.looked)
    ))]
    NoAsset {
        /// The file's name.
        name: String,
        /// The folders that were searched.
        looked: Vec<PathBuf>,
    },
}

impl PathError {
    /// Formats the message for a missing preview (`engine.preview`), which few models can be.
    #[must_use]
    pub fn for_preview(&self) -> String {
        let default = catalogue::DEFAULT_PREVIEW;
        match self {
            Self::Unknown { name, looked } => tr!(
                "there is no model `{name}`; `v2m-model pull {default}` fetches one for English that can be the preview. \
                 `{name}` is not in the catalogue, and there is neither {file} nor {other} in {folders}",
                name,
                default,
                file = file_name_in(name, Form::Ggml),
                other = file_name_in(name, Form::Gguf),
                folders = listed(looked)
            ),
            Self::NoFile(path) => tr!(
                "there is no model file {path}; give the path of a model file, or fetch a model for English that can be the \
                 preview with `v2m-model pull {default}`",
                path = path.display(),
                default
            ),
            other => other.to_string(),
        }
    }
}

fn did_you_mean(name: &str) -> String {
    match catalogue::near(name)[..] {
        [] => String::new(),
        [only] => tr!(" (did you mean {only}?)", only),
        [ref first @ .., last] => {
            tr!(" (did you mean {some} or {last}?)", some = first.join(", "), last)
        }
    }
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Returns the file name of a model: `base` → `ggml-base.bin`, and `moonshine-base-en` →
/// `moonshine-base-en.gguf`. For an unpublished model, returns the name of its ggml file.
#[must_use]
pub fn file_name(name: &str) -> String {
    file_name_in(name, catalogue::find(name).map_or(Form::Ggml, |model| model.form))
}

/// Returns the file name of a model in this format.
#[must_use]
pub fn file_name_in(name: &str, form: Form) -> String {
    match form {
        Form::Ggml => format!("ggml-{name}.bin"),
        Form::Gguf => format!("{name}.gguf"),
    }
}

/// Returns the model's name for a file name: `ggml-base.bin` or `base.gguf` → `base`. `None` for
/// other files, and for names that are invalid for [`file_name`]. The voice activity model is not a
/// model in this sense.
#[must_use]
pub fn name_of_file(file: &str) -> Option<&str> {
    let ggml = || file.strip_prefix("ggml-")?.strip_suffix(".bin");
    let name = file.strip_suffix(".gguf").or_else(ggml)?;
    (is_name(name) && !name.starts_with("silero-")).then_some(name)
}

/// Whether this can be a model's name: letters, digits, dot, dash, underscore, not starting with a
/// dot or dash.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.len() <= 100
        && name.bytes().all(plain)
}

/// The folders of this user and machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Folder for new models, also the first one searched.
    pub models: PathBuf,
    /// Further model folders, in order of search.
    pub more_models: Vec<PathBuf>,
    /// Folders for shipped files, in order of search.
    pub assets: Vec<PathBuf>,
    /// The home directory, which `~` stands for.
    pub home: PathBuf,
}

impl Places {
    /// Determines the folders from the environment.
    ///
    /// # Errors
    /// [`PathError::NoHome`] if there is no home directory.
    pub fn from_env() -> Result<Self, PathError> {
        let xdg = Xdg::new().map_err(|_| PathError::NoHome)?;
        let exe = env::current_exe().ok();
        Ok(Self::new(&xdg.data_dir(), xdg.home_dir(), exe.as_deref(), |key| env::var_os(key)))
    }

    /// Determines the folders from the user's data folder (`~/.local/share`), the home directory,
    /// this program's file and a look-up of environment variables.
    #[must_use]
    pub fn new(
        data: &Path,
        home: &Path,
        exe: Option<&Path>,
        var: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let set = |key| var(key).filter(|v| !v.is_empty()).map(PathBuf::from);
        let beside = exe.and_then(Path::parent).and_then(Path::parent).map(|p| p.join("share/v2m"));
        let mut assets: Vec<PathBuf> = set("V2M_ASSET_DIR").into_iter().collect();
        assets.push(data.join("v2m"));
        assets.extend(beside);
        assets.extend(SYSTEM.map(PathBuf::from));
        Self {
            models: set("V2M_MODEL_DIR").unwrap_or_else(|| data.join("v2m/models")),
            more_models: SYSTEM.map(|s| Path::new(s).join("models")).to_vec(),
            assets,
            home: home.to_owned(),
        }
    }

    /// Returns the model folders, in order of search.
    pub fn model_dirs(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.models).chain(&self.more_models).map(PathBuf::as_path)
    }

    /// Returns the file of a model: by its name (`base-q8_0`, or any NAME with a `ggml-NAME.bin` or
    /// `NAME.gguf` in a model folder), or by an absolute path (also `~/…`).
    ///
    /// # Errors
    /// If there is no such file; the text says what is missing and how to get it.
    pub fn resolve(&self, name_or_path: &str) -> Result<PathBuf, PathError> {
        if let Some(path) = self.as_path(name_or_path) {
            return if path.is_file() { Ok(path) } else { Err(PathError::NoFile(path)) };
        }
        let name = name_of_file(name_or_path).unwrap_or(name_or_path);
        if !is_name(name) {
            return Err(PathError::NotAName(name_or_path.to_owned()));
        }
        if let Some(found) = self.installed_at(name) {
            return Ok(found);
        }
        let name = name.to_owned();
        if catalogue::find(&name).is_some() {
            return Err(PathError::NotInstalled { name });
        }
        Err(PathError::Unknown { name, looked: self.model_dirs().map(Path::to_owned).collect() })
    }

    /// Returns the file of the model `name` in the first folder that has it.
    #[must_use]
    pub fn installed_at(&self, name: &str) -> Option<PathBuf> {
        let files = [Form::Ggml, Form::Gguf].map(|form| file_name_in(name, form));
        let paths = self.model_dirs().flat_map(|dir| files.iter().map(move |file| dir.join(file)));
        paths.into_iter().find(|path| path.is_file())
    }

    /// Returns every model in the folders: name and file, sorted by name. For duplicate names, it
    /// is the one that [`Self::resolve`] finds.
    #[must_use]
    pub fn installed(&self) -> Vec<(String, PathBuf)> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for entry in self.model_dirs().filter_map(|d| fs::read_dir(d).ok()).flatten().flatten() {
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(name_of_file) else { continue };
            if entry.path().is_file() && found.iter().all(|(n, _)| n != name) {
                found.push((name.to_owned(), entry.path()));
            }
        }
        found.sort();
        found
    }

    /// Returns a file that v2m ships, by its name: [`VAD`], [`SAMPLE`].
    ///
    /// # Errors
    /// [`PathError::NoAsset`] with the searched folders.
    pub fn resolve_asset(&self, name: &str) -> Result<PathBuf, PathError> {
        let here = self.assets.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
        here.ok_or_else(|| PathError::NoAsset {
            name: name.to_owned(),
            looked: self.assets.clone(),
        })
    }

    fn as_path(&self, text: &str) -> Option<PathBuf> {
        if let Some(rest) = text.strip_prefix("~/") {
            return Some(self.home.join(rest));
        }
        Path::new(text).is_absolute().then(|| PathBuf::from(text))
    }
}

/// Calls [`Places::resolve`] with the folders of the environment.
///
/// # Errors
/// If there is no such file; the text says what is missing and how to get it.
pub fn resolve(name_or_path: &str) -> Result<PathBuf, PathError> {
    Places::from_env()?.resolve(name_or_path)
}

/// Calls [`Places::resolve_asset`] with the folders of the environment.
///
/// # Errors
/// If there is no such file; the text lists the searched folders.
pub fn resolve_asset(name: &str) -> Result<PathBuf, PathError> {
    Places::from_env()?.resolve_asset(name)
}

/// Returns the folder for new models, which is also the one to watch for added models. It may not
/// exist yet.
///
/// # Errors
/// [`PathError::NoHome`] if there is no home directory.
pub fn user_dir() -> Result<PathBuf, PathError> {
    Ok(Places::from_env()?.models)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path, vars: &[(&str, &Path)]) -> Places {
        let mut places = Places::new(
            &root.join("data"),
            &root.join("home"),
            Some(&root.join("prefix/bin/v2m")),
            |key| vars.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_os_str().to_owned()),
        );
        // Models installed on this machine must not affect the test.
        places.more_models = vec![root.join("system")];
        places.assets.retain(|a| a.starts_with(root));
        places
    }

    fn put(path: PathBuf) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        path
    }

    #[test]
    fn a_name_is_looked_for_in_the_users_folder_and_then_in_the_systems() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path(), &[]);
        let system = put(dir.path().join("system/ggml-base.bin"));
        assert_eq!(p.resolve("base"), Ok(system));
        let user = put(dir.path().join("data/v2m/models/ggml-base.bin"));
        assert_eq!(p.resolve("base"), Ok(user.clone()));
        assert_eq!(p.resolve("ggml-base.bin"), Ok(user.clone()));
        assert_eq!(p.installed(), [("base".to_owned(), user)]);
    }

    #[test]
    fn a_model_of_the_users_own_is_found_by_its_name_and_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path(), &[("V2M_MODEL_DIR", &dir.path().join("mine"))]);
        let own = put(dir.path().join("mine/ggml-my.own-v1.bin"));
        assert_eq!(p.resolve("my.own-v1"), Ok(own.clone()));
        assert_eq!(p.resolve(own.to_str().unwrap()), Ok(own));
        let home = put(dir.path().join("home/m/x.bin"));
        assert_eq!(p.resolve("~/m/x.bin"), Ok(home));
    }

    #[test]
    fn a_model_in_gguf_form_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path(), &[]);
        assert_eq!(file_name("moonshine-base-en"), "moonshine-base-en.gguf");
        let own = put(dir.path().join("data/v2m/models/my-own.gguf"));
        assert_eq!(p.resolve("my-own"), Ok(own.clone()));
        assert_eq!(p.resolve("my-own.gguf"), Ok(own.clone()));
        assert_eq!(p.installed(), [("my-own".to_owned(), own)]);
    }

    #[test]
    fn errors_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path(), &[]);
        let text = |name: &str| p.resolve(name).unwrap_err().to_string();
        assert!(text("base-q8_0").contains("`v2m-model pull base-q8_0`"));
        // Both forms of the name are looked for.
        assert!(text("nope").contains("neither ggml-nope.bin nor nope.gguf"));
        for missing in ["nope", "/nope"] {
            let preview = p.resolve(missing).unwrap_err().for_preview();
            assert!(preview.contains("`v2m-model pull moonshine-base-en`"), "{preview}");
            assert!(!preview.contains("base-q8_0"), "{preview}");
        }
        assert!(text("bäse").contains("neither"));
        assert!(text("nothing-like-it").contains("ggml-nothing-like-it.bin"));
        assert!(text("/no/such/file.bin").contains("/no/such/file.bin"));
        for sly in ["../base", "a/b", "", ".", "-x", "a\nb"] {
            assert_eq!(p.resolve(sly), Err(PathError::NotAName(sly.to_owned())));
        }
    }

    #[test]
    fn shipped_files_are_found_by_override_then_data_folder_then_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path(), &[("V2M_ASSET_DIR", &dir.path().join("a"))]);
        assert!(
            matches!(p.resolve_asset(VAD), Err(PathError::NoAsset { looked, .. }) if looked.len() == 3)
        );
        for place in ["prefix/share/v2m", "data/v2m", "a"] {
            let file = put(dir.path().join(place).join(VAD));
            assert_eq!(p.resolve_asset(VAD), Ok(file));
        }
    }

    #[test]
    fn the_voice_activity_model_and_parts_are_not_listed_as_models() {
        assert_eq!(name_of_file("ggml-base.bin"), Some("base"));
        assert_eq!(name_of_file("moonshine-base-en.gguf"), Some("moonshine-base-en"));
        for other in [VAD, "ggml-base.bin.part", "base.bin", "ggml-.bin", ".gguf", "x.gguf.part"] {
            assert_eq!(name_of_file(other), None, "{other}");
        }
    }

    #[test]
    fn the_shipped_files_are_the_ones_their_readme_describes() {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
        let readme = fs::read_to_string(assets.join("README.md")).unwrap();
        for name in [VAD, SAMPLE.0] {
            let digest = {
                use sha2::Digest;
                let hash = sha2::Sha256::digest(fs::read(assets.join(name)).unwrap());
                hash.iter().map(|b| format!("{b:02x}")).collect::<String>()
            };
            let row = readme.lines().find(|l| l.contains(name) && l.contains(&digest));
            assert!(row.is_some(), "{name} has another digest: {digest}");
        }
        assert!(
            fs::read_to_string(assets.join(SAMPLE.1)).unwrap().starts_with("And so, my fellow")
        );
    }
}
