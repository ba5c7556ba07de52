"""Compares the marks and capitals of a text with a reference: errors that word error rates ignore.

Compares only words that both texts have. Ignores the mark at the very end, because every text ends there.
"""

import difflib
import re
from dataclasses import dataclass, fields

STOPS = ".?!…。？！"
OTHERS = ",;:—–"
WORD = re.compile(r"\w[\w'’.\-]*\w|\w")


@dataclass
class Marks:
    """Counts over one or more texts."""

    words: int = 0
    same: int = 0
    false_stops: int = 0
    missed_stops: int = 0
    capitals: int = 0
    commas: int = 0

    def __add__(self, other: "Marks") -> "Marks":
        return Marks(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __radd__(self, other: int) -> "Marks":
        return self


def words(text: str) -> list[tuple[str, str, bool]]:
    """Returns each word in lower case, the mark after it (".", "," or none), and whether it begins with a capital."""
    found = list(WORD.finditer(text))
    result = []
    for at, word in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        between = text[word.end() : end]
        if any(mark in between for mark in STOPS):
            mark = "."
        else:
            mark = "," if any(mark in between for mark in OTHERS) else ""
        plain = re.sub(r"[\W_]", "", word[0].lower())
        result.append((plain, mark, word[0][0].isupper()))
    return result


def compare(right: str, heard: str) -> Marks:
    """Counts the differences in marks and capitals between `heard` and `right`."""
    said, got = words(right), words(heard)
    alike = difflib.SequenceMatcher(None, [w[0] for w in said], [w[0] for w in got], autojunk=False)
    marks = Marks(words=len(said))
    for block in alike.get_matching_blocks():
        for step in range(block.size):
            i, j = block.a + step, block.b + step
            (_, wanted, capital), (_, there, written) = said[i], got[j]
            marks.same += 1
            marks.capitals += i > 0 and j > 0 and capital != written
            if i + 1 == len(said) or j + 1 == len(got):
                continue
            marks.false_stops += there == "." != wanted
            marks.missed_stops += wanted == "." != there
            marks.commas += wanted != there and "." not in (wanted, there)
    return marks


def punctuated(text: str) -> bool:
    """Returns whether a transcript has punctuation: some have only words."""
    return any(mark in text for mark in STOPS)
