//! Commands on files that are here: import, quantize, verify, path, rm.

use std::fs;
use std::path::{Path, PathBuf};

use v2m_messages::tr;
use v2m_models::catalogue::{self, Weights};
use v2m_models::ggml;
use v2m_models::paths::{self, PathError, Places};
use v2m_models::quantise::{QuantisedType, quantise};
use v2m_models::{Doing, FILE_MODE, ModelError, import as ct2, verify as digest};

use crate::failure::CommandError;
use crate::progress::{Progress, say, size};
use crate::select;

/// Has `make` make a model beside its place and puts it there only if it is what its name promises:
/// the published file for a published name, a whole model for any other.
pub(crate) fn place(
    places: &Places,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), CommandError>,
) -> Result<PathBuf, CommandError> {
    let path = places.models.join(paths::file_name(name));
    let made = v2m_files::beside(&path, "made");
    let outcome = make(&made).and_then(|()| checked(name, &made)).and_then(|()| {
        let placed = v2m_files::put_in_place(&made, &path, FILE_MODE);
        placed.map_err(ModelError::io(Doing::Write, &path))?;
        Ok(path)
    });
    if outcome.is_err() {
        // The reason is worth more than a failure to tidy up.
        let _ = fs::remove_file(&made);
    }
    outcome
}

fn checked(name: &str, file: &Path) -> Result<(), CommandError> {
    match catalogue::find(name) {
        Some(model) => Ok(digest::check(file, model.sha256, &mut |_| ())?),
        None => Ok(ggml::inspect(file).map(drop)?),
    }
}

pub(crate) fn import(
    places: &Places,
    folder: &Path,
    name: Option<String>,
) -> Result<(), CommandError> {
    let folder = fs::canonicalize(folder).map_err(ModelError::io(Doing::Open, folder))?;
    let name = name.or_else(|| name_from(&folder)).filter(|name| paths::is_name(name));
    let name = name.ok_or_else(|| {
        CommandError::Refused(
            tr!("give the new model a name of letters, digits, dots, dashes: --name NAME").into(),
        )
    })?;
    refuse_to_replace(places, &name)?;
    let model = folder.join("model.bin");
    let bytes = fs::metadata(&model).map_err(ModelError::io(Doing::Open, &model))?.len();
    let mut progress = Progress::new(&tr!("importing {name}", name), bytes, 0);
    let path = place(places, &name, |to| Ok(ct2::import(&folder, to, &mut |n| progress.add(n))?));
    drop(progress);
    let path = path.map_err(|failure| other_name(&name, failure))?;
    report(&name, &path)
}

/// A folder of faster-whisper is `…/models--Systran--faster-whisper-base.en/snapshots/HASH`, or has
/// a name of the user's own.
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

/// Makes the model `name` from the f16 model `from`.
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
            let checked = digest::check(path, model.sha256, &mut |n| progress.add(n));
            checked.map(|()| tr!("{name}: ok, the published file", name))
        }
        None => ggml::inspect(path).and_then(|summary| {
            let weights = match summary.weights {
                Some(Weights::F16) => "f16",
                Some(quantised) => quantised.suffix(),
                None => tr!("weights of another kind"),
            };
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
    let path = places.models.join(paths::file_name(name));
    if !paths::is_name(name) {
        return Err(PathError::NotAName(name.to_owned()).into());
    }
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
    Ok(())
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
