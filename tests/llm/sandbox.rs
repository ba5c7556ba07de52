//! What the program may not do, asked of the kernel.

use crate::harness::{CLEAN, House, endpoint, failed, rewrite, text};
use crate::peer::{Peer, STREAM, reply, said};
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
use std::fs;
use std::os::unix::fs::symlink;
use v2m_ipc::llm::Trouble;

/// Whether this kernel has Landlock: asked by a thread that takes a right from itself, and ends.
fn kernel_can() -> bool {
    let asking = std::thread::spawn(|| {
        let rules = Ruleset::default().handle_access(AccessFs::MakeSock).unwrap().create().unwrap();
        rules.restrict_self().unwrap().ruleset
    });
    asking.join().unwrap() != RulesetStatus::NotEnforced
}

#[test]
fn files_outside_its_few_folders_are_closed() {
    let house = House::new().file("home/store/openai.key", "from-the-store\n", 0o600);
    let (folder, store) = (house.path("config/v2m"), house.path("home/store"));
    let program = house.start();
    let peer = Peer::new((0..3).map(|_| reply(STREAM, said(CLEAN))).collect());
    let ask = || program.ask(&rewrite(endpoint(&peer.url)));
    assert_eq!(ask(), text(CLEAN));
    fs::copy(store.join("openai.key"), folder.join("openai.key")).unwrap();
    assert_eq!(ask(), text(CLEAN), "the folder of keys is open");
    // Its name now leads elsewhere, into files that are as much the user's.
    fs::rename(&folder, program.house.path("config/old")).unwrap();
    symlink(&store, &folder).unwrap();
    if kernel_can() {
        let (trouble, message) = failed(ask());
        assert!(message.contains("Permission denied"), "{message}");
        assert_eq!((trouble, peer.seen().requests.len()), (Trouble::Unavailable, 2));
        assert!(program.log().contains("files are closed"), "{}", program.log());
    } else {
        assert_eq!(ask(), text(CLEAN));
        assert!(program.log().contains("no Landlock"), "{}", program.log());
    }
}
