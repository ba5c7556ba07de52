//! The decoder without a model: pieces are transcribed by a server, which `v2m-remote` asks.
//!
//! The process reaches nothing by itself. Its standard output is one end of a socketpair, of which
//! the daemon has the other, and connects it to `v2m-remote` ([`v2m_ipc::remote`]). Pieces, voice
//! activity and the judgement of what comes back are the same as for a model on this machine.
//!
//! Every failure of the server ends the engine ([`DecodeError::Lost`]), an empty or endlessly
//! repeated answer to clear speech among them: the daemon then gives the same audio to an engine
//! with a model. A server tells no tokens, so seams stay as they were decoded and no pieces are
//! joined ([`crate::decoder`]).

use crate::confine;
use crate::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use crate::model::{Device, LoadError, Model, PieceLimits};
use crate::run::{self, RunError};
use crate::stream::guard::{Doubt, Hypothesis, doubt};
use crate::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use v2m_ipc::backend::Backend;
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::pcm::{from_float, seconds};
use v2m_ipc::remote::{Answer, Endpoint, FailureKind, Question};
use v2m_messages::tr;

/// Seconds from the first voice to the last that are no cough and no door: a server that writes
/// nothing for it is asked again.
const SPEECH: f32 = 1.0;

/// Seconds that are no two coughs with a pause between them: a server that writes nothing for it
/// twice has failed. Below, that is believed once, until the server writes something again.
const CLEAR_SPEECH: f32 = 3.0;

/// Samples of silence before a piece that is asked about again: 50 ms, which change all that an
/// encoder computes. Most servers draw nothing at random.
const SHIFT: usize = 800;

/// Bytes of the words to expect. Whisper takes 224 tokens, and drops the first ones of more.
const PROMPT: usize = 600;

/// How often the worker's abort flag is looked at while the server works.
const LOOK: Duration = Duration::from_millis(50);

/// How long `v2m-remote` may take beyond the server's own limit, and for the answer to a question
/// that was cancelled.
const MARGIN: Duration = Duration::from_secs(5);

/// How long a frame may take on the socket.
const FRAME: Duration = Duration::from_secs(5);

/// Serves the daemon with a server's answers until it closes its end; `vad` as in [`run::serve`].
///
/// # Errors
/// As [`run::serve`]; also if standard output is no socket.
pub fn serve(
    program: &'static str,
    endpoint: Endpoint,
    vad: Option<&Path>,
) -> Result<(), RunError> {
    let link = UnixStream::from(io::stdout().as_fd().try_clone_to_owned().map_err(RunError::Wire)?);
    let no_socket = |_| {
        io::Error::other(tr!("standard output is not a socket; v2m starts this program by itself"))
    };
    link.local_addr().map_err(no_socket)?;
    // Settings of a socket are refused later.
    link.set_read_timeout(Some(FRAME))?;
    link.set_write_timeout(Some(FRAME))?;
    confine::confine(program, vad.map(PathBuf::from), false);
    run::serve(RemoteModel { program, endpoint, link }, vad)
}

/// A server's model.
#[derive(Debug)]
pub struct RemoteModel {
    program: &'static str,
    endpoint: Endpoint,
    link: UnixStream,
}

impl Model for RemoteModel {
    type Decoder = RemoteDecoder;

    fn program(&self) -> &'static str {
        self.program
    }

    fn file(&self) -> &Path {
        Path::new("")
    }

    fn device(&self) -> Device {
        let Endpoint { base_url, model, .. } = &self.endpoint;
        let name = match model.is_empty() {
            true => base_url.clone(),
            false => format!("{model}, {base_url}"),
        };
        Device { backend: Backend::Remote.name().into(), name }
    }

    fn limits(&self) -> PieceLimits {
        PieceLimits::default()
    }

    fn check(&self) -> Result<u64, LoadError> {
        Ok(0)
    }

    fn load(self) -> Result<RemoteDecoder, LoadError> {
        Ok(RemoteDecoder {
            endpoint: self.endpoint,
            link: self.link,
            detected: None,
            silent: false,
            asked: 0,
        })
    }
}

/// The way to the server.
#[derive(Debug)]
pub struct RemoteDecoder {
    endpoint: Endpoint,
    link: UnixStream,
    /// What was heard when the language was asked for, so that the same sound is not sent twice.
    detected: Option<Detected>,
    /// It wrote nothing for something short that may have been speech, and no text since.
    silent: bool,
    asked: u32,
}

#[derive(Debug)]
struct Detected {
    sound: Vec<i16>,
    language: String,
    /// The words that were expected.
    prompt: String,
    text: String,
}

/// One question's wishes.
#[derive(Clone, Copy)]
struct Wish<'a> {
    language: Option<&'a str>,
    translate: bool,
    vocabulary: &'a [String],
}

impl Decoder for RemoteDecoder {
    fn multilingual(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        0
    }

    /// Sends a second of silence: shows that the server is there, takes the key and has the model,
    /// and has it load the model while somebody speaks.
    fn warm_up(&mut self) -> Result<(), DecodeError> {
        struct Undisturbed;
        impl DecodeMonitor for Undisturbed {
            fn tick(&self) -> bool {
                false
            }
        }
        let wish = Wish { language: Some("en"), translate: false, vocabulary: &[] };
        self.ask(&[0; seconds(1) as usize], wish, &Undisturbed).map(drop)
    }

    fn decode(
        &mut self,
        request: &DecodeRequest,
        watch: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        let thorough = request.effort == Effort::Thorough;
        let mut sound = vec![0; if thorough { SHIFT } else { 0 }];
        sound.extend(request.audio.iter().map(|sample| from_float(*sample)));
        let wish = Wish {
            language: Some(request.language),
            translate: request.translate,
            vocabulary: request.vocabulary,
        };
        let known = self.detected.take().filter(|detected| {
            !request.translate
                && detected.sound == sound
                && detected.language == request.language
                && detected.prompt == prompt(request.vocabulary)
        });
        let text = match known {
            Some(detected) => detected.text,
            None => self.ask(&sound, wish, watch)?.0,
        };
        let heard = hypothesis(&text, request.voice);
        let may_be_right = heard.cut_off && request.voice < CLEAR_SPEECH;
        if thorough && may_be_right && !std::mem::replace(&mut self.silent, true) {
            return Ok(heard);
        }
        self.silent &= heard.text.is_empty();
        match unusable(&heard, request.voice).filter(|_| thorough) {
            Some(why) => Err(DecodeError::Lost(self.blamed(&why))),
            None => Ok(heard),
        }
    }

    fn detect(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        vocabulary: &[String],
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        let sound: Vec<i16> = audio.iter().map(|sample| from_float(*sample)).collect();
        let wish = Wish { language: None, translate: false, vocabulary };
        let (text, language) = self.ask(&sound, wish, watch)?;
        let Some(language) = language else {
            let why = tr!(
                "it does not report the language; set the one you speak: v2m-send config set engine.language=en"
            );
            return Err(DecodeError::Lost(self.blamed(why)));
        };
        if !languages.is_empty() && !languages.contains(&language) {
            // A server cannot be told to choose among some. What was heard in another one is not
            // believed, and is asked for again.
            let likeliest = before.or(languages.first().map(String::as_str));
            return Ok(likeliest.unwrap_or_default().to_owned());
        }
        let prompt = prompt(vocabulary);
        self.detected = Some(Detected { sound, language: language.clone(), prompt, text });
        Ok(language)
    }
}

impl RemoteDecoder {
    /// Asks, and waits for the text, and for the language if none is given.
    fn ask(
        &mut self,
        sound: &[i16],
        wish: Wish<'_>,
        watch: &dyn DecodeMonitor,
    ) -> Result<(String, Option<String>), DecodeError> {
        let question = Question::Transcribe {
            endpoint: self.endpoint.clone(),
            language: wish.language.map(str::to_owned),
            translate: wish.translate,
            prompt: prompt(wish.vocabulary),
        };
        self.asked = self.asked.wrapping_add(1);
        let mut frames = engine::encode_pcm(self.asked, sound);
        frames.extend(engine::encode_message(&question));
        let away = |error: io::Error| DecodeError::Lost(gone(&error));
        self.link.write_all(&frames).map_err(away)?;
        match self.wait(watch).map_err(away)? {
            Answer::Text { text, language } => Ok((text::clean(&text), language)),
            Answer::Failed { kind: FailureKind::Cancelled, .. } => Err(DecodeError::Aborted),
            Answer::Failed { message, .. } => Err(DecodeError::Lost(message)),
        }
    }

    /// The answer; the question is cancelled if the worker is told to abort.
    fn wait(&mut self, watch: &dyn DecodeMonitor) -> io::Result<Answer> {
        let limit = Duration::from_millis(self.endpoint.total_ms).saturating_add(MARGIN);
        let mut end = Instant::now() + limit;
        let mut cancelled = false;
        while !readable(&self.link, LOOK)? {
            if watch.tick() && !cancelled {
                cancelled = true;
                end = end.min(Instant::now() + MARGIN);
                engine::write_message(&mut self.link, &Question::Cancel)?;
            }
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        match engine::read_frame(&mut self.link)? {
            // It was answered before the end of the question got there.
            Some(Frame::Message(Answer::Text { .. })) if cancelled => {
                let (kind, message) = (FailureKind::Cancelled, String::new());
                Ok(Answer::Failed { kind, message })
            }
            Some(Frame::Message(answer)) => Ok(answer),
            Some(Frame::Pcm { .. }) => Err(io::ErrorKind::InvalidData.into()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// What the server did wrong, with its address.
    fn blamed(&self, why: &str) -> String {
        let url = &self.endpoint.base_url;
        tr!("the answer of {url} cannot be used: {why}", url, why)
    }
}

/// The daemon or `v2m-remote` is gone, or does not answer.
fn gone(error: &io::Error) -> String {
    tr!("v2m-remote does not answer ({error}); see why: journalctl --user -u v2m-remote", error)
}

/// Words to expect, the most important first; as many as servers take.
fn prompt(vocabulary: &[String]) -> String {
    let mut prompt = String::new();
    for word in vocabulary {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        if prompt.len() + word.len() + 2 > PROMPT {
            break;
        }
        prompt += if prompt.is_empty() { "" } else { ", " };
        prompt += &word;
    }
    prompt
}

/// An answer without words to clear speech is asked for again.
fn hypothesis(text: &str, voice: f32) -> Hypothesis {
    let is_missing = text.is_empty() && voice >= SPEECH;
    Hypothesis { text: text.to_owned(), cut_off: is_missing, ..Hypothesis::default() }
}

/// Why the answer to the second question is no text either.
fn unusable(heard: &Hypothesis, voice: f32) -> Option<String> {
    Some(match doubt(heard, voice)? {
        Doubt::CutOff => {
            tr!(
                "it wrote nothing, although somebody spoke for {voice} s",
                voice = format_args!("{voice:.0}")
            )
        }
        Doubt::Repetition | Doubt::Compression => tr!("it repeats itself").to_owned(),
        Doubt::TooFast => tr!("it wrote more than can be said in that time").to_owned(),
        Doubt::TooSlow | Doubt::Unlikely => return None,
    })
}

fn readable(link: &UnixStream, limit: Duration) -> io::Result<bool> {
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    let mut fds = [PollFd::new(link, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread::{self, JoinHandle};

    /// Ends the work at the look of that number; never at 0.
    struct Looks(u32, AtomicU32);

    impl Looks {
        fn until(number: u32) -> Self {
            Self(number, AtomicU32::new(0))
        }
    }

    impl DecodeMonitor for Looks {
        fn tick(&self) -> bool {
            self.0 > 0 && self.1.fetch_add(1, Ordering::Relaxed) + 1 >= self.0
        }
    }

    /// A `v2m-remote` that gives these answers; what it was asked.
    fn with(
        answers: Vec<(&'static str, Option<&'static str>)>,
    ) -> (RemoteDecoder, JoinHandle<Vec<(usize, Question)>>) {
        let (link, mut peer) = UnixStream::pair().unwrap();
        let endpoint =
            Endpoint { base_url: "U".into(), model: "m".into(), connect_ms: 1, total_ms: 60_000 };
        let answering = thread::spawn(move || {
            let mut asked = Vec::new();
            let mut samples = 0;
            for (text, language) in answers {
                let question = loop {
                    match engine::read_frame::<Question>(&mut peer).unwrap().unwrap() {
                        Frame::Pcm { samples: sound, .. } => samples = sound.len(),
                        Frame::Message(question) => break question,
                    }
                };
                asked.push((samples, question));
                let language = language.map(str::to_owned);
                let answer = Answer::Text { text: text.into(), language };
                engine::write_message(&mut peer, &answer).unwrap();
            }
            asked
        });
        (RemoteDecoder { endpoint, link, detected: None, silent: false, asked: 0 }, answering)
    }

    fn request(voice: f32, effort: Effort) -> DecodeRequest<'static> {
        DecodeRequest {
            audio: &[0.5; 1000],
            voice,
            language: "es",
            translate: false,
            vocabulary: &[],
            beams: 5,
            effort,
        }
    }

    #[test]
    fn the_sound_whose_language_was_asked_for_is_sent_once() {
        let (mut decoder, peer) = with(vec![("Hola.", Some("es")), ("Hola otra vez.", None)]);
        let never = Looks::until(0);
        let heard = decoder.detect(&[0.5; 1000], &[], None, &[], &never).unwrap();
        assert_eq!(heard, "es");
        let first = decoder.decode(&request(1.0, Effort::Quick), &never).unwrap();
        let second = decoder.decode(&request(1.0, Effort::Quick), &never).unwrap();
        assert_eq!((&*first.text, &*second.text), ("Hola.", "Hola otra vez."));
        let asked = peer.join().unwrap();
        let languages: Vec<_> = asked
            .iter()
            .map(|(_, question)| match question {
                Question::Transcribe { language, .. } => language.as_deref(),
                Question::Cancel => panic!("it is cancelled"),
            })
            .collect();
        assert_eq!(languages, [None, Some("es")]);
    }

    #[test]
    fn the_words_to_expect_are_told_where_the_language_is_asked_for() {
        let (mut decoder, peer) = with(vec![("Hola.", Some("es")), ("Hola.", None)]);
        let never = Looks::until(0);
        let words = ["PipeWire".to_owned()];
        decoder.detect(&[0.5; 1000], &[], None, &words, &never).unwrap();
        let expecting = DecodeRequest { vocabulary: &words, ..request(1.0, Effort::Quick) };
        decoder.decode(&expecting, &never).unwrap();
        // Without them it is another question.
        decoder.detected = Some(Detected {
            sound: vec![from_float(0.5); 1000],
            language: "es".into(),
            prompt: "PipeWire".into(),
            text: "not this one".into(),
        });
        assert_eq!(decoder.decode(&request(1.0, Effort::Quick), &never).unwrap().text, "Hola.");
        let asked = peer.join().unwrap();
        let prompts: Vec<_> = asked
            .iter()
            .map(|(_, question)| match question {
                Question::Transcribe { prompt, .. } => prompt.as_str(),
                Question::Cancel => panic!("it is cancelled"),
            })
            .collect();
        assert_eq!(prompts, ["PipeWire", ""]);
    }

    #[test]
    fn a_language_that_was_not_allowed_is_asked_for_again() {
        let (mut decoder, peer) = with(vec![("Ola.", Some("gl")), ("Hola.", None)]);
        let never = Looks::until(0);
        let languages = ["es".to_owned(), "en".to_owned()];
        assert_eq!(decoder.detect(&[0.5; 1000], &languages, None, &[], &never).unwrap(), "es");
        let heard = decoder.decode(&request(1.0, Effort::Quick), &never).unwrap();
        assert_eq!(heard.text, "Hola.");
        assert_eq!(peer.join().unwrap().len(), 2);
    }

    #[test]
    fn a_server_that_tells_no_language_is_no_use_where_none_is_set() {
        let (mut decoder, _peer) = with(vec![("Hola.", None)]);
        let error = decoder.detect(&[0.5; 1000], &[], None, &[], &Looks::until(0)).unwrap_err();
        assert!(matches!(&error, DecodeError::Lost(why) if why.contains("engine.language")));
    }

    #[test]
    fn nothing_or_a_loop_is_asked_for_again_and_then_the_servers_fault() {
        for answer in ["", "[BLANK_AUDIO]", "so so so so so so", &"ha".repeat(90)] {
            let answer: &'static str = answer.to_owned().leak();
            let (mut decoder, peer) = with(vec![(answer, None), (answer, None)]);
            let never = Looks::until(0);
            let first = decoder.decode(&request(10.0, Effort::Quick), &never).unwrap();
            assert!(doubt(&first, 10.0).is_some(), "{answer}");
            let error = decoder.decode(&request(10.0, Effort::Thorough), &never).unwrap_err();
            assert!(matches!(error, DecodeError::Lost(_)), "{answer}: {error}");
            // Silence before it, so that the server computes anew.
            let lengths: Vec<_> = peer.join().unwrap().iter().map(|(length, _)| *length).collect();
            assert_eq!(lengths, [1000, 1000 + SHIFT]);
        }
        let (mut decoder, _peer) = with(vec![("", None)]);
        let heard = decoder.decode(&request(0.4, Effort::Quick), &Looks::until(0)).unwrap();
        assert!(!heard.cut_off, "a cough has no words");
    }

    #[test]
    fn nothing_for_two_coughs_is_believed_once() {
        let answers = ["", "", "word", "", "", "", ""].map(|text| (text, None));
        let (mut decoder, peer) = with(answers.to_vec());
        let never = Looks::until(0);
        let mut asked = |effort| decoder.decode(&request(1.3, effort), &never);
        let first = asked(Effort::Quick).unwrap();
        assert!(doubt(&first, 1.3).is_some(), "it is asked for again");
        assert_eq!(asked(Effort::Thorough).unwrap().text, "");
        assert_eq!(asked(Effort::Quick).unwrap().text, "word");
        asked(Effort::Quick).unwrap();
        assert_eq!(asked(Effort::Thorough).unwrap().text, "");
        asked(Effort::Quick).unwrap();
        assert!(matches!(asked(Effort::Thorough), Err(DecodeError::Lost(_))), "it writes nothing");
        peer.join().unwrap();
    }

    #[test]
    fn an_abort_cancels_the_question_and_the_next_one_is_answered() {
        let (link, mut peer) = UnixStream::pair().unwrap();
        let endpoint = Endpoint {
            base_url: "U".into(),
            model: String::new(),
            connect_ms: 1,
            total_ms: 60_000,
        };
        let mut decoder = RemoteDecoder { endpoint, link, detected: None, silent: false, asked: 0 };
        let answering = thread::spawn(move || {
            let mut next = || engine::read_frame::<Question>(&mut peer).unwrap().unwrap();
            assert!(matches!(next(), Frame::Pcm { .. }));
            assert!(matches!(next(), Frame::Message(Question::Transcribe { .. })));
            assert!(matches!(next(), Frame::Message(Question::Cancel)));
            // The answer had been on its way.
            let late = Answer::Text { text: "late".into(), language: None };
            engine::write_message(&mut peer, &late).unwrap();
            let mut next = || engine::read_frame::<Question>(&mut peer).unwrap().unwrap();
            assert!(matches!(next(), Frame::Pcm { .. }));
            assert!(matches!(next(), Frame::Message(Question::Transcribe { .. })));
            let text = Answer::Text { text: "next".into(), language: None };
            engine::write_message(&mut peer, &text).unwrap();
        });
        let aborted = decoder.decode(&request(1.0, Effort::Quick), &Looks::until(2));
        assert_eq!(aborted, Err(DecodeError::Aborted));
        let heard = decoder.decode(&request(1.0, Effort::Quick), &Looks::until(0)).unwrap();
        assert_eq!(heard.text, "next");
        answering.join().unwrap();
    }

    #[test]
    fn a_link_that_ends_is_lost() {
        let (mut decoder, peer) = with(vec![]);
        peer.join().unwrap();
        let error = decoder.warm_up().unwrap_err();
        assert!(matches!(&error, DecodeError::Lost(why) if why.contains("journalctl")), "{error}");
    }

    #[test]
    fn as_many_words_are_expected_as_servers_take() {
        let words = |count: usize| vec!["word".to_owned(); count];
        assert_eq!(prompt(&words(2)), "word, word");
        assert_eq!(prompt(&[]), "");
        assert!(prompt(&words(1000)).len() <= PROMPT);
    }
}
