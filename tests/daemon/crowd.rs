//! More clients than it serves.

use crate::house::{House, failure};
use serde_json::Value;

#[test]
fn of_seventy_connections_sixty_four_are_served_and_six_are_told_why_not() {
    let service = House::new("").start();
    let mut clients: Vec<_> = (0..70).map(|_| service.connect()).collect();
    clients.iter_mut().for_each(|client| client.send("PING", Value::Null));
    let answers: Vec<_> = clients.iter_mut().map(|client| client.receive().unwrap()).collect();
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer["status"] == "success");
    assert_eq!((served.len(), refused.len()), (64, 6));
    for answer in refused {
        assert_eq!(failure(answer).0, "busy");
    }
    drop(clients);
    crate::house::wait_for("room for one more", || {
        let mut client = service.connect();
        (client.call("PING", Value::Null)["status"] == "success").then_some(())
    });
    service.ready();
    service.end();
}
