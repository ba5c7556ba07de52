//! The help text. Questions come through the socket, and the configuration names the allowed
//! endpoint.

use v2m_messages::tr;

/// Returns the text for `--help` and for invalid arguments.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-llm [--idle-seconds N]

Asks language models for v2m, which has no network access itself. systemd starts it when v2m
connects to its socket (v2m-llm.socket). It is of no use in a terminal.

  --idle-seconds N  exit after this time without a connection (default: 60)
  -h, --help        print this help
  -V, --version     print the version

It asks only the language model that llm.provider and llm.base_url in ~/.config/v2m/config.toml
name.

A key belongs to a host, and is sent to no other host. For generativelanguage.googleapis.com,
api.openai.com and ollama.com (https) v2m-llm looks for the key in this order:
  1. the systemd credential gemini-api-key, openai-api-key or ollama-api-key (LoadCredential=)
  2. the variable GEMINI_API_KEY, OPENAI_API_KEY or OLLAMA_API_KEY
  3. the file gemini.key, openai.key or ollama.key in ~/.config/v2m
For any other HOST:
  1. the systemd credential key-HOST (with a port: key-HOST_PORT)
  2. the file keys/HOST (with a port: keys/HOST:PORT) in ~/.config/v2m
Only you may be able to read a key file (chmod 600).

Environment:
  V2M_CONFIG        the configuration file
  V2M_LLM__PROVIDER, V2M_LLM__BASE_URL
                    override these settings; set them for v2m too
  V2M_LOG           debug: log more, but never a text or a key

Exit codes: 0 nobody was connected any more, 1 it failed, 2 wrong arguments,
69 it was started without its socket")
}
