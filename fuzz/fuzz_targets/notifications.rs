//! Fuzzes the words in every notice. The title must be one plain line. The body must be plain and
//! short, and its only markup the three escapes.
//!
//! The input's first byte selects the notice; the rest is three texts, separated by zero bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m::deliver::{Notice, fuzzing};
use v2m::session::{Code, Delivery, Failure};
use v2m_ipc::plain;

/// The most characters in a body: 300, and the mark that it was cut.
const MOST: usize = 301;

fuzz_target!(|input: &[u8]| {
    let Some((which, rest)) = input.split_first() else { return };
    let words = String::from_utf8_lossy(rest);
    let mut words = words.splitn(3, '\0').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (text, first, second) = (word(), word(), word());
    let code = if which & 8 == 0 { Code::NoMicrophone } else { Code::NoSpeech };
    let failure = Failure::new(code, &first).in_brief(&second, &first);
    let delivery = |ok, detail| Delivery { by: "paste", backend: None, ok, detail };
    let notice = match which & 7 {
        0 => Notice::Recording { so_far: Some(text), stops_after: None },
        1 => Notice::RecordingNext { text, place: first },
        2 => Notice::Transcribing { so_far: Some(text) },
        3 => Notice::Problem(Failure { text: Some(text), ..failure }),
        4 => {
            let note = Some(first);
            Notice::Recovered { text, cut_off: code == Code::NoSpeech, note }
        }
        5 => {
            let (deliveries, problems) = (vec![delivery(true, first)], Vec::new());
            Notice::Text { text, deliveries, problems, hint: Some(second) }
        }
        6 => {
            let deliveries = vec![delivery(false, first), delivery(true, second)];
            Notice::Text { text, deliveries, problems: Vec::new(), hint: None }
        }
        _ => {
            let (deliveries, problems) = (Vec::new(), vec![failure]);
            Notice::Text { text, deliveries, problems, hint: None }
        }
    };
    let (title, body) = fuzzing::shown(&notice).expect("it shows something");
    assert!(plain::is_plain(&title) && !title.contains('\n'), "{title:?}");
    assert!(plain::is_plain(&body), "{body:?}");
    assert!(!body.contains(['<', '>']), "{body:?}");
    for entity in body.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "{body:?}");
    }
    let read = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert!(read.chars().count() <= MOST, "{} characters", read.chars().count());
});
