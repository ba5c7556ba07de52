//! Commands on local files: import, quantize, verify, path, rm.

use std::fs;
use std::path::{Path, PathBuf};

use v2m_messages::tr;
use v2m_models::catalogue::{self, Form};
use v2m_models::family::{self, Family, Unheard};
use v2m_models::paths::{self, PathError, Places};
use v2m_models::quantise::{QuantisedType, quantise};
use v2m_models::{
    Doing, FILE_MODE, ModelError, gguf, import as ct2, inspect, moonshine_import as moonshine,
    verify as digest,
};

use crate::failure::CommandError;
use crate::progress::{Progress, say, size};
use crate::{attribution, select};

/// Lets `make` write a model beside its final path, and moves it there only if it is what its name
/// promises: the published file for a published name, a valid model for any other.
pub(crate) fn place(
    places: &Places,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), CommandError>,
) -> Result<PathBuf, CommandError> {
    let form = catalogue::find(name).map_or(Form::Ggml, |model| model.form);
    place_in(places, name, form, make)
}

/// Does the same as [`place`] for a model in this form.
fn place_in(
    places: &Places,
    name: &str,
    form: Form,
    make: impl FnOnce(&Path) -> Result<(), CommandError>,
) -> Result<PathBuf, CommandError> {
    let path = places.models.join(paths::file_name_in(name, form));
    let made = v2m_files::beside(&path, "made");
    let outcome = make(&made).and_then(|()| checked(name, form, &made)).and_then(|()| {
        let placed = v2m_files::put_in_place(&made, &path, FILE_MODE);
        placed.map_err(ModelError::io(Doing::Write, &path))?;
        if let Some(model) = catalogue::find(name) {
            attribution::write(model, &path)?;
        }
        Ok(path)
    });
    if outcome.is_err() {
        // Report the original error, even if the cleanup fails.
        let _ = fs::remove_file(&made);
    }
    outcome
}

fn checked(name: &str, form: Form, file: &Path) -> Result<(), CommandError> {
    match (catalogue::find(name), form) {
        (Some(model), _) => Ok(digest::check(file, model.sha256, &mut |_| ())?),
        // The form comes from the final path, because this temporary file has another extension.
        (None, Form::Ggml) => Ok(v2m_models::ggml::inspect(file).map(drop)?),
        (None, Form::Gguf) => {
            gguf::inspect(file)?;
            Ok(gguf::check_weights(file)?)
        }
    }
}

/// Sources of an import.
enum Source {
    /// A folder with a CTranslate2 model.
    Ct2(PathBuf),
    /// A folder with Moonshine's weights for ONNX Runtime.
    Onnx(PathBuf),
    /// A file in GGUF form, to be checked and copied.
    Gguf(PathBuf),
}

impl Source {
    fn at(path: PathBuf) -> Self {
        if path.is_file() {
            Self::Gguf(path)
        } else if moonshine::is_here(&path) {
            Self::Onnx(path)
        } else {
            Self::Ct2(path)
        }
    }

    fn form(&self) -> Form {
        match self {
            Self::Ct2(_) => Form::Ggml,
            Self::Onnx(_) | Self::Gguf(_) => Form::Gguf,
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Ct2(folder) | Self::Onnx(folder) => name_from(folder),
            Self::Gguf(file) => Some(file.file_stem()?.to_str()?.to_owned()),
        }
    }

    /// Returns the approximate number of bytes to be written.
    fn bytes(&self) -> Result<u64, ModelError> {
        let size =
            |file: &Path| Ok(fs::metadata(file).map_err(ModelError::io(Doing::Open, file))?.len());
        match self {
            Self::Ct2(folder) => size(&folder.join("model.bin")),
            Self::Gguf(file) => size(file),
            // One byte becomes nine eighths, and convolutions become wider.
            Self::Onnx(folder) => {
                let sizes = moonshine::FILES[..2].iter().map(|name| size(&folder.join(name)));
                Ok(sizes.sum::<Result<u64, ModelError>>()? * 6 / 5)
            }
        }
    }

    fn make(&self, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), ModelError> {
        match self {
            Self::Ct2(folder) => ct2::import(folder, to, progress),
            Self::Onnx(folder) => moonshine::import(folder, to, progress),
            Self::Gguf(file) => {
                gguf::inspect(file)?;
                if let Some(folder) = to.parent() {
                    fs::create_dir_all(folder).map_err(ModelError::io(Doing::Create, folder))?;
                }
                let copied = fs::copy(file, to).map_err(ModelError::io(Doing::Write, to))?;
                progress(copied);
                Ok(())
            }
        }
    }
}

pub(crate) fn import(
    places: &Places,
    from: &Path,
    name: Option<String>,
) -> Result<(), CommandError> {
    let from = fs::canonicalize(from).map_err(ModelError::io(Doing::Open, from))?;
    let source = Source::at(from.clone());
    let name = name.or_else(|| source.name()).filter(|name| paths::is_name(name));
    let name = name.ok_or_else(|| {
        CommandError::Refused(
            tr!("give the new model a name of letters, digits, dots, dashes: --name NAME").into(),
        )
    })?;
    refuse_to_replace(places, &name)?;
    let mut progress = Progress::new(&tr!("importing {name}", name), source.bytes()?, 0);
    let path =
        place_in(places, &name, source.form(), |to| Ok(source.make(to, &mut |n| progress.add(n))?));
    drop(progress);
    let path = path.map_err(|failure| other_name(&name, named_after(&from, failure)))?;
    report(&name, &path)?;
    restrictions(&name, &path)
}

/// Names the user's file or folder in an error about the temporary copy, which is removed.
fn named_after(from: &Path, failure: CommandError) -> CommandError {
    match failure {
        CommandError::Model(ModelError::Bad { path, what }) if !path.exists() => {
            ModelError::bad(from, what).into()
        }
        other => other,
    }
}

/// Reports what an imported model may not be used for.
fn restrictions(name: &str, path: &Path) -> Result<(), CommandError> {
    if Form::of(path) != Form::Gguf {
        return Ok(());
    }
    let summary = gguf::inspect(path)?;
    if summary.is_for_previews_only() {
        let reason = family::for_previews_only();
        say(tr!(
            "{name}: {reason}; use it so: v2m-send config set engine.preview={name}",
            name,
            reason
        ));
    }
    if summary.family == Family::DriftingParakeet {
        let reason = Unheard::Drifts.reason(&summary);
        say(tr!("{name}: {reason}", name, reason));
    }
    Ok(())
}

/// Derives the model's name from the folder: from
/// `…/models--Systran--faster-whisper-base.en/snapshots/HASH`, as downloaded by faster-whisper,
/// otherwise from the folder's own name.
fn name_from(folder: &Path) -> Option<String> {
    let parts = folder.iter().filter_map(|part| part.to_str());
    let hub = parts.filter_map(|p| p.strip_prefix("models--")?.rsplit("--").next()).next_back();
    let own = folder.file_name()?.to_str();
    let name = hub.or(own)?;
    Some(name.strip_prefix("faster-whisper-").unwrap_or(name).to_owned())
}

fn other_name(name: &str, failure: CommandError) -> CommandError {
    match failure {
        CommandError::Model(ModelError::Digest { .. }) => CommandError::Refused(tr!(
            "this is not the published {name} (its weights were changed or stored with less precision); \
             give it a name of its own: --name my-{name}",
            name
        )),
        other => other,
    }
}

pub(crate) fn quantize(
    places: &Places,
    name: &str,
    target: QuantisedType,
) -> Result<(), CommandError> {
    let from = places.resolve(name)?;
    let base = paths::name_of_file(name).unwrap_or(name);
    if !paths::is_name(base) {
        return Err(PathError::NotAName(name.to_owned()).into());
    }
    let new = format!("{base}-{}", target.suffix());
    refuse_to_replace(places, &new)?;
    let path = quantised(places, &new, &from, target)?;
    report(&new, &path)
}

/// Quantises the f16 model `from` to the model `name`.
pub(crate) fn quantised(
    places: &Places,
    name: &str,
    from: &Path,
    target: QuantisedType,
) -> Result<PathBuf, CommandError> {
    let bytes = fs::metadata(from).map_err(ModelError::io(Doing::Open, from))?.len();
    let mut progress = Progress::new(&tr!("making {name}", name), bytes, 0);
    place(places, name, |to| Ok(quantise(from, to, target, &mut |n| progress.add(n))?))
}

fn refuse_to_replace(places: &Places, name: &str) -> Result<(), CommandError> {
    match places.installed_at(name) {
        None => Ok(()),
        Some(path) => Err(CommandError::Refused(tr!(
            "there is a model {name} already, {path}; remove it first: v2m-model rm {name}",
            name,
            path = path.display()
        ))),
    }
}

fn report(name: &str, path: &Path) -> Result<(), CommandError> {
    let bytes = fs::metadata(path).map_err(ModelError::io(Doing::Read, path))?.len();
    let (size, path) = (size(bytes), path.display());
    say(if catalogue::find(name).is_some() {
        tr!("{name}: the published file, {size}, {path}", name, size, path)
    } else {
        tr!("{name}: a model of your own, {size}, {path}", name, size, path)
    });
    Ok(())
}

pub(crate) fn verify(places: &Places, names: &[String]) -> Result<(), CommandError> {
    let all: Vec<(String, PathBuf)> = if names.is_empty() {
        places.installed()
    } else {
        let resolve = |name: &String| Ok((name.clone(), places.resolve(name)?));
        names.iter().map(resolve).collect::<Result<_, PathError>>()?
    };
    if all.is_empty() {
        say(tr!("no models are installed; fetch one with `v2m-model pull`"));
    }
    let bad = all.iter().filter(|(name, path)| !is_sound(name, path)).count();
    match bad {
        0 => Ok(()),
        bad => Err(CommandError::Damaged(tr!(
            "{bad} of {all} models are damaged or not the published ones",
            bad,
            all = all.len()
        ))),
    }
}

fn is_sound(name: &str, path: &Path) -> bool {
    let short = paths::name_of_file(name).unwrap_or(name);
    let outcome = match catalogue::find(short) {
        Some(model) => {
            let mut progress = Progress::new(short, model.bytes, 0);
            match digest::check(path, model.sha256, &mut |n| progress.add(n)) {
                Err(ModelError::Digest { found, .. }) if model.is_earlier(&found) => Ok(tr!(
                    "{name}: ok, made by an earlier version of v2m; `v2m-model pull {short}` replaces it with a \
                     smaller and faster file",
                    name,
                    short
                )),
                checked => checked.map(|()| tr!("{name}: ok, the published file", name)),
            }
        }
        None => inspect(path).and_then(|summary| {
            if Form::of(path) == Form::Gguf {
                gguf::check_weights(path)?;
            }
            let weights = summary.weights.unwrap_or(tr!("weights of another kind"));
            let sha256 = digest::sha256(path, &mut |_| ())?;
            Ok(tr!(
                "{name}: whole, {weights}; not a published model, SHA-256 {sha256}",
                name,
                weights,
                sha256
            ))
        }),
    };
    match &outcome {
        Ok(text) => say(text),
        Err(error) => say(tr!("{name}: DAMAGED: {error}", name, error)),
    }
    outcome.is_ok()
}

pub(crate) fn path(places: &Places, name: &str) -> Result<(), CommandError> {
    say(places.resolve(name)?.display());
    Ok(())
}

pub(crate) fn remove(places: &Places, name: &str, force: bool) -> Result<(), CommandError> {
    let name = paths::name_of_file(name).unwrap_or(name);
    if !paths::is_name(name) {
        return Err(PathError::NotAName(name.to_owned()).into());
    }
    let own =
        [Form::Ggml, Form::Gguf].map(|form| places.models.join(paths::file_name_in(name, form)));
    let here = own.into_iter().find(|path| path.is_file());
    let path = here.unwrap_or_else(|| places.models.join(paths::file_name(name)));
    let part = v2m_files::beside(&path, "part");
    if !path.is_file() && !part.is_file() {
        let file = places.resolve(name)?;
        return Err(CommandError::Refused(tr!(
            "{path} belongs to the system; remove it as the administrator, or by the package manager",
            path = file.display()
        )));
    }
    if !force && path.is_file() && select::is_selected(places, name) {
        return Err(CommandError::Refused(tr!(
            "{name} is the model that v2m uses; select another one first (v2m-model use NAME), or use --force",
            name
        )));
    }
    for file in [&path, &part] {
        if file.is_file() {
            fs::remove_file(file).map_err(ModelError::io(Doing::Remove, file))?;
            say(tr!("removed {path}", path = file.display()));
        }
    }
    Ok(attribution::remove(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_faster_whisper_give_their_models_name() {
        for (folder, name) in [
            ("/c/hub/models--Systran--faster-whisper-base.en/snapshots/3d3d5dee", "base.en"),
            (
                "/c/models--mobiuslabsgmbh--faster-whisper-large-v3-turbo/snapshots/0a",
                "large-v3-turbo",
            ),
            ("/home/me/faster-whisper-small", "small"),
            ("/home/me/mine", "mine"),
        ] {
            assert_eq!(name_from(Path::new(folder)).as_deref(), Some(name));
        }
    }
}
