//! Faults around v2m: sleep, the configuration, the models, and a language model that does not
//! answer.

use super::{Kind, PLAIN, Strike, strike, strike_until};
use crate::lab::{Lab, beside};
use crate::machine::{SETTINGS, delivering, main_pid, signal};
use crate::plan::Random;
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::thread;
use v2m_testkit::logind::Logind;

pub(super) const KINDS: [Kind; 6] = [
    Kind {
        name: "sleep",
        is_fresh: true,
        lasts: (0.2, 2.0),
        prepare: |lab, _| sleep(lab),
        ..PLAIN
    },
    Kind {
        name: "configuration-rewritten",
        lasts: (0.5, 3.0),
        prepare: |_, random| rewrite(random),
        ..PLAIN
    },
    Kind { name: "configuration-broken", lasts: (0.5, 3.0), prepare: |_, _| ruin(), ..PLAIN },
    Kind {
        name: "model-truncated",
        is_fresh: true,
        lasts: (0.5, 3.0),
        prepare: |lab, _| model(lab, 2),
        ..PLAIN
    },
    Kind {
        name: "model-replaced",
        is_fresh: true,
        lasts: (0.5, 3.0),
        prepare: |lab, _| model(lab, 1),
        ..PLAIN
    },
    Kind { name: "llm-hanging", is_fresh: true, prepare: |lab, _| language_model(lab), ..PLAIN },
];

/// Signals sleep as logind does, stops the service meanwhile, and signals the wake-up.
pub(crate) fn sleep(lab: &Lab) -> Strike {
    let logind = Logind::start();
    lab.override_service(&format!("Environment=DBUS_SYSTEM_BUS_ADDRESS={}", logind.address()));
    Box::new(move |_| {
        logind.say(true);
        let stopped = main_pid("v2m.service").inspect(|pid| signal(*pid, Signal::STOP));
        Box::new(move |_| {
            stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
            logind.say(false);
        })
    })
}

fn configured(text: String) -> Strike {
    strike_until(move |lab| lab.configure(&text), |lab| lab.configure(SETTINGS))
}

/// Changes settings, some of which restart the recogniser.
fn rewrite(random: &mut Random) -> Strike {
    let more = *random.one_of(&[
        "[engine]\nlanguage = \"en\"\n",
        "[engine]\nhang_seconds = 30\n",
        "[text]\nremove_fillers = true\n",
        "", // another `deliver.mode`
        "[session]\nmax_minutes = 5.0\n",
        "[engine]\nvocabulary = [\"Portland\"]\n",
    ]);
    configured(match more {
        "" => delivering("none"),
        more => format!("{SETTINGS}{more}"),
    })
}

fn ruin() -> Strike {
    configured("[engine\nlanguage = 5".to_owned())
}

/// Replaces the model by its first part, or by an identical copy, and later restores it.
fn model(lab: &Lab, part: usize) -> Strike {
    let name = "ggml-tiny.en-q8_0.bin";
    let (folder, whole) = (lab.models(), beside("models").join(name));
    fs::create_dir_all(&folder).expect("the home can be written");
    let put = move |lab: &Lab, part: usize| {
        let bytes = fs::read(&whole).expect("the tests have the model");
        let download = lab.models().join("download");
        let written = fs::write(&download, &bytes[..bytes.len() / part]);
        // Like `v2m-model pull`: the complete file gets its name in one step.
        written
            .and_then(|()| fs::rename(&download, lab.models().join(name)))
            .expect("there is room");
    };
    put(lab, 1);
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
    let back = put.clone();
    strike_until(move |lab| put(lab, part), move |lab| back(lab, 1))
}

/// Starts a server that accepts a question and never answers.
fn language_model(lab: &Lab) -> Strike {
    let server = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let port = server.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        let mut all = Vec::new();
        while let Ok((stream, _)) = server.accept() {
            all.push(stream);
        }
    });
    lab.configure(&format!(
        "{SETTINGS}[text]\nrefine = \"llm\"\n[llm]\nprovider = \"openai\"\nmodel = \"m\"\n\
         base_url = \"http://127.0.0.1:{port}/v1\"\ndictation_seconds = 1\n"
    ));
    strike(|_| {})
}
