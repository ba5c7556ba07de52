//! Tests many failures of all kinds, drawn at random from a fixed seed: no dictation is lost.

use crate::lab::{Lab, sound};
use v2m::recognise::Backend::{Cuda, Vulkan};
use v2m::recognise::{Priority, RecogniseEvent};
use v2m::session::JobId;
use v2m_ipc::engine::DecodeOptions;

/// The total number of injected failures.
const FAILURES: usize = 200;

/// A generator of the xorshift family (Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const WHEN: [&str; 3] = ["begin", "pcm", "finish"];
const WHAT: [&str; 9] =
    ["die", "abort", "driver", "device", "close", "garbage", "oversized", "sound", "truncated"];
const AT_START: [&str; 6] = [
    "load unfit",
    "load unlinked",
    "load die",
    "loading abort",
    "loading driver",
    "loading device",
];

/// Returns a script in which so many lives each fail at work, and all later ones do what `rest`
/// says.
fn script(dice: &mut Dice, lives: usize, rest: &str) -> String {
    let mut script = String::new();
    for _ in 0..lives {
        script += &format!("{} {}\n", dice.pick(&WHEN), dice.pick(&WHAT));
    }
    format!("{script}{rest}\n")
}

/// Makes one dictation on a GPU and, if that fails, on the processor, which dies at most once.
/// Returns the number of failures.
async fn dictate(dice: &mut Dice, seed: u32) -> usize {
    let lives = dice.roll(3);
    let rest = if dice.roll(3) == 0 { dice.pick(&AT_START) } else { "" };
    let gpu = script(dice, lives, rest);
    let lives = dice.roll(2);
    let cpu = script(dice, lives, "");
    let backend = [Cuda, Vulkan][dice.roll(2)];
    let mut lab = Lab::with_engines(&cpu, &[(backend, &gpu)]);
    let words = sound(seed, 2_000 + dice.roll(60_000));
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    for piece in words.chunks(1 + dice.roll(20_000)) {
        lab.recogniser.feed(JobId(1), piece);
        lab.glance().await;
    }
    lab.recogniser.finish(JobId(1));
    let mut failures = 0;
    let (text, audio) = lab
        .until(|event| match event {
            RecogniseEvent::Replaced { .. } => {
                failures += 1;
                None
            }
            RecogniseEvent::PassedOver { notice: None, .. } => {
                failures += 1;
                None
            }
            RecogniseEvent::Failed { failure, .. } => {
                panic!("seed {seed}: lost: {}\nGPU: {gpu:?}\nprocessor: {cpu:?}", failure.message)
            }
            RecogniseEvent::Done { recognition, audio, .. } => Some((recognition.text, audio)),
            _ => None,
        })
        .await;
    assert_eq!(text, crate::lab::text_of(&words), "seed {seed}: {gpu:?} {cpu:?}");
    assert!(audio == words, "seed {seed}");
    failures
}

#[tokio::test]
async fn two_hundred_failures_lose_no_dictation() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut failures, mut dictations) = (0, 0);
    while failures < FAILURES {
        dictations += 1;
        failures += dictate(&mut dice, dictations).await;
    }
    println!("{failures} failures in {dictations} dictations, none of them lost");
}
