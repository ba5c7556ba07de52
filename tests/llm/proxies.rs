//! Tests the proxies of the environment: they are used for other hosts, never for this machine.

use crate::harness::{CLEAN, Daemon, endpoint, new_house, rewrite, text};
use crate::peer::{Act, Peer, STREAM, Then, reply, said};
use std::io::Write;

#[test]
fn a_proxy_is_used_but_not_for_this_machine() {
    let tunnel: Act = Box::new(|stream| {
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
        Then::Keep
    });
    let proxy = Peer::new(vec![tunnel, reply(STREAM, said(CLEAN))]);
    let program = new_house().with("ALL_PROXY", &proxy.url).with("HTTP_PROXY", &proxy.url).start();

    let here = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    assert_eq!(program.ask(&rewrite(endpoint(&here.url))), text(CLEAN));
    assert!(proxy.seen().requests.is_empty());

    // No host has a name with this ending (RFC 2606): only the proxy can know it.
    assert_eq!(program.ask(&rewrite(endpoint("http://llm.invalid/v1"))), text(CLEAN));
    let requests = proxy.seen().requests;
    assert!(requests[0].starts_with("CONNECT llm.invalid:80 "), "{}", requests[0]);
    assert!(requests[1].starts_with("POST /v1/chat/completions "), "{}", requests[1]);
}
