//! Makes a request's body: `multipart/form-data` (RFC 7578) with the sound as a WAV file. Pure.
//!
//! The fields are those of OpenAI's reference of `audio/transcriptions`, which vLLM, speaches,
//! LocalAI and whisper.cpp's server use too.

use v2m_ipc::pcm::SAMPLE_RATE;

/// The path for transcriptions after the base URL.
pub const TRANSCRIPTIONS: &str = "/audio/transcriptions";
/// The path for translations to English after the base URL.
pub const TRANSLATIONS: &str = "/audio/translations";

/// The options of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The model's name. Empty: no name is sent.
    pub model: &'a str,
    /// ISO 639-1 code. `None`: the server detects the language.
    pub language: Option<&'a str>,
    /// Whether to translate to English.
    pub translate: bool,
    /// Expected words. May be empty.
    pub prompt: &'a str,
}

impl Wish<'_> {
    /// Returns the path of the request after the base URL.
    pub fn path(&self) -> &'static str {
        if self.translate { TRANSLATIONS } else { TRANSCRIPTIONS }
    }

    /// Whether the server must report the language. Only the longer form of an answer contains it,
    /// and some models do not support that form.
    pub fn asks_language(&self) -> bool {
        self.language.is_none() && !self.translate
    }

    /// Returns the text fields. A translation is always into English, from any language.
    fn fields(&self) -> Vec<(&'static str, &str)> {
        let form = if self.asks_language() { "verbose_json" } else { "json" };
        let language = self.language.filter(|_| !self.translate);
        let all = [
            ("model", Some(self.model).filter(|model| !model.is_empty())),
            ("response_format", Some(form)),
            ("language", language),
            ("prompt", Some(self.prompt).filter(|prompt| !prompt.is_empty())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Makes the body with parts that this boundary separates. No field may contain the boundary.
pub fn body(wish: &Wish<'_>, sound: &[i16], boundary: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(sound.len() * 2 + 1024);
    for (name, value) in wish.fields() {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(head.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\n\
         Content-Type: audio/wav\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend(wav(sound));
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// Returns a boundary that occurs in none of the text fields. It occurs in the sound only by
/// chance, about once in 2^64; `chance` is a number that the sound's author cannot know.
pub fn boundary(wish: &Wish<'_>, chance: u64) -> String {
    let mut names = (0..).map(|n: u64| format!("v2m-{:016x}", chance.wrapping_add(n)));
    let is_free = |name: &String| !wish.fields().iter().any(|(_, value)| value.contains(&**name));
    names.find(is_free).unwrap_or_default()
}

/// Makes a WAV file: RIFF with PCM, 16 kHz mono, 16 bits.
fn wav(sound: &[i16]) -> Vec<u8> {
    const HEAD: u32 = 36;
    let bytes = u32::try_from(sound.len() * 2).unwrap_or(u32::MAX - HEAD);
    let mut file = Vec::with_capacity(44 + sound.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend((HEAD + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1_u16, 1].into_iter().flat_map(u16::to_le_bytes));
    file.extend([SAMPLE_RATE, SAMPLE_RATE * 2].into_iter().flat_map(u32::to_le_bytes));
    // Bytes per sample of all channels, bits per sample of one.
    file.extend([2_u16, 16].into_iter().flat_map(u16::to_le_bytes));
    file.extend_from_slice(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(sound.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: Wish<'_> =
        Wish { model: "m", language: Some("es"), translate: false, prompt: "PipeWire" };

    fn text(wish: &Wish<'_>) -> String {
        String::from_utf8_lossy(&body(wish, &[1, -1], "B")).into_owned()
    }

    #[test]
    fn the_fields_are_those_that_are_wanted() {
        let said = text(&WISH);
        for part in [
            "name=\"model\"\r\n\r\nm\r\n",
            "name=\"response_format\"\r\n\r\njson\r\n",
            "name=\"language\"\r\n\r\nes\r\n",
            "name=\"prompt\"\r\n\r\nPipeWire\r\n",
            "name=\"file\"; filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert!(said.ends_with("\r\n--B--\r\n"));
        let bare = text(&Wish { model: "", language: None, prompt: "", ..WISH });
        assert!(bare.contains("verbose_json"));
        for none in ["\"model\"", "\"language\"", "\"prompt\""] {
            assert!(!bare.contains(none), "{bare}");
        }
        let english = Wish { translate: true, ..WISH };
        assert_eq!((english.path(), WISH.path()), (TRANSLATIONS, TRANSCRIPTIONS));
        assert!(!text(&english).contains("\"language\""));
    }

    #[test]
    fn the_sound_is_a_wav_file() {
        let file = wav(&[1, -2]);
        assert_eq!(file.len(), 48);
        assert_eq!(file[4..8], 40_u32.to_le_bytes());
        assert_eq!(file[24..28], 16_000_u32.to_le_bytes());
        assert_eq!(file[40..], [4, 0, 0, 0, 1, 0, 0xfe, 0xff]);
    }

    #[test]
    fn a_prompt_that_knows_the_boundary_gets_another() {
        let known = boundary(&WISH, 7);
        let wish = Wish { prompt: &known, ..WISH };
        assert!(!known.is_empty() && boundary(&wish, 7) != known);
    }
}
