"""Prints tables from the output of `benches/speech.rs`: python3 benches/speech_score.py RUN.jsonl...

speech_marks.py compares marks and capitals. For words, the text is normalised by Whisper's published rules (package
whisper-normalizer: the English normaliser for English, the basic one for other languages) and compared by jiwer:
    pip install jiwer whisper-normalizer
"""

import json
import sys
from collections import defaultdict

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from speech_marks import Marks, compare, punctuated

ENGLISH, BASIC = EnglishTextNormalizer(), BasicTextNormalizer()
LANGUAGES = {"en": "English", "es": "Spanish", None: "none", "": "none"}
Runs = list[dict]


def errors(run: dict) -> tuple[int, int]:
    """Returns the number of wrong words and of words said. Without a reference, every word is wrong."""
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


def shares(runs: Runs) -> str:
    """Returns the seams decoded, the joins used of those tried, and their shares of the decoding time."""
    total = sum(run["compute_s"] for run in runs) or 1
    seams, seam_s, joins, joined, join_s = (
        sum(run.get(key, 0) for run in runs) for key in ("seams", "seam_s", "joins", "joined", "join_s"))
    return f"{seams} ({seam_s / total:.0%}), {joined} of {joins} ({join_s / total:.0%})"


def table(head: str, rows: dict, modes: list[str], cells) -> None:
    print(f"{head}\n\n| recordings | clips | {' | '.join(modes)} |")
    print("|---" * (len(modes) + 2) + "|")
    for name, by_mode in rows.items():
        clips = max(len(runs) for runs in by_mode.values())
        filled = [cells(by_mode[mode]) if mode in by_mode else "" for mode in modes]
        print(f"| {name} | {clips} | {' | '.join(filled)} |")
    print()


def marks(runs: Runs) -> str:
    """Compares the marks of the text with the transcript, or with the run's `right` text if it has one."""
    counts: Marks = sum(compare(run.get("right", run["reference"]), run["text"]) for run in runs)
    per_hundred = 100 * counts.commas / max(1, counts.same)
    return (f"{counts.false_stops} / {counts.missed_stops} / {counts.capitals}"
            f" / {per_hundred:.1f} ({counts.same} of {counts.words})")


def beside(runs: Runs, mode: str, kind) -> Runs:
    """Returns the runs for which `mode` has a reference text, with that text as `right`. `kind(run)` is the recording of the
    reference."""
    texts = {run["file"]: run["text"] for run in runs if run["mode"] == mode}
    return [run | {"right": texts[kind(run)]} for run in runs if kind(run) in texts]


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


def mark_rows(runs: Runs, modes: list[str]) -> dict:
    """Returns the rows of the table of marks. References: the transcript if it has punctuation, else batch's text; for thinking
    pauses, the same mode's text without them."""
    rows = {}

    def add(name: str, of: Runs) -> None:
        by_mode = {mode: [run for run in of if run["mode"] == mode] for mode in modes}
        if of:
            rows[name] = {mode: own for mode, own in by_mode.items() if own}

    speech = [run for run in runs if run["reference"] and run["kind"] not in ("paused", "fluent")]
    add("punctuated transcripts", [run for run in speech if punctuated(run["reference"])])
    others = [run for run in speech if not punctuated(run["reference"])]
    add("others, beside batch", [run for run in beside(others, "batch", lambda run: run["file"])
                                 if run["mode"] != "batch"])
    pauses = [run for run in runs if run["kind"] in ("paused", "fluent")]
    paused = [run for mode in modes for run in
              beside([run for run in pauses if run["mode"] == mode], mode, lambda run: run.get("fluent"))]
    count = sum(run["pauses"] for run in paused if run["mode"] == paused[0]["mode"]) if paused else 0
    add(f"{count} thinking pauses, beside the same without", paused)
    return rows


def main() -> None:
    runs: Runs = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            runs.extend(json.loads(line) for line in lines)
    modes = list(dict.fromkeys(run["mode"] for run in runs))
    pauses = {"paused", "fluent"}
    every, runs = runs, [run for run in runs if run["kind"] not in pauses] or runs
    kinds = grouped(runs, lambda run: f"{LANGUAGES[run['language']]}, {run['kind']}")
    lengths = grouped(runs, length)
    everything = {"all": grouped(runs, lambda _: "all")["all"]}
    table("Word error rate (wrong words)", kinds | everything, modes, accuracy)
    table("Seconds from stop to text, p50 / p95", lengths | everything, modes, stop_to_text)
    table("Seconds of computing per second of recording", lengths | everything, modes,
          lambda runs: per_second(runs, "compute_s"))
    rows = mark_rows(every, modes)
    if rows:
        table("Marks: false full stops / missed ones / wrong capitals / wrong commas per 100 words (words in common)",
              rows, modes, marks)
    paused = grouped([run for run in every if run["kind"] in pauses],
                     lambda run: "with thinking pauses" if run["kind"] == "paused" else "the same without")
    if paused:
        table("Word error rate (wrong words) of sentences", paused, modes, accuracy)
    streams = [mode for mode in modes if mode not in ("batch", "faster-whisper")]
    table("Seconds decoded per second of recording, and pieces decoded again", everything, streams,
          lambda runs: f"{per_second(runs, 'decoded_s')}, {redone(runs)}")
    table("Seams asked about, joins taken of those tried (shares of the time spent decoding)",
          everything | paused, streams, shares)


if __name__ == "__main__":
    main()
