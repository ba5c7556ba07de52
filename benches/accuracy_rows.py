"""Prints one row for each model from the output of `benches/speech.rs`: python3 benches/accuracy_rows.py RUN.jsonl...

Counts words as speech_score.py does. For recordings without speech, counts the words that the model wrote. `no text` counts the
recordings of speech that gave no text.
"""

import json
import sys

from speech_score import LANGUAGES, Runs, accuracy, errors, per_second


def group(run: dict) -> str:
    if not run["reference"]:
        return "no speech"
    return f"{LANGUAGES.get(run['language'], run['language'])}, {run['kind']}"


def without_text(runs: Runs) -> str:
    speech = [run for run in runs if run["reference"]]
    return f"{sum(not run['text'].strip() for run in speech)} of {len(speech)}"


def all_words(runs: Runs) -> str:
    wrong, said = map(sum, zip(*(errors(run) for run in runs)))
    return f"{wrong} of {said}"


def main() -> None:
    runs: Runs = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            # In a run for two languages, recordings without speech occur twice.
            once = {run["file"]: run for run in map(json.loads, lines)}
        runs.extend(once.values())
    models = list(dict.fromkeys(run["mode"] for run in runs))
    groups = sorted({group(run) for run in runs})
    heads = ["model", *groups, "all words wrong", "no text", "computing", "memory"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for model in models:
        own = [run for run in runs if run["mode"] == model]
        cells = [accuracy(kind) if (kind := [run for run in own if group(run) == name]) else "" for name in groups]
        memory = max(run["memory_mib"] for run in own)
        cells += [all_words(own), without_text(own), per_second(own, "compute_s"), f"{memory} MiB"]
        print(f"| {model} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
