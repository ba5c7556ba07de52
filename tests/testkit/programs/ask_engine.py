"""Plays the daemon's part in the engine protocol for one recording. Prints the backend, the device and the text.

usage: ask_engine.py ENGINE MODEL RECORDING.wav
"""

import json
import socket
import struct
import subprocess
import sys
import wave


def main() -> None:
    engine, model, recording = sys.argv[1:]
    ours, theirs = socket.socketpair()
    ours.settimeout(300)
    child = subprocess.Popen([engine, "--model", model, "--vad", "assets/ggml-silero-v6.2.0.bin"], stdin=theirs)
    theirs.close()
    stream = ours.makefile("rwb")

    def send(kind: bytes, payload: bytes) -> None:
        stream.write(struct.pack(">I", 1 + len(payload)) + kind + payload)
        stream.flush()

    def receive() -> dict:
        header = stream.read(4)
        if len(header) < 4:
            sys.exit(f"{engine} ended with status {child.wait()}")
        return json.loads(stream.read(*struct.unpack(">I", header))[1:])

    def wait_for(kind: str) -> dict:
        while True:
            message = receive()
            if message["type"] in ("load_failed", "failed"):
                sys.exit(f"{engine}: {message['reason']}")
            if message["type"] == kind:
                return message

    loaded = wait_for("loaded")
    send(b"J", json.dumps({"type": "begin", "job": 1, "options": {"language": "en"}}).encode())
    with wave.open(recording) as sound:
        pcm = sound.readframes(sound.getnframes())
    for start in range(0, len(pcm), 32_000):
        send(b"P", struct.pack(">I", 1) + pcm[start : start + 32_000])
    send(b"J", json.dumps({"type": "finish", "job": 1}).encode())
    text = wait_for("final")["text"]
    stream.close()
    ours.close()
    if child.wait() != 0:
        sys.exit(f"{engine} ended with status {child.returncode}")
    print(f"{loaded['backend']} on {loaded['device']}, loaded in {loaded['loaded_in_ms']} ms: {text}")


if __name__ == "__main__":
    main()
