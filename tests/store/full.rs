//! Tests full disks and full queues.

use crate::bench::{Bench, CHILD, again, delivered};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use v2m::session::JobId;
use v2m::store::{Retention, Store, StoreEvent, read_pcm, unfinished};

/// Mounts a disk of 256 KiB if the kernel allows it; otherwise limits the size of files.
const SMALL_DISK: &str = r#"
if unshare -Urm true 2>/dev/null; then own="unshare -Urm"; else own="unshare -m"; fi
if $own sh -c 'mount -t tmpfs -o size=256k none "$1"' sh "$V2M_TEST_STORE_DIRECTORY" 2>/dev/null; then
    exec $own sh -c 'mount -t tmpfs -o size=256k none "$V2M_TEST_STORE_DIRECTORY" && exec "$@"' sh "$@"
fi
trap '' XFSZ
ulimit -f 200
exec "$@""#;

#[test]
fn a_full_disk_is_told_once_and_the_recording_comes_whole_when_there_is_space() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return fill_the_disk(Path::new(&directory));
    }
    let limited = "trap '' XFSZ; ulimit -f 200; exec \"$@\"";
    for script in [SMALL_DISK, limited] {
        let dir = tempfile::tempdir().unwrap();
        let name =
            "full::a_full_disk_is_told_once_and_the_recording_comes_whole_when_there_is_space";
        let child = again(name, dir.path(), &["sh", "-c", script, "sh"]);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        println!("{said}");
    }
}

fn fill_the_disk(directory: &Path) {
    let mut bench = Bench::open(&directory.join("d"), Retention::default());
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.event();
    for _ in 0..20 {
        bench.store.append(JobId(1), vec![5; 16_000].into()).unwrap();
    }
    let StoreEvent::AppendFailed { job: JobId(1), error } = bench.event() else { panic!() };
    assert!(error.to_string().contains("free some space"), "{error}");
    println!("told: {error}");
    let kept = read_pcm(&path).unwrap();
    assert!(!kept.is_empty() && kept.iter().all(|sample| *sample == 5));
    assert_eq!(unfinished(&directory.join("d")).unwrap()[0].samples, kept.len() as u64);
    bench.store.rewrite(JobId(1), vec![5; 320_000]).unwrap();
    assert!(matches!(bench.event(), StoreEvent::AppendFailed { .. }), "still full");
    bench.store.rewrite(JobId(1), vec![5; 1600]).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Recorded { samples: 1600, .. }));
    bench.store.finish(JobId(1), delivered("x")).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Finished { .. }));
    bench.dictate(2, &[1; 100], delivered("later jobs work"));
}

#[test]
fn audio_that_finds_no_place_is_refused_from_there_on_until_it_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::channel(1);
    // Nobody reads the events, so the thread blocks and the queue fills.
    let mut store = Store::spawn(dir.path().into(), Retention::default(), sender).unwrap();
    let part: Arc<[i16]> = vec![1; 160].into();
    let (mut job, mut refused) = (0, None);
    while refused.is_none() {
        job += 1;
        refused =
            store.begin(JobId(job)).and_then(|_| store.append(JobId(job), part.clone())).err();
    }
    assert!(store.append(JobId(job), part.clone()).is_err(), "no gap");
    store.rewrite(JobId(job), vec![1; 320]).unwrap();
    store.recorded(JobId(job)).unwrap();
    let path = store.path(JobId(job)).unwrap().to_owned();
    drop(store);
    while events.blocking_recv().is_some() {}
    assert_eq!(read_pcm(&path).unwrap().len(), 320);
}
