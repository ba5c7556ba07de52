//! Reads the body of a server's answer. Pure.
//!
//! A body that is too long, not JSON, of another form or incomplete is an error. The text of any
//! other body is made plain: it contains no characters that control a terminal or hide text.

use serde::Deserialize;
use serde_json::Value;
use v2m_core::language::spoken;
use v2m_ipc::plain;
use v2m_ipc::remote::MAX_TEXT;
use v2m_messages::tr;

/// The longest body that is read, in bytes. The longer form has details for each token: a minute of
/// speech takes some 100 kB.
pub const MAX_BODY: u64 = 2 << 20;

/// The server's transcription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The text, plain and trimmed. May be empty.
    pub text: String,
    /// ISO 639-1 code. `None` if the server reports none that is known.
    pub language: Option<String>,
}

/// Why a body has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// It is a web page.
    Page,
    /// It is longer than can be said in that time.
    TooLong,
    /// It has another form, for this reason.
    Form(String),
}

/// Returns the text in the body of an answer.
///
/// # Errors
/// [`Unclear`].
pub fn read(body: &[u8]) -> Result<Heard, Unclear> {
    /// The members that are used. All others are ignored.
    #[derive(Deserialize)]
    struct Transcription {
        text: String,
        #[serde(default)]
        language: Option<String>,
    }
    if body.len() as u64 > MAX_BODY {
        return Err(Unclear::TooLong);
    }
    if is_page(body) {
        return Err(Unclear::Page);
    }
    let said: Transcription = serde_json::from_slice(body).map_err(|error| {
        let why = error_of(body).unwrap_or_else(|| match error.is_data() {
            true => tr!("it has no text").to_owned(),
            false => tr!("it is no whole JSON").to_owned(),
        });
        Unclear::Form(why)
    })?;
    if said.text.len() > MAX_TEXT {
        return Err(Unclear::TooLong);
    }
    let text = plain::owned(said.text).trim().to_owned();
    let known = |name: String| spoken::code(&name).ok().flatten().map(str::to_owned);
    Ok(Heard { text, language: said.language.and_then(known) })
}

/// Whether a body is a web page.
pub fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Returns a server's error message, if there is one: in OpenAI's form, or that of FastAPI and
/// others.
pub fn error_of(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let error = &json["error"];
    let all = [&error["message"], error, &json["detail"], &json["message"]];
    let told = all.into_iter().find_map(|value| value.as_str().map(str::to_owned));
    // FastAPI sends a list with the errors in each field.
    let listed = || json["detail"].get(0)?["msg"].as_str().map(str::to_owned);
    told.or_else(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(text: &str, language: Option<&str>) -> Result<Heard, Unclear> {
        Ok(Heard { text: text.into(), language: language.map(str::to_owned) })
    }

    #[test]
    fn the_forms_of_servers_are_understood() {
        for (body, text, language) in [
            (r#"{"text": " Six.\n"}"#, "Six.", None),
            (r#"{"text":"","language":"en"}"#, "", Some("en")),
            (
                r#"{"task":"transcribe","language":"spanish","duration":1.5,"text":"Seis.","segments":[{"id":0}]}"#,
                "Seis.",
                Some("es"),
            ),
            (r#"{"text":"x","language":"klingon"}"#, "x", None),
            (r#"{"text":"x","language":null,"usage":{"type":"tokens"}}"#, "x", None),
            ("{\"text\":\"a\\u0000b\\u001b[31mc\\u202e\"}", "ab[31mc", None),
        ] {
            assert_eq!(read(body.as_bytes()), heard(text, language), "{body}");
        }
    }

    #[test]
    fn everything_else_is_an_error_that_says_what() {
        for (body, why) in [
            ("", "no whole JSON"),
            ("Six.", "no whole JSON"),
            (r#"{"text":"Six"#, "no whole JSON"),
            (r#"{"text":"Six."} and more"#, "no whole JSON"),
            (r#"{"text":6}"#, "no text"),
            (r#"{"text":null}"#, "no text"),
            (r#"{"text":"x","language":7}"#, "no text"),
            (r#"[{"text":"x"}]"#, "no text"),
            (r#"{"error":{"message":"out of memory"}}"#, "out of memory"),
            (r#"{"error":"busy"}"#, "busy"),
            (r#"{"detail":[{"msg":"field required"}]}"#, "field required"),
        ] {
            let Err(Unclear::Form(said)) = read(body.as_bytes()) else { panic!("{body}") };
            assert!(said.contains(why), "{body}: {said}");
        }
        assert_eq!(read(b" \n<!doctype html>"), Err(Unclear::Page));
        let endless = format!("{{\"text\":\"{}\"}}", "a ".repeat(MAX_TEXT));
        assert_eq!(read(endless.as_bytes()), Err(Unclear::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_comes_out_plain(text: String) {
            let body = serde_json::json!({"text": text}).to_string();
            let heard = read(body.as_bytes());
            if let Ok(heard) = heard {
                prop_assert_eq!(plain::owned(heard.text.clone()), heard.text.clone());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
            let _ = error_of(&body);
        }
    }
}
