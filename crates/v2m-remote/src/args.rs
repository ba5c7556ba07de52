//! The help text. Questions come through the socket, and the configuration names the allowed
//! endpoint.

use v2m_messages::tr;

/// Returns the text for `--help` and for invalid arguments.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-remote [--idle-seconds N]

Has a server transcribe for v2m, whose recogniser has no network access itself. systemd starts it
when v2m connects to its socket (v2m-remote.socket). It is of no use in a terminal.

  --idle-seconds N  exit after this time without a connection (default: 60)
  -h, --help        print this help
  -V, --version     print the version

It asks only the server that remote.base_url in ~/.config/v2m/config.toml names, and only if
engine.backend is \"remote\".

A key belongs to a host, and is sent to no other host. For HOST, v2m-remote looks for it in this
order:
  1. the systemd credential key-HOST (with a port: key-HOST_PORT)
  2. the file keys/HOST (with a port: keys/HOST:PORT) in ~/.config/v2m
For api.openai.com also openai-api-key, OPENAI_API_KEY and openai.key, as v2m-llm does.
Only you may be able to read a key file (chmod 600).

Environment:
  V2M_CONFIG        the configuration file
  V2M_ENGINE__BACKEND, V2M_REMOTE__BASE_URL
                    override these settings; set them for v2m too
  V2M_LOG           debug: log more, but never sound, a text or a key

Exit codes: 0 nobody was connected any more, 1 it failed, 2 wrong arguments,
69 it was started without its socket")
}
