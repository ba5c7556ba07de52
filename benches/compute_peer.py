"""Measures faster-whisper (CTranslate2, int8) as benches/compute.rs measures whisper.cpp: the reference of benches/compute.sh."""

import argparse
import json
import time
import wave
from pathlib import Path

import numpy
from faster_whisper import WhisperModel
from speech_peer import weights


def timed(work):
    started, computed = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - computed}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="where the weights are, or come to be")
    parser.add_argument("recordings", type=Path, nargs="+")
    arguments = parser.parse_args()
    folder = str(weights(arguments.cache))
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=arguments.threads)
    model.transcribe(numpy.zeros(16_000, numpy.float32), language="en")
    for path in arguments.recordings:
        with wave.open(str(path)) as sound:
            pcm = sound.readframes(sound.getnframes())
        audio = numpy.frombuffer(pcm, "<i2").astype(numpy.float32) / 32_768
        features = model.feature_extractor(audio)
        whole = numpy.zeros((features.shape[0], 3000), numpy.float32)
        whole[:, : min(features.shape[1], 3000)] = features[:, :3000]

        def text(beams: int) -> str:
            found, _ = model.transcribe(
                audio, language="en", beam_size=beams, condition_on_previous_text=False, without_timestamps=True
            )
            return " ".join(segment.text.strip() for segment in found)

        works = {"encode": lambda: model.encode(whole), "text": lambda: text(5), "greedy": lambda: text(1)}
        for what, work in works.items():
            _, took = timed(work)
            print(json.dumps({"what": what, "file": path.name, "seconds": len(audio) / 16_000} | took), flush=True)


if __name__ == "__main__":
    main()
