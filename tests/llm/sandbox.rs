//! Tests the program's confinement by the kernel.

use crate::harness::{CLEAN, Daemon, configure, endpoint, failed, new_house, rewrite, text};
use crate::peer::{Peer, STREAM, reply, said};
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use v2m_ipc::frame::Framing;
use v2m_ipc::llm::FailureKind;

/// Returns whether this kernel has Landlock. A thread tests it by restricting itself, and ends.
fn kernel_can() -> bool {
    let asking = std::thread::spawn(|| {
        let rules = Ruleset::default().handle_access(AccessFs::MakeSock).unwrap().create().unwrap();
        rules.restrict_self().unwrap().ruleset
    });
    asking.join().unwrap() != RulesetStatus::NotEnforced
}

#[test]
fn files_outside_its_few_folders_are_closed() {
    let house = new_house();
    let (folder, store) = (house.path("config/v2m"), house.path("home/store"));
    let config = house.path("home/v2m.toml");
    let peer = Peer::new((0..3).map(|_| reply(STREAM, said(CLEAN))).collect());
    let question = rewrite(endpoint(&peer.url));
    configure(&config, &question);
    let program = house.with("V2M_CONFIG", &config).start();
    let ask = || program.ask_uninvited(&question);
    assert_eq!(ask(), text(CLEAN), "the configuration is open, where it is said to be");
    program.give_key(&peer.url, "from-a-file");
    fs::rename(folder.join("keys"), &store).unwrap();
    fs::create_dir(folder.join("keys")).unwrap();
    let name = peer.url.trim_start_matches("http://");
    fs::copy(store.join(name), folder.join("keys").join(name)).unwrap();
    assert_eq!(ask(), text(CLEAN), "the folder of keys is open");
    assert!(peer.seen().requests[1].contains("from-a-file"));
    // The folder's name now leads to other files, which belong to the same user.
    fs::remove_dir_all(folder.join("keys")).unwrap();
    symlink(&store, folder.join("keys")).unwrap();
    if kernel_can() {
        let (trouble, message) = failed(ask());
        assert!(message.contains("Permission denied"), "{message}");
        assert_eq!((trouble, peer.seen().requests.len()), (FailureKind::Unavailable, 2));
        assert!(program.log().contains("files are closed"), "{}", program.log());
    } else {
        assert_eq!(ask(), text(CLEAN));
        assert!(program.log().contains("no Landlock"), "{}", program.log());
    }
}

#[test]
fn a_configuration_elsewhere_that_another_file_replaces_is_read_by_the_next_process() {
    let house = new_house();
    let (config, linked) = (house.path("config/v2m/config.toml"), house.path("home/v2m.toml"));
    let peer = Peer::new((0..2).map(|_| reply(STREAM, said(CLEAN))).collect());
    let question = rewrite(endpoint(&peer.url));
    configure(&linked, &question);
    symlink(&linked, &config).unwrap();
    let mut program = house.start();
    assert_eq!(program.ask_uninvited(&question), text(CLEAN), "a link's target is open");
    // As editors and `v2m-send config set` replace it.
    configure(&linked, &question);
    let mut client = program.connect();
    client.stream.write_all(&Framing::Length.encode(&question)).unwrap();
    if kernel_can() {
        assert_eq!(client.next(), None, "the connection ends, and its question is put again");
        assert_eq!(program.end().code(), Some(0), "{}", program.log());
        assert!(program.log().contains("starts anew"), "{}", program.log());
        program.again();
        assert_eq!(program.ask_uninvited(&question), text(CLEAN));
    } else {
        assert_eq!(client.next(), Some(text(CLEAN)));
    }
}
