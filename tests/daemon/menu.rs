//! Requests of a menu on the desktop over the session bus, such as the tray icon's.

use crate::house::{House, wait_for};
use crate::recording::Studio;
use std::collections::HashMap;
use v2m_testkit::private_bus::PrivateBus;

#[zbus::proxy(
    interface = "org.v2m.Dictation1",
    default_service = "org.v2m.Dictation1",
    default_path = "/org/v2m/Dictation1"
)]
trait Dictation {
    fn settings(&self) -> zbus::Result<HashMap<String, String>>;
    fn microphones(&self) -> zbus::Result<Vec<(String, String)>>;
    fn change_settings(&self, changes: HashMap<&str, &str>) -> zbus::Result<()>;
}

#[test]
fn a_menu_shows_the_microphones_that_are_there_and_chooses_one() {
    let bus = PrivateBus::start();
    let mut house = House::new("");
    house.bus = Some(bus.address.clone());
    let _studio = Studio::with(house);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let client = zbus::connection::Builder::address(bus.address.as_str());
        DictationProxy::new(&client.build().await.unwrap()).await.unwrap()
    });
    // The service connects to the bus in the background.
    let told = wait_for("the microphones", || runtime.block_on(client.microphones()).ok());
    let names: Vec<_> = told.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["microphone"]);
    runtime.block_on(async {
        assert_eq!(client.settings().await.unwrap()["microphone"], "");
        let chosen = HashMap::from([("microphone", "microphone")]);
        client.change_settings(chosen).await.unwrap();
        assert_eq!(client.settings().await.unwrap()["microphone"], "microphone");
    });
}
