//! Tests which programs have a network: only `v2m-llm`, and only when it is asked. The model is a
//! server on loopback that waits for the test before it answers.

use crate::lab::{self, Client, Lab, assert_phrase, property, systemctl, wait_for};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::SystemTime;

const SOCKET: &str = "v2m-llm.socket";

/// A server with OpenAI's API. It answers with the given text in capitals, once the test allows it.
struct Model {
    port: u16,
    requests: Receiver<Request>,
}

/// A request. Dropping `go` releases the answer.
struct Request {
    head: String,
    body: Value,
    go: Sender<()>,
}

impl Model {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, requests) = channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let asked = asked.clone();
                thread::spawn(move || while answer(&stream, &asked).is_some() {});
            }
        });
        Self { port, requests }
    }

    fn asked(&self) -> Request {
        self.requests.recv_timeout(lab::PATIENCE).expect("the model is asked")
    }

    fn config(&self) -> String {
        format!(
            "[llm]\nprovider = \"openai\"\nmodel = \"loud\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n",
            self.port
        )
    }
}

/// Reads a request and answers it. Returns `None` at the end of the connection.
fn answer(mut stream: &TcpStream, asked: &Sender<Request>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[start..].to_lowercase();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if head.starts_with("GET ") {
        let list = json!({"data": [{"id": "loud"}, {"id": "quiet"}]}).to_string();
        return reply(stream, "application/json", &list);
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let user = body["messages"][1]["content"].as_str().unwrap();
    let lines: Vec<&str> = user.lines().collect();
    let said = lines[1..lines.len() - 1].join("\n").to_uppercase();
    let (go, wait) = channel();
    asked.send(Request { head, body, go }).unwrap();
    // The error is the signal: the test has dropped its end.
    let _ = wait.recv();
    let piece = json!({"choices": [{"delta": {"content": said}, "finish_reason": "stop"}]});
    let events = format!("data: {piece}\n\ndata: [DONE]\n\n");
    let done = reply(stream, "text/event-stream", &events);
    stream.flush().ok()?;
    done
}

fn reply(mut stream: &TcpStream, kind: &str, body: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).ok()
}

/// Returns the processes of a unit: its main process and all descendants.
fn processes(unit: &str) -> Vec<String> {
    let mut found = vec![property(unit, "MainPID")];
    let parent = |pid: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:\t").map(str::to_owned))
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all: Vec<_> = all.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let mut seen = 0;
    while let Some(one) = found.get(seen).cloned() {
        found.extend(all.iter().filter(|pid| parent(pid).as_ref() == Some(&one)).cloned());
        seen += 1;
    }
    found
}

/// Returns the sockets that the processes hold. Panics if a process hides its open files, except
/// for the recogniser, which cannot create sockets (`tests/confined.rs`).
fn sockets(processes: &[String]) -> HashSet<String> {
    let is_engine = |pid: &&String| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.starts_with("v2m-engine")
    };
    let files = processes.iter().filter(|pid| !is_engine(pid)).flat_map(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"));
        files.unwrap_or_else(|error| panic!("the files of process {pid}: {error}")).flatten()
    });
    let names =
        files.filter_map(|file| fs::read_link(file.path()).ok()?.to_str().map(str::to_owned));
    let inode = |name: String| Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    names.filter_map(inode).collect()
}

/// Returns the machine's network sockets, each with its peer's address as the kernel writes it.
fn network() -> HashMap<String, String> {
    let tables = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"];
    let text = |table| fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
    let rows: String = tables.map(text).concat();
    let column = |row: &str, n| row.split_whitespace().nth(n).map(str::to_owned);
    rows.lines().filter_map(|row| Some((column(row, 9)?, column(row, 2)?))).collect()
}

/// Returns how many network sockets the unit's processes hold.
pub(crate) fn network_sockets(unit: &str) -> usize {
    let processes = processes(unit);
    let network = network();
    sockets(&processes).iter().filter(|inode| network.contains_key(*inode)).count()
}

/// Returns the time in microseconds since 1970, as the journal has it.
fn now() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros()
}

/// Returns everything that programs of this name have written to the journal since then, once it
/// contains these words. It filters by the name in each line, because the journal may not know the
/// unit of a program that has already ended.
fn wait_for_words(program: &str, since: u128, words: &str) -> String {
    let since = format!("--since=@{}.{:06}", since / 1_000_000, since % 1_000_000);
    let filter = format!("SYSLOG_IDENTIFIER={program}");
    wait_for("what the program said", || {
        let said = lab::run("journalctl", &["--output=cat", &since, &filter]);
        said.contains(words).then_some(said)
    })
}

#[test]
fn with_no_model_nothing_of_v2m_has_a_network_and_the_sandbox_refuses_one() {
    let lab = Lab::new();
    let before = property("v2m-llm.service", "InvocationID");
    lab.dictate();
    let answer = lab.client().call("PROCESS_TEXT", json!({"text": "so um"})).unwrap();
    assert_eq!(
        (&answer["code"], &answer["data"]["text"]),
        (&json!("llm_unavailable"), &json!("so um"))
    );
    assert_eq!(property(SOCKET, "ActiveState"), "inactive", "there is nothing to connect to");
    assert_eq!(property(SOCKET, "UnitFileState"), "static", "nor at the next login");
    assert!(processes("v2m.service").len() >= 2, "the service and its recogniser");
    assert_eq!(network_sockets("v2m.service"), 0);
    assert_eq!(property("v2m-llm.service", "ActiveState"), "inactive");
    assert_eq!(property("v2m-llm.service", "InvocationID"), before, "it was not started");

    // Another program in the service's place, which tries to reach a listening socket.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached");
    assert_eq!(lab::run("bash", &["-c", &connect]).trim(), "reached");
    systemctl(&["stop", "v2m.service"]);
    let line = format!("ExecStart=\nExecStart=/bin/bash -c '{connect}'\nType=oneshot\nRestart=no");
    lab.override_service(&line);
    let since = now();
    assert!(!lab::try_run("systemctl", &["--user", "start", "v2m.service"]).status.success());
    let said = wait_for_words("bash", since, "Address family not supported");
    assert!(!said.contains("reached"), "{said}");
}

#[test]
fn io_uring_is_closed_to_the_services_which_would_open_sockets_past_their_filters() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ring.py");
    let call = "import ctypes\nring = ctypes.CDLL(None, use_errno=True).syscall(425, 4, ctypes.create_string_buffer(120))\n\
        print('a ring:', 'opened' if ring >= 0 else ctypes.get_errno())\n";
    fs::write(&program, call).unwrap();
    let path = program.to_str().unwrap();
    assert_eq!(lab::run("python3", &[path]).trim(), "a ring: opened");
    for unit in ["v2m.service", "v2m-llm.service", "v2m-remote.service"] {
        systemctl(&["stop", unit]);
        let start = format!("ExecStart=\nExecStart=python3 {path}\nType=oneshot\nRestart=no");
        lab.override_unit(unit, &start);
        let since = now();
        systemctl(&["start", unit]);
        let said = wait_for_words("python3", since, "a ring:");
        // EPERM
        assert!(said.contains("a ring: 1"), "{unit}: {said}");
        lab.override_unit(unit, "");
    }
}

#[test]
fn with_a_model_its_helper_alone_has_a_network() {
    let lab = Lab::new();
    let model = Model::start();
    lab.configure(&format!("{}[text]\nrefine = \"llm\"\n", model.config()));
    let mut client = lab.record();
    client.send("STOP_RECORDING", Value::Null).unwrap();
    let request = model.asked();
    assert_eq!(request.body["model"], "loud");
    assert!(!request.head.to_lowercase().contains("authorization"), "{}", request.head);
    assert_eq!(network_sockets("v2m.service"), 0);
    // Because of the key, the helper shows its open files to nobody. So the connection belongs to
    // none of the readable processes.
    let helper = property("v2m-llm.service", "MainPID");
    assert!(fs::read_dir(format!("/proc/{helper}/fd")).is_err());
    let peer = format!(":{:04X}", model.port);
    let network = network();
    let (inode, _) = network.iter().find(|(_, to)| to.ends_with(&peer)).expect("a connection");
    let own = [std::process::id().to_string()];
    let service = [processes("v2m.service"), own.to_vec()].concat();
    assert!(!sockets(&service).contains(inode));
    assert_eq!(lab.client().ask("GET_STATUS")["state"], "processing");
    drop(request.go);
    let answer = client.receive().unwrap();
    let data = &answer["data"];
    assert_phrase(data["text"].as_str().unwrap());
    assert_eq!(data["text"], data["unrefined"].as_str().unwrap().to_uppercase());
    let delivered = || lab.records().into_iter().find(|record| record["state"] == "delivered");
    assert_eq!(wait_for("the record", delivered)["unrefined"], data["unrefined"]);

    // The next question starts a stopped helper.
    systemctl(&["stop", "v2m-llm.service"]);
    let process = thread::spawn(|| lab::run("v2m-send", &["translate", "--last", "--to", "es"]));
    let request = model.asked();
    let system = request.body["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("into Spanish"), "{system}");
    drop(request.go);
    assert_eq!(process.join().unwrap().trim(), data["text"]);

    let found = lab::try_run("v2m", &["doctor"]);
    let found = String::from_utf8_lossy(&found.stdout);
    let line = found.lines().find(|line| line.contains("language model")).unwrap_or_default();
    assert!(line.starts_with("ok") && line.contains("loud"), "{found}");

    // The socket was opened for the first question, and is closed when no language model is
    // configured.
    assert_eq!(property(SOCKET, "ActiveState"), "active");
    lab::run("v2m-send", &["config", "set", "llm.provider=none"]);
    wait_for("the end of the socket", || {
        (property(SOCKET, "ActiveState") == "inactive").then_some(())
    });
    assert_eq!(property("v2m-llm.service", "ActiveState"), "inactive");
}

/// As with dotfiles in another folder, and an editor that replaces the file. Landlock rules apply
/// to files, not to names, so the running program cannot read the new one.
#[test]
fn a_configuration_that_is_a_link_is_followed_when_its_file_is_replaced() {
    let lab = Lab::new();
    let (old, new) = (Model::start(), Model::start());
    let (folder, dotfiles) = (lab.home.join(".config/v2m"), lab.home.join("dotfiles"));
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(&dotfiles).unwrap();
    let file = dotfiles.join("v2m.toml");
    fs::write(&file, old.config()).unwrap();
    std::os::unix::fs::symlink(&file, folder.join("config.toml")).unwrap();
    head_of_request(&lab, &old);
    let before = property("v2m-llm.service", "InvocationID");
    // The same content, so that v2m itself sees no change.
    fs::write(dotfiles.join("new"), old.config()).unwrap();
    fs::rename(dotfiles.join("new"), &file).unwrap();
    head_of_request(&lab, &old);
    assert_ne!(property("v2m-llm.service", "InvocationID"), before, "another process has answered");
    assert_eq!(property("v2m-llm.service", "Result"), "success");

    fs::write(dotfiles.join("new"), new.config()).unwrap();
    fs::rename(dotfiles.join("new"), &file).unwrap();
    let url = format!("http://127.0.0.1:{}/v1", new.port);
    wait_for("the new configuration", || {
        let config = lab.client().ask("GET_CONFIG");
        (config["config"]["llm"]["base_url"] == url.as_str()).then_some(())
    });
    head_of_request(&lab, &new);
    assert!(old.requests.try_recv().is_err());
    fs::remove_dir_all(dotfiles).unwrap();
}

/// Sends a request, and lets the model answer. Returns the head of the model's request.
fn head_of_request(lab: &Lab, model: &Model) -> String {
    let mut client: Client = lab.client();
    client.send("PROCESS_TEXT", json!({"text": "so um"})).unwrap();
    let request = model.asked();
    drop(request.go);
    assert_eq!(client.receive().unwrap()["data"]["text"], "SO UM");
    request.head
}

#[test]
fn a_key_comes_from_a_file_of_the_users_or_from_systemd_and_is_written_nowhere() {
    let lab = Lab::new();
    let model = Model::start();
    lab.configure(&model.config());
    // OpenAI's own key is sent to OpenAI only.
    let openais = lab.home.join(".config/v2m/openai.key");
    fs::write(&openais, "key-of-openai\n").unwrap();
    fs::set_permissions(&openais, fs::Permissions::from_mode(0o600)).unwrap();
    let head = head_of_request(&lab, &model);
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    let file = lab.home.join(format!(".config/v2m/keys/127.0.0.1:{}", model.port));
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "key-of-the-file\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let head = head_of_request(&lab, &model);
    assert!(head.contains("Bearer key-of-the-file\r\n"), "{head}");

    systemctl(&["stop", "v2m-llm.service"]);
    let secret = lab.home.join("credential");
    fs::write(&secret, "key-of-systemd").unwrap();
    let line = format!("LoadCredential=key-127.0.0.1_{}:{}", model.port, secret.display());
    lab.override_unit("v2m-llm.service", &line);
    let head = head_of_request(&lab, &model);
    assert!(head.contains("Bearer key-of-systemd\r\n"), "{head}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    lab.override_unit("v2m-llm.service", "");
    systemctl(&["stop", "v2m-llm.service"]);
    let answer = lab.client().call("PROCESS_TEXT", json!({"text": "so um"})).unwrap();
    assert_eq!(
        (&answer["code"], &answer["data"]["text"]),
        (&json!("llm_unavailable"), &json!("so um"))
    );
    assert!(answer["error"].as_str().unwrap().contains("chmod 600"), "{answer}");

    let config = lab.client().ask("GET_CONFIG").to_string();
    let journal = lab::run("journalctl", &["--user", "--no-pager"]);
    assert!(journal.contains("v2m-llm"), "it is in the journal");
    for secret in ["key-of-the-file", "key-of-systemd", "key-of-openai"] {
        assert!(!journal.contains(secret) && !config.contains(secret), "{secret}");
    }
    fs::remove_file(secret).unwrap();
}

#[test]
fn what_was_copied_is_rewritten_where_it_lies() {
    let lab = Lab::new();
    let model = Model::start();
    lab.configure(&model.config());
    lab::copy("añil y rojo");
    let process = thread::spawn(|| lab::run("v2m-send", &["process", "--clipboard"]));
    drop(model.asked().go);
    assert_eq!(process.join().unwrap(), "AÑIL Y ROJO\n");
    assert_eq!(lab::clipboard().as_deref(), Some("AÑIL Y ROJO"));
    lab.wait_for_notice("AÑIL Y ROJO");
}
