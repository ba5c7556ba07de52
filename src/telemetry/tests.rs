//! Tests the cache with a meter that counts its readings, on a simulated clock.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// A meter that returns the number of its readings as its figure. With a receiver, it waits for a
/// message before each reading.
struct Counter {
    readings: Arc<AtomicU32>,
    word: Option<Receiver<()>>,
}

impl Meter for Counter {
    fn read(&mut self, device: Option<&str>) -> Figures {
        if let Some(word) = &self.word {
            // A dropped sender counts as a message.
            let _ = word.recv();
        }
        let reading = self.readings.fetch_add(1, Ordering::SeqCst) + 1;
        let gpu = device.map(|name| Gpu {
            name: name.to_owned(),
            vram_used_mb: 1,
            vram_total_mb: 2,
            temp_c: None,
            percent: 0.0,
        });
        Figures { cpu_percent: reading as f32, ram: Ram { total: 2, used: 1 }, gpu }
    }
}

fn counter(word: Option<Receiver<()>>) -> (Telemetry<Counter>, Arc<AtomicU32>) {
    let readings = Arc::new(AtomicU32::new(0));
    (Telemetry::new(Counter { readings: readings.clone(), word }), readings)
}

#[tokio::test(start_paused = true)]
async fn however_often_one_asks_it_is_read_once_a_second() {
    let (mut telemetry, readings) = counter(None);
    for second in 1..4 {
        assert_eq!(telemetry.ask(Some("a GPU")), None);
        assert_eq!(telemetry.ask(None), None);
        let read = telemetry.next().await.unwrap();
        assert_eq!(read.cpu_percent, second as f32);
        assert_eq!(read.gpu.as_ref().unwrap().name, "a GPU");
        for _ in 0..1000 {
            assert_eq!(telemetry.ask(None).as_ref(), Some(&read));
        }
        assert_eq!(readings.load(Ordering::SeqCst), second);
        tokio::time::advance(FRESH).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_nobody_asks() {
    let (mut telemetry, readings) = counter(None);
    telemetry.ask(None);
    telemetry.next().await.unwrap();
    let hour = tokio::time::sleep(Duration::from_secs(3600));
    tokio::select! {
        biased;
        _ = telemetry.next() => panic!("nobody has asked"),
        () = hour => {}
    }
    assert_eq!(readings.load(Ordering::SeqCst), 1);
}

/// A driver that hangs must not block a user who asks for the status.
#[tokio::test(start_paused = true)]
async fn a_reading_that_hangs_is_answered_by_the_last_one_and_not_begun_again() {
    let (word, words) = sync_channel(2);
    let (mut telemetry, readings) = counter(Some(words));
    word.send(()).unwrap();
    telemetry.ask(None);
    let first = telemetry.next().await.unwrap();
    tokio::time::advance(FRESH).await;
    for _ in 0..3 {
        assert_eq!(telemetry.ask(None), None);
        tokio::time::advance(PATIENCE).await;
        assert_eq!(telemetry.next().await.as_ref(), Some(&first));
    }
    assert_eq!(readings.load(Ordering::SeqCst), 1);
    // Once the reading continues, its figures count like any others.
    assert_eq!(telemetry.ask(None), None);
    word.send(()).unwrap();
    assert_eq!(telemetry.next().await.unwrap().cpu_percent, 2.0);
    assert_eq!(telemetry.ask(None).unwrap().cpu_percent, 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_hangs_from_the_start_is_answered_by_none() {
    let (word, words) = sync_channel(1);
    let (mut telemetry, _) = counter(Some(words));
    telemetry.ask(None);
    tokio::time::advance(PATIENCE).await;
    assert_eq!(telemetry.next().await, None);
    word.send(()).unwrap();
}

#[test]
fn the_machine_has_memory() {
    let Figures { cpu_percent, ram, .. } = SystemMeters::new().read(None);
    assert!((0.0..=100.0).contains(&cpu_percent));
    assert!(ram.used > 0 && ram.used <= ram.total, "{ram:?}");
}
