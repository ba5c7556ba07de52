"""Inserts thinking pauses into fluent recordings: python3 benches/speech_pauses.py SPEECH OUT

Takes the FLEURS clips of SPEECH (a sentence or two each, read without stopping) and writes each twice: unchanged, and with up to
three pauses of 0.9 to 1.6 s at its quietest moments, filled with the recording's own background noise. The reference for the
second is the recogniser's text for the first, so that every difference comes from the pauses. Needs numpy. Inserts the same
pauses each time.
"""

import json
import sys
import wave
from pathlib import Path

import numpy

RATE = 16_000
FRAME = RATE // 100  # 10 ms
EDGE = 1.1  # seconds of speech before the first pause and after the last
APART = 1.7  # seconds of speech between two pauses
EACH = 2.5  # seconds of speech for each pause
LONG = (0.9, 1.6)  # seconds of a pause


def read(path: Path) -> numpy.ndarray:
    with wave.open(str(path)) as sound:
        return numpy.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)


def write(path: Path, samples: numpy.ndarray) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.clip(-32768, 32767).astype("<i2").tobytes())


def levels(samples: numpy.ndarray) -> numpy.ndarray:
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return numpy.sqrt((frames**2).mean(axis=1))


def places(level: numpy.ndarray) -> list[int]:
    """Returns the frames at which to pause, in order. Prefers the quietest."""
    floor = numpy.quantile(level, 0.05)
    voiced = numpy.flatnonzero(level > 4 * floor + 30)
    first, last = voiced[0] + int(EDGE * 100), voiced[-1] - int(EDGE * 100)
    smooth = numpy.convolve(level, numpy.full(5, 0.2), "same")
    wanted = min(3, max(1, int((last - first) / 100 / EACH)))
    chosen: list[int] = []
    for frame in numpy.argsort(smooth[first:last]) + first:
        if len(chosen) < wanted and all(abs(frame - other) > APART * 100 for other in chosen):
            chosen.append(int(frame))
    return sorted(chosen)


def background(samples: numpy.ndarray, level: numpy.ndarray, count: int, chance) -> numpy.ndarray:
    """Returns noise from the quietest twentieth of the recording; `count` is in samples."""
    quiet = numpy.argsort(level)[: max(10, len(level) // 20)]
    frames = [samples[frame * FRAME : (frame + 1) * FRAME] for frame in quiet]
    return numpy.concatenate([frames[chance.integers(len(frames))] for _ in range(count // FRAME)])


def main() -> None:
    speech, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    chance = numpy.random.default_rng(20)
    entries = []
    for line in (speech / "manifest.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if "-fleurs-" not in entry["file"] or entry["kind"] != "read":
            continue
        samples = read(speech / entry["file"])
        level = levels(samples)
        parts, at = [], 0
        for frame in places(level):
            pause = background(samples, level, int(chance.uniform(*LONG) * RATE), chance)
            parts += [samples[at : frame * FRAME], pause]
            at = frame * FRAME
        name = entry["file"].removesuffix(".wav") + "-paused.wav"
        write(out / entry["file"], samples)
        write(out / name, numpy.concatenate([*parts, samples[at:]]))
        same = {key: entry[key] for key in ("language", "text")}
        entries += [same | {"file": entry["file"], "kind": "fluent"}]
        pauses = len(parts) // 2
        entries += [same | {"file": name, "kind": "paused", "fluent": entry["file"], "pauses": pauses}]
    lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    (out / "manifest.jsonl").write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
