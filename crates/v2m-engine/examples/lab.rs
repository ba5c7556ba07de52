#![allow(missing_docs, clippy::all)]
// lab: per line of stdin: key=value ... config ; writes jsonl
use std::path::Path;
use std::time::Instant;
use v2m_engine::decode::*;
use v2m_engine::stream::cut::*;
use v2m_engine::stream::*;
use v2m_engine::vad::*;
struct Never;
impl Watch for Never {
    fn tick(&self) -> bool {
        false
    }
}
fn env(k: &str, d: f64) -> f64 {
    std::env::var(k).ok().and_then(|v| v.parse().ok()).unwrap_or(d)
}
fn main() {
    let model = std::env::var("MODEL").unwrap_or("/work/models/ggml-base-q8_0.bin".into());
    let threads = env("THREADS", 2.) as usize;
    let mut w =
        Whisper::load(Path::new(&model), std::num::NonZeroUsize::new(threads).unwrap()).unwrap();
    w.warm_up();
    let mut vad = Silero::load(Path::new("/work/models/ggml-silero-v6.2.0.bin")).unwrap();
    let gain = env("GAIN", 1.) as f32;
    let beams = env("BEAMS", 5.) as u8;
    let batch = env("BATCH", 0.) > 0.;
    let d = Cutting::default();
    let ms = |k: &str, x: u64| (env(k, (x / 16) as f64) as u64) * 16;
    let c = Cutting {
        voice: env("VOICE", d.voice as f64) as f32,
        silence: env("SILENCE", d.silence as f64) as f32,
        pause: ms("PAUSE", d.pause),
        short_pause: ms("SHORT", d.short_pause),
        grown: ms("GROWN", d.grown),
        lead: ms("LEAD", d.lead),
        tail: ms("TAIL", d.tail),
        longest: ms("LONGEST", d.longest),
        search: ms("SEARCH", d.search),
    };
    let margin = env("MARGIN", 256.) as usize;
    let floor = env("FLOOR", 640.) as usize;
    let guard = env("GUARD", 1.) > 0.;
    let dir = std::env::var("DIR").unwrap_or("/work/shared/speech".into());
    let filter = std::env::var("FILTER").unwrap_or_default();
    for line in std::fs::read_to_string(format!("{dir}/manifest.jsonl")).unwrap().lines() {
        let get = |k: &str| {
            let p = format!("\"{k}\": \"");
            let i = line.find(&p).unwrap() + p.len();
            line[i..].split('"').next().unwrap().to_string()
        };
        let (file, lang, kind) = (get("file"), get("language"), get("kind"));
        if !filter.is_empty() && !file.contains(&filter) {
            continue;
        }
        let b = std::fs::read(format!("{dir}/{file}")).unwrap();
        let pcm: Vec<f32> = b[44..]
            .chunks_exact(2)
            .map(|c| gain * (i16::from_le_bytes([c[0], c[1]]) as f32) / 32768.0)
            .collect();
        let lang = if lang.is_empty() { "en".to_string() } else { lang };
        let mut texts = vec![];
        let mut redone = 0;
        let mut dec = 0u64;
        let mut n = 0;
        let t = Instant::now();
        let mut last = 0.;
        let mut reasons = vec![];
        let mut go = |p: Piece| {
            let audio = &pcm[p.start as usize..(p.end as usize).min(pcm.len())];
            let t = Instant::now();
            let ctx = if batch { 0 } else { (audio.len().div_ceil(320) + margin).max(floor) };
            let mut dcd = w.watched(&Never);
            let req = Request {
                audio,
                language: &lang,
                translate: false,
                vocabulary: &[],
                beams,
                context: ctx,
                fallback: batch,
            };
            let mut h = dcd.decode(&req).unwrap();
            n += 1;
            dec += audio.len() as u64;
            let v = (p.voice_end - p.voice_start) as f32 / 16000.;
            if guard && !batch {
                if let Some(d) = guard::doubt(&h, v) {
                    reasons.push(format!("{d:?} {:?} {:.2}", h.text, h.mean_log_probability));
                    redone += 1;
                    dec += audio.len() as u64;
                    let h2 = dcd.decode(&Request { context: 0, fallback: true, ..req }).unwrap();
                    if !(guard::doubt(&h2, v).is_some()
                        && h.mean_log_probability > h2.mean_log_probability)
                    {
                        h = h2
                    }
                }
            }
            last = t.elapsed().as_secs_f64();
            if !h.text.is_empty() {
                texts.push(h.text)
            }
        };
        if batch {
            go(Piece {
                start: 0,
                end: pcm.len() as u64,
                voice_start: 0,
                voice_end: pcm.len() as u64,
            });
        } else {
            let mut cutter = Cutter::new(c);
            vad.reset();
            let mut pieces = vec![];
            for ch in pcm.chunks(512) {
                let mut f = [0f32; 512];
                f[..ch.len()].copy_from_slice(ch);
                let lvl = f.iter().map(|s| s * s).sum::<f32>() / 512.;
                pieces.extend(cutter.push(vad.probability(&f), lvl));
            }
            pieces.extend(cutter.finish(pcm.len() as u64));
            for p in pieces {
                go(p)
            }
        }
        let el = t.elapsed().as_secs_f64();
        println!(
            "{{\"file\":{file:?},\"kind\":{kind:?},\"text\":{:?},\"n\":{n},\"redone\":{redone},\"decoded\":{},\"s\":{},\"wall\":{el},\"last\":{last},\"reasons\":{:?}}}",
            texts.join(" "),
            dec as f64 / 16000.,
            pcm.len() as f64 / 16000.,
            reasons
        );
    }
}
