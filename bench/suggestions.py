"""How long a suggestion takes beside the obvious alternative, and how good it is.

    python -m bench.suggestions             latency at 1,000 and 10,000 made-up articles
    python -m bench.suggestions --corpus    MRR@10 on the real questions of DESKBELL_CORPUS

The yardstick is rapidfuzz's token_set_ratio over all titles, run on the same mails in the same run.
Times are CPU of this process, so that a busy machine does not count.
"""

from __future__ import annotations

import json
import os
import random
import string
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.process import extract

from kb.matcher import Entry, Matcher, Solved
from kb.words import tokens

CORPUS = Path(os.environ.get("DESKBELL_CORPUS", Path(__file__).parents[2] / "shared" / "data"))
_MAILS = 200
_ONSETS = ("b", "c", "d", "f", "g", "l", "m", "p", "r", "s", "t", "v", "br", "cl", "pr", "st", "tr")
_RHYMES = (
    "a",
    "al",
    "an",
    "ar",
    "ect",
    "el",
    "en",
    "er",
    "ess",
    "il",
    "in",
    "ing",
    "ist",
    "on",
    "um",
)


@dataclass(frozen=True, slots=True)
class Question:
    """One real question and the articles that answered it."""

    id: str
    text: str
    answers: frozenset[str]


def rows() -> Iterator[tuple[str, str, str]]:
    """What was measured, the time, and how many times faster than the yardstick it is."""
    for size in (1_000, 10_000):
        entries = made_up_articles(size)
        began = time.process_time()
        matcher = Matcher(entries)
        built = time.process_time() - began
        mails = [made_up_mail(entries, seed) for seed in range(_MAILS)]
        typed = [entry.title[: 6 + at % 20] for at, entry in enumerate(entries[:_MAILS])]
        titles = [" ".join(tokens(entry.title)) for entry in entries]
        yardstick = latencies(
            lambda mail, titles=titles: extract(mail, titles, scorer=token_set_ratio, limit=3),
            mails[:40],
        )
        yield f"{size:,} articles: token_set_ratio over titles", _shown(yardstick), "1.0"
        for name, call, asked in (
            ("match a mail", lambda mail, matcher=matcher: matcher.match("", mail), mails),
            ("find while typing", matcher.find, typed),
        ):
            took = latencies(call, asked)
            yield f"{size:,} articles: {name}", _shown(took), f"{yardstick[0] / took[0]:.1f}"
        added = latencies(matcher.add, [_edited(entry) for entry in entries[:50]])
        yield f"{size:,} articles: take in a changed article", _shown(added), ""
        yield f"{size:,} articles: build", f"{built:.2f} s", ""


def latencies(call: Callable[..., object], asked: list) -> tuple[float, float]:  # type: ignore[type-arg]
    """Median and 95th percentile of the CPU that a call takes, in milliseconds."""
    took = []
    for question in asked:
        began = time.process_time_ns()
        call(question)
        took.append((time.process_time_ns() - began) / 1e6)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.95)]


def made_up_articles(size: int) -> list[Entry]:
    """Articles of about 180 words, drawn as in real text: few words are common, most are rare."""
    chance = random.Random(size)
    vocabulary = _made_up_words(8_000 + size, chance)
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    lengths = [chance.randint(60, 300) for _ in range(size)]
    drawn = iter(chance.choices(vocabulary, weights, k=sum(lengths)))
    rare = iter(chance.choices(vocabulary[200:], k=5 * size))
    entries = []
    for at, length in enumerate(lengths):
        body = [next(drawn) for _ in range(length)]
        topic = [next(rare) for _ in range(3)]
        for word in topic * 3:
            body[chance.randrange(length)] = word
        title = " ".join([*topic, *body[:3]])
        keywords = (next(rare), next(rare))
        entries.append(Entry(at, title, keywords, " ".join(body), str(1_000 + at)))
    return entries


def made_up_mail(entries: list[Entry], seed: int) -> str:
    """A mail about one of the articles: half its words from it, one word in twenty misspelt."""
    chance = random.Random(seed)
    about, aside = chance.choice(entries), chance.choice(entries)
    words = chance.sample(about.body.split(), 30) + chance.sample(aside.body.split(), 30)
    chance.shuffle(words)
    misspelt = [_misspelt(word, chance) if chance.random() < 0.05 else word for word in words]
    return (
        f"Hello,\n\n{about.title}\n\n{' '.join(misspelt)}\n\nKind regards,\nAda\n\n"
        "On Tue, 12 Mar 2024 at 09:41, Support <support@example.com> wrote:\n> Thank you.\n"
    )


def _made_up_words(size: int, chance: random.Random) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < size:
        syllables = chance.choice((1, 2, 2, 3, 3, 4))
        pieces = (chance.choice(_ONSETS) + chance.choice(_RHYMES) for _ in range(syllables))
        words["".join(pieces)] = None
    return list(words)


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[:at] + chance.choice(string.ascii_lowercase) + word[at + 1 :]


def _edited(entry: Entry) -> Entry:
    return Entry(entry.id, entry.title, entry.keywords, entry.body + " edited", entry.number)


def _shown(took: tuple[float, float]) -> str:
    return f"p50 {took[0]:.2f} ms, p95 {took[1]:.2f} ms"


def corpus_matcher(folder: Path, *, solved: bool) -> Matcher:
    """The matcher over a question set's articles, with what its solved cases teach if asked."""
    entries = [
        Entry(item["id"], item["title"], tuple(item["keywords"]), item["body"], item["number"])
        for item in _lines(folder / "articles.jsonl")
    ]
    history = _lines(folder / "history.jsonl") if solved else []
    cases = (Solved(case["text"], article) for case in history for article in case["articles"])
    return Matcher(entries, cases)


def corpus_questions(folder: Path, *, noisy: bool) -> list[Question]:
    """The questions of a set that have an answer; `noisy` ones are mails with typos."""
    answers: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines():
        question, article, _ = line.split("\t")
        answers.setdefault(question, set()).add(article)
    return [
        Question(item["id"], item["text"], frozenset(answers[item["id"]]))
        for item in _lines(folder / ("queries_noisy.jsonl" if noisy else "queries.jsonl"))
        if item["id"] in answers
    ]


def mean_reciprocal_rank(matcher: Matcher, questions: list[Question]) -> float:
    """MRR@10: 1 where the first suggestion always answers, 1/2 where always the second."""
    total = 0.0
    for question in questions:
        ranked = matcher.match("", question.text, limit=10)
        ranks = (rank for rank, match in enumerate(ranked, 1) if match.id in question.answers)
        total += 1 / next(ranks, float("inf"))
    return total / len(questions)


def corpus_rows() -> Iterator[tuple[str, str, str]]:
    """MRR@10 on clean and noisy questions of each set, without and with solved cases."""
    for name, solved in (("sumo", False), ("sumo", True), ("banking77", False)):
        folder = CORPUS / "kb" / name
        if not folder.is_dir():
            yield f"{name}: not there", "", ""
            continue
        matcher = corpus_matcher(folder, solved=solved)
        scores = [
            mean_reciprocal_rank(matcher, corpus_questions(folder, noisy=noisy))
            for noisy in (False, True)
        ]
        label = f"{name}{', with solved cases' if solved else ''}: MRR@10"
        yield label, f"clean {scores[0]:.3f}", f"noisy {scores[1]:.3f}"


def _lines(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    for what, measured, ratio in corpus_rows() if "--corpus" in sys.argv else rows():
        print(f"{what:<50} {measured:<32} {ratio}", flush=True)
