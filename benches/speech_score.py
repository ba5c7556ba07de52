"""Table of what `benches/speech.rs` wrote: python3 benches/speech_score.py RUN.jsonl...

Text is normalised by Whisper's published rules (package whisper-normalizer: the English normaliser
for English, the basic one for other languages), words are compared by jiwer:
    pip install jiwer whisper-normalizer
"""

import json
import sys
from collections import defaultdict

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

ENGLISH, BASIC = EnglishTextNormalizer(), BasicTextNormalizer()


def errors(run: dict) -> tuple[int, int]:
    """Wrong words and words said. Without a reference every word is wrong."""
    normalise = ENGLISH if run["language"] == "en" else BASIC
    said, heard = normalise(run["reference"]), normalise(run["text"])
    if not said.strip() or not heard.strip():
        return len(said.split()) + len(heard.split()), len(said.split())
    words = jiwer.process_words(said, heard)
    return words.substitutions + words.deletions + words.insertions, len(said.split())


def percentile(values: list[float], p: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, round(p * (len(values) - 1)))]


def row(name: str, runs: list[dict]) -> str:
    wrong, said = map(sum, zip(*(errors(run) for run in runs)))
    total = {key: sum(run[key] for run in runs) for key in ("seconds", "compute_s", "decoded_s", "redone", "pieces")}
    stops = [run["stop_to_text_s"] for run in runs]
    rate = f"{100 * wrong / said:.1f} %" if said else f"{wrong} words"
    cells = [
        name, str(len(runs)), rate, f"{total['compute_s'] / total['seconds']:.2f}",
        f"{percentile(stops, .5):.2f}", f"{percentile(stops, .95):.2f}",
        f"{total['decoded_s'] / total['seconds']:.2f}", f"{total['redone']}/{total['pieces']}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    groups = defaultdict(list)
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                run = json.loads(line)
                groups[(run["language"] or "-", run["kind"], run["mode"])].append(run)
    print("| recordings | clips | WER | compute per s | stop to text p50 s | p95 s | decoded per s | redone/pieces |")
    print("|---|---|---|---|---|---|---|---|")
    for (language, kind, mode), runs in sorted(groups.items()):
        print(row(f"{language} {kind}, {mode}", runs))


if __name__ == "__main__":
    main()
