"""Measures the cost and the delay of words shown while somebody speaks. Sends one recording to an engine at the speed of speech.

usage: preview_cost.py ENGINE MODEL RECORDING.wav [preview]

With `preview` the engine runs as the preview. Prints the processor time per second of sound (without loading), the resident
memory, the time of the first words, and the average age of the newest words on the screen: how far they were behind the sound,
checked every 20 ms during the recording. Needs only Python, and an idle machine for valid times.
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
import wave

STEP = 320
RATE = 16_000


def used(pid: int) -> float:
    """Returns the processor time used so far, in seconds."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Returns the resident memory in MiB. A confined process shows only `statm`."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    engine, model, recording, *mode = sys.argv[1:]
    ours, theirs = socket.socketpair()
    arguments = [engine, "--model", model, "--vad", "assets/ggml-silero-v6.2.0.bin", "--threads", "1"]
    child = subprocess.Popen(arguments + (["--preview"] if mode else []), stdin=theirs)
    theirs.close()
    inbox = b""

    def send(kind: bytes, payload: bytes) -> None:
        ours.sendall(struct.pack(">I", 1 + len(payload)) + kind + payload)

    def receive(wait: float) -> list[dict]:
        nonlocal inbox
        messages = []
        if select.select([ours], [], [], wait)[0]:
            more = ours.recv(1 << 16)
            if not more:
                sys.exit(f"{engine} ended with status {child.wait()}")
            inbox += more
        while len(inbox) >= 4 and len(inbox) >= 4 + (size := struct.unpack(">I", inbox[:4])[0]):
            messages.append(json.loads(inbox[5 : 4 + size]))
            inbox = inbox[4 + size :]
        return messages

    loaded = None
    while loaded is None:
        for message in receive(300):
            if message["type"] == "load_failed":
                sys.exit(message["reason"])
            if message["type"] == "loaded":
                loaded = message
    before = used(child.pid)
    after_loading = resident(child.pid)
    send(b"J", json.dumps({"type": "begin", "job": 1, "options": {"language": "en", "beam_size": 5}}).encode())
    with wave.open(recording) as sound:
        pcm = sound.readframes(sound.getnframes())
    samples = len(pcm) // 2
    segments: dict[int, tuple[int, str]] = {}
    draft = (0, 0, "")
    first = None
    reach = 0
    ages = []
    texts = 0
    most = after_loading
    begun = time.monotonic()

    def take(wait: float) -> None:
        nonlocal draft, first, reach, texts
        for message in receive(wait):
            if message["type"] == "failed":
                sys.exit(message["reason"])
            if message["type"] != "segment":
                continue
            segment = message["segment"]
            if message["final"]:
                segments[segment["start"]] = (segment["end"], segment["text"])
            else:
                draft = (segment["start"], segment["end"], segment["text"])
            texts += 1
            if segment["text"] and first is None:
                first = time.monotonic() - begun
            reach = max(reach, segment["end"])

    for at in range(0, samples, STEP):
        while (left := begun + (at + STEP) / RATE - time.monotonic()) > 0:
            take(left)
        send(b"P", struct.pack(">I", 1) + pcm[2 * at : 2 * (at + STEP)])
        take(0)
        ages.append(min(at + STEP, samples) - reach)
        most = max(most, resident(child.pid))
    seconds = samples / RATE
    cost = used(child.pid) - before
    # The cost after the stop, when the daemon cancels the preview's job.
    send(b"J", json.dumps({"type": "cancel", "job": 1}).encode())
    time.sleep(1)
    after = used(child.pid) - before - cost
    shown = [text for _, (_, text) in sorted(segments.items())]
    shown += [draft[2]] if draft[1] > max([end for end, _ in segments.values()], default=0) else []
    print(
        f"{seconds:.1f} s: processor {cost / seconds:.3f} s per second, and {after:.2f} s after the stop; "
        f"resident {after_loading} MiB after loading, {most} at most; first words after {first or 0:.2f} s, "
        f"{texts} texts, newest words {sum(ages) / len(ages) / RATE:.2f} s old on average; loaded in {loaded['loaded_in_ms']} ms"
    )
    print(" ".join(shown)[:400])
    child.kill()


if __name__ == "__main__":
    main()
