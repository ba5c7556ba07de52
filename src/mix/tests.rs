//! Tests the cases in which the mean of all channels would lose speech.

use super::*;

const RATE: u32 = 16_000;

/// Mixes in pieces of `piece` frames.
fn mixed(mix: &mut Mix, interleaved: &[f32], piece: usize) -> Vec<f32> {
    let pieces = interleaved.chunks(piece * mix.channels());
    let mut samples = Vec::new();
    for piece in pieces {
        samples.extend(mix.push(piece));
    }
    samples
}

fn tone(frame: u32, hertz: f32) -> f32 {
    (frame as f32 * hertz / RATE as f32 * std::f32::consts::TAU).sin() * 0.25
}

/// Makes frames for this many seconds. `frame` gets the number of each frame.
fn frames<const N: usize>(seconds: f32, frame: impl FnMut(u32) -> [f32; N]) -> Vec<f32> {
    (0..(RATE as f32 * seconds) as u32).flat_map(frame).collect()
}

/// Makes noise with this amplitude.
fn noise(amplitude: f32) -> impl FnMut() -> f32 {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / f32::from(1_u16 << 12) / 4096.0 - 0.5) * 2.0 * amplitude
    }
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Returns the greatest step from one sample to the next.
fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

/// Sizes of pieces in frames, as in PipeWire's quanta and in the parts of sound files.
const PIECES: [usize; 4] = [5, 85, 341, 800];

#[test]
fn one_channel_passes_as_it_is() {
    let sound = frames(0.1, |at| [tone(at, 440.0)]);
    assert_eq!(mixed(&mut Mix::new(1, RATE), &sound, 341), sound);
    let strange = [f32::NAN, f32::INFINITY, 1e30, 0.5];
    assert_eq!(mixed(&mut Mix::new(1, RATE), &strange, 4), [0.0, 0.0, LOUDEST, 0.5]);
}

#[test]
fn equal_channels_come_out_as_one_of_them() {
    let one = frames(0.5, |at| [tone(at, 440.0)]);
    let two = frames(0.5, |at| [tone(at, 440.0); 2]);
    assert_eq!(mixed(&mut Mix::new(2, RATE), &two, 341), one);
}

#[test]
fn opposite_phases_are_heard_from_the_first_piece_on() {
    for piece in PIECES {
        let sound = frames(1.0, |at| [tone(at, 440.0), -tone(at, 440.0)]);
        let heard = mixed(&mut Mix::new(2, RATE), &sound, piece);
        assert!(peak(&heard[..100]) > 0.24 && peak(&heard) < 0.26, "{piece}");
        assert!(steepest(&heard) < 0.05, "{piece}");
    }
}

#[test]
fn a_voice_in_one_channel_of_many_is_as_loud_as_it_was() {
    for piece in PIECES {
        let (mut hiss, mut hum) = (noise(1e-4), noise(1e-4));
        // A second of noise alone, then somebody speaks into the third input. The fourth has an
        // offset.
        let sound = frames(2.0, |at| {
            let voice = if at < RATE { 0.0 } else { tone(at, 300.0) };
            [hiss(), hum(), voice + hiss(), 0.3]
        });
        let heard = mixed(&mut Mix::new(4, RATE), &sound, piece);
        let voice = &heard[RATE as usize + 300..];
        assert!(peak(voice) > 0.24 && peak(voice) < 0.26, "{piece}: {}", peak(voice));
    }
}

#[test]
fn of_two_voices_in_their_own_channels_both_are_heard() {
    // The second one begins later and is 30 dB quieter.
    let sound =
        frames(3.0, |at| [tone(at, 300.0), if at < RATE { 0.0 } else { tone(at, 800.0) / 32.0 }]);
    let heard = mixed(&mut Mix::new(2, RATE), &sound, 341);
    let end = &heard[heard.len() - 16_000..];
    let amplitude = amplitude(end, 800.0);
    assert!((amplitude - 0.25 / 32.0 / 2.0).abs() < 1e-4, "{amplitude}");
}

/// Returns the amplitude of a tone in these samples, which must be whole periods.
fn amplitude(samples: &[f32], hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let phase = at as f32 * hertz / RATE as f32 * std::f32::consts::TAU;
        (re, im) = (re + sample * phase.cos(), im + sample * phase.sin());
    }
    f32::hypot(re, im) * 2.0 / samples.len() as f32
}

#[test]
fn a_quieter_voice_after_a_loud_one_is_heard_from_its_beginning() {
    // 30 dB quieter: heard from 30 ms on. 40 dB: from 0.25 s on, when the loud voice fades from
    // memory.
    for (share, begins) in [(1.0 / 32.0, 480), (1.0 / 100.0, 4000)] {
        for piece in PIECES {
            let sound = frames(4.0, |at| match at / RATE {
                0..2 => [tone(at, 300.0), 0.0],
                _ => [0.0, tone(at, 800.0) * share],
            });
            let heard = mixed(&mut Mix::new(2, RATE), &sound, piece);
            let begins = 2 * RATE as usize + begins;
            let heard = amplitude(&heard[begins..][..320], 800.0);
            let whole = 0.25 * share / 2.0;
            assert!(heard > whole * 0.9, "{share} {piece}: {heard} of {whole}");
        }
    }
}

#[test]
fn a_voice_that_gets_low_is_not_turned_down_for_the_noise_of_other_inputs() {
    for piece in PIECES {
        // The noise is 46 dB below the voice, which is 15 dB quieter from time to time.
        let (mut hiss, mut hum) = (noise(0.0015), noise(0.0015));
        let sound = frames(4.0, |at| {
            let low = at / 3200 % 2 == 1;
            [hiss(), tone(at, 300.0) * if low { 0.18 } else { 1.0 }, hum(), 0.0]
        });
        let mut mix = Mix::new(4, RATE);
        for (index, sound) in sound.chunks(4 * piece).enumerate() {
            mix.push(sound).for_each(drop);
            // The first samples of a tone are not conclusive.
            let target = mix.channels[1].target;
            assert!(target > 0.99 || index * piece < 160, "{piece}: {target} at {}", index * piece);
        }
    }
}

#[test]
fn a_voice_that_begins_again_is_not_turned_down_for_what_other_inputs_pick_up_of_it() {
    for piece in PIECES {
        let sound = frames(9.0, |at| {
            let voice = if (at / RATE).is_multiple_of(4) { tone(at, 300.0) } else { 0.0 };
            // The second input picks up the voice 44 dB quieter.
            [voice, voice * 0.0063]
        });
        let mut mix = Mix::new(2, RATE);
        for sound in sound.chunks(2 * piece) {
            mix.push(sound).for_each(drop);
            assert!(mix.channels[0].target > 0.99, "{piece}");
        }
    }
}

#[test]
fn a_voice_that_moves_to_another_channel_is_heard_there_and_nothing_clicks() {
    for piece in PIECES {
        let mut hiss = noise(1e-4);
        let sound = frames(6.0, |at| {
            let voice = tone(at, 440.0);
            // Left alone, both, opposite, right alone. Each change is where the sine is 0.
            let (left, right) = match at / RATE {
                0 => (voice, 0.0),
                1 => (voice, voice),
                2 | 3 => (voice, -voice),
                _ => (0.0, -voice),
            };
            [left + hiss(), right + hiss()]
        });
        let heard = mixed(&mut Mix::new(2, RATE), &sound, piece);
        let own = std::f32::consts::TAU * 440.0 / RATE as f32 * 0.25;
        assert!(steepest(&heard) < own * 1.2 + 0.005, "{piece}: {} of {own}", steepest(&heard));
        // Every 0.1 s has sound, except right after the phase was inverted and after the voice
        // moved.
        for (index, part) in heard.chunks(1600).enumerate() {
            let moves = [20, 21, 40, 41].contains(&index);
            assert!(peak(part) > 0.1 || moves, "{piece}: {index} {}", peak(part));
        }
    }
}

/// Both channels have noise of their own, in pauses too. One channel is used throughout, because
/// each change of sign would be heard.
#[test]
fn of_channels_that_cancel_one_another_one_is_kept() {
    let mut hiss = noise(0.001);
    let sound = frames(4.0, |at| {
        let voice = if at / 8000 % 2 == 0 { tone(at, 440.0) } else { 0.0 };
        [voice + hiss(), -voice + hiss()]
    });
    let mut mix = Mix::new(2, RATE);
    let mut alone = None;
    for piece in sound.chunks(2 * 341) {
        mix.push(piece).for_each(drop);
        assert!(mix.alone.is_some() && (alone.is_none() || alone == mix.alone));
        alone = mix.alone;
    }
}

#[test]
fn one_channel_alone_can_be_asked_for() {
    let sound = frames(0.5, |at| [tone(at, 440.0), tone(at, 300.0), 0.0]);
    let second = frames(0.5, |at| [tone(at, 300.0)]);
    assert_eq!(mixed(&mut Mix::only(1, 3, RATE), &sound, 341), second);
}

/// Words of 0.3 s with gaps of 0.1 s, after half a second in which nobody speaks.
fn words(at: u32, hertz: f32) -> f32 {
    let speaks = at >= RATE / 2 && at % (RATE * 4 / 10) < RATE * 3 / 10;
    if speaks { tone(at, hertz) } else { 0.0 }
}

/// Regression: the voice was turned down by the number of inputs: 12 dB for four, 18 dB for eight,
/// 24 dB for sixteen.
#[test]
fn a_voice_is_as_loud_as_it_was_however_many_inputs_are_noisy() {
    const INPUTS: usize = 16;
    for piece in PIECES {
        // The noise is 20 dB below the voice, and as loud as the voice in the first input.
        let mut noises: Vec<_> = (0..INPUTS).map(|_| noise(0.025)).collect();
        let mut loud = noise(0.25);
        let sound = frames(4.0, |at| {
            let mut frame = [0.0; INPUTS];
            frame.iter_mut().zip(&mut noises).for_each(|(sample, noise)| *sample = noise());
            frame[0] = loud();
            frame[7] += words(at, 400.0);
            frame
        });
        let heard = mixed(&mut Mix::new(INPUTS, RATE), &sound, piece);
        // Measure whole periods inside words, from the first word on.
        for word in [4_u32, 8, 16, 32] {
            let from = (word * RATE / 10 + RATE / 10 * if word == 4 { 2 } else { 1 }) as usize;
            let found = amplitude(&heard[from..from + 1_600 - 800], 400.0);
            assert!(found > 0.25 * 0.9, "{piece}, word at {word}: {found}");
        }
    }
}

#[test]
fn the_noise_of_inputs_that_open_late_is_noise() {
    let (mut hiss, mut own) = (noise(0.025), noise(0.001));
    let mut mix = Mix::new(2, RATE);
    let sound = frames(4.0, |at| {
        let opens = at > RATE / 7;
        [if opens { hiss() } else { 0.0 }, if opens { own() + words(at, 400.0) } else { 0.0 }]
    });
    for (index, piece) in sound.chunks(2 * 341).enumerate() {
        mix.push(piece).for_each(drop);
        let seconds = (index * 341) as f32 / RATE as f32;
        assert!(seconds < 0.9 || mix.channels[1].target > 0.99, "{seconds}");
    }
}

/// Regression: the decision from before the mute stayed, so the first words were left out.
#[test]
fn a_voice_in_an_input_that_was_muted_is_heard_from_its_first_word() {
    let mut hiss = noise(0.02);
    let sound = frames(5.0, |at| {
        let second = match at / RATE {
            0..3 => hiss(),
            3 => 0.0,
            _ => tone(at, 500.0),
        };
        [words(at, 300.0), second]
    });
    let mut mix = Mix::new(2, RATE);
    let heard = mixed(&mut mix, &sound, 341);
    let found = amplitude(&heard[(4.05 * RATE as f32) as usize..][..1_600], 500.0);
    assert!(found > 0.25 / 2.0 * 0.9, "{found}");
}

#[test]
fn a_second_voice_is_heard_beside_the_first_one_and_noise_is_not() {
    let mut hiss = noise(0.02);
    let mut mix = Mix::new(3, RATE);
    let sound = frames(6.0, |at| {
        let first = if at < 3 * RATE { words(at, 300.0) } else { 0.0 };
        let second = if at > 4 * RATE { words(at, 500.0) / 8.0 } else { 0.0 };
        [first + hiss() / 50.0, second + hiss() / 50.0, hiss()]
    });
    let heard = mixed(&mut mix, &sound, 341);
    assert!(!mix.channels[2].carries && mix.channels[1].carries);
    // The second voice is at least as loud as in a mean with the first one.
    let found = amplitude(&heard[(4.5 * RATE as f32) as usize..][..1_600], 500.0);
    assert!(found > 0.25 / 8.0 / 2.0 * 0.9, "{found}");
}

#[test]
fn a_noise_that_is_all_there_is_stays() {
    let (mut left, mut right) = (noise(0.02), noise(0.02));
    let sound = frames(30.0, |_| [left(), right()]);
    let heard = mixed(&mut Mix::new(2, RATE), &sound, 341);
    assert!(heard.chunks(1_600).all(|part| peak(part) > 0.01));
}
