"""Tables of what `benches/speech.rs` wrote: python3 benches/speech_score.py RUN.jsonl...

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
LANGUAGES = {"en": "English", "es": "Spanish", None: "none", "": "none"}
Runs = list[dict]


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


def accuracy(runs: Runs) -> str:
    wrong, said = map(sum, zip(*(errors(run) for run in runs)))
    return f"{100 * wrong / said:.1f} % ({wrong})" if said else f"{wrong} words"


def per_second(runs: Runs, key: str) -> str:
    return f"{sum(run[key] for run in runs) / sum(run['seconds'] for run in runs):.2f}"


def stop_to_text(runs: Runs) -> str:
    stops = [run["stop_to_text_s"] for run in runs]
    return f"{percentile(stops, .5):.2f} / {percentile(stops, .95):.2f}"


def redone(runs: Runs) -> str:
    return f"{sum(run['redone'] for run in runs)} of {sum(run['pieces'] for run in runs)}"


def table(head: str, rows: dict, modes: list[str], cells) -> None:
    print(f"{head}\n\n| recordings | clips | {' | '.join(modes)} |")
    print("|---" * (len(modes) + 2) + "|")
    for name, by_mode in rows.items():
        clips = max(len(runs) for runs in by_mode.values())
        filled = [cells(by_mode[mode]) if mode in by_mode else "" for mode in modes]
        print(f"| {name} | {clips} | {' | '.join(filled)} |")
    print()


def length(run: dict) -> str:
    if not run["reference"]:
        return "no speech"
    bounds = [(5, "up to 5 s"), (15, "5 to 15 s"), (60, "15 to 60 s")]
    return next((name for most, name in bounds if run["seconds"] <= most), "a minute or more")


def grouped(runs: Runs, name) -> dict:
    groups = defaultdict(lambda: defaultdict(list))
    for run in runs:
        groups[name(run)][run["mode"]].append(run)
    return dict(sorted(groups.items()))


def main() -> None:
    runs: Runs = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            runs.extend(json.loads(line) for line in lines)
    modes = list(dict.fromkeys(run["mode"] for run in runs))
    kinds = grouped(runs, lambda run: f"{LANGUAGES[run['language']]}, {run['kind']}")
    lengths = grouped(runs, length)
    everything = {"all": grouped(runs, lambda _: "all")["all"]}
    table("Word error rate (wrong words)", kinds | everything, modes, accuracy)
    table("Seconds from stop to text, p50 / p95", lengths | everything, modes, stop_to_text)
    table("Seconds of computing per second of recording", lengths | everything, modes,
          lambda runs: per_second(runs, "compute_s"))
    streams = [mode for mode in modes if mode not in ("batch", "faster-whisper")]
    table("Seconds decoded per second of recording, and pieces decoded again", everything, streams,
          lambda runs: f"{per_second(runs, 'decoded_s')}, {redone(runs)}")


if __name__ == "__main__":
    main()
