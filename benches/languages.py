#!/usr/bin/env python3
"""Measures how often a Whisper model detects the wrong language from the first seconds of voice, and the cost: the table
"Detecting the language" of docs/performance.md. Asks an engine over the engine protocol, as the daemon does for a model that
must be told the language. Only measures: no result makes it fail.

usage: languages.py ENGINE MODEL SPEECH [SECONDS…]

SPEECH is a folder with a manifest.jsonl. Uses all recordings in one language, including noisy and long ones.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import wave

RATE = 16_000
CHOICES = {"2": ["en", "es"], "4": ["en", "es", "de", "fr"], "all": []}
TICKS = os.sysconf("SC_CLK_TCK")


class Engine:
    """An engine with its model loaded."""

    def __init__(self, program: str, model: str) -> None:
        ours, theirs = socket.socketpair()
        self.child = subprocess.Popen(
            [program, "--model", model, "--vad", "assets/ggml-silero-v6.2.0.bin", "--threads", "1"], stdin=theirs
        )
        theirs.close()
        self.stream = ours.makefile("rwb")
        self.job = 0
        self.answered = set()
        self.until("loaded")

    def send(self, kind: bytes, payload: bytes) -> None:
        """Sends a frame."""
        self.stream.write(struct.pack(">I", 1 + len(payload)) + kind + payload)
        self.stream.flush()

    def until(self, *kinds: str) -> dict:
        """Returns the next message of one of these kinds."""
        while True:
            header = self.stream.read(4)
            if len(header) < 4:
                sys.exit(f"the engine ended with status {self.child.wait()}")
            message = json.loads(self.stream.read(*struct.unpack(">I", header))[1:])
            # The job was already answered, so its `finish` fails.
            is_late = message.get("job") in self.answered
            if message["type"] in ("load_failed", "failed") and not is_late:
                sys.exit(message["reason"])
            if message["type"] in kinds:
                return message

    def processor(self) -> float:
        """Returns the processor time used so far, in seconds."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def language(self, pcm: bytes, after: float, among: list[str], before: str | None) -> dict:
        """Returns the engine's message with the language of a recording."""
        self.job += 1
        options = {"language": before, "languages": among, "language_after": int(after * RATE)}
        self.send(b"J", json.dumps({"type": "begin", "job": self.job, "options": options}).encode())
        for start in range(0, len(pcm), 2 * RATE):
            self.send(b"P", struct.pack(">I", self.job) + pcm[start : start + 2 * RATE])
        self.send(b"J", json.dumps({"type": "finish", "job": self.job}).encode())
        message = self.until("language")
        self.answered.add(self.job)
        return message


def recordings(speech: str) -> list[tuple[str, str, bytes]]:
    """Returns the name, language and samples of each English or Spanish recording with words."""
    found = []
    with open(os.path.join(speech, "manifest.jsonl"), encoding="utf-8") as manifest:
        for line in manifest:
            entry = json.loads(line)
            name, code = entry["file"], entry["language"]
            if code in ("en", "es") and entry["text"].strip():
                with wave.open(os.path.join(speech, name)) as sound:
                    found.append((name, code, sound.readframes(sound.getnframes())))
    return found


def main() -> None:
    """Measures each length of voice with each choice of languages."""
    program, model, speech, *windows = sys.argv[1:]
    engine = Engine(program, model)
    all_of_them = recordings(speech)
    print(f"{os.path.basename(model)}: {len(all_of_them)} recordings")
    for window in [float(seconds) for seconds in windows or ("0.5", "1", "1.5", "2", "3", "5", "25")]:
        row = []
        for label, among in CHOICES.items():
            for expected in (None, "other") if label == "2" else (None,):
                wrong, before = [], engine.processor()
                for name, code, pcm in all_of_them:
                    other = {"en": "es", "es": "en"}[code] if expected else None
                    heard = engine.language(pcm, window, among, other)["language"]
                    if heard != code:
                        wrong.append(f"{name}={heard}")
                took = (engine.processor() - before) / len(all_of_them)
                what = f"{label}{', other expected' if expected else ''}"
                row.append(f"{what}: {len(wrong)} wrong, {took:.3f} s {' '.join(wrong)}")
        print(f"{window} s\n  " + "\n  ".join(row), flush=True)


if __name__ == "__main__":
    main()
