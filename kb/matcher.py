"""Which articles may answer a case, and why: the knowledge base as it is searched.

Pure and in memory. A mail is reduced to its gist, misspelt words are read as the desk's own, and
articles are ranked by the words they share with it (field-weighted BM25), by how their title reads
beside the subject, and by what solved cases taught. Only the postings of the question's own words
are touched, so the cost follows the question and hardly the number of articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from heapq import nlargest
from math import log, sqrt
from threading import Lock
from typing import Any

from rapidfuzz.fuzz import token_set_ratio

from kb.experience import Experience, Vote
from kb.gist import gist
from kb.index import Index
from kb.question import Question, ask
from kb.reasons import reason
from kb.shelf import Entry, Shelved, shelve
from kb.spelling import Speller
from kb.titles import Titles
from kb.words import SILENT, stem, tokens

__all__ = ["Entry", "Match", "Matcher", "Solved"]

_SUBJECT_READ = 200  # characters
_RERANKED = 30
# Beside the best share of words, which counts 1.
_BY_TITLE = 0.2
_BY_CASES = 0.6
_CASES_TRUSTED = 300  # solved cases of which half the vote is trusted
_HALF = 0.5  # evidence that scores one half
_LEAST = 0.2  # a lower score is chance: one right suggestion in a hundred has it
_LEAST_TYPED = 0.25
_BY_TEXT = 0.5  # of a title's worth


@dataclass(frozen=True, slots=True)
class Solved:
    """A past case, its subject as the first line of `text`, and the article that answered it."""

    text: str
    entry_id: Hashable


@dataclass(frozen=True, slots=True)
class Match:
    """An article that may answer.

    `score` is 0 to 1 and grows with two things: which share of the question's words the article
    accounts for, weighed by how rare they are, and how much the question says at all. So it can be
    compared between questions, short or long, and knowledge bases, small or large, but it is no
    probability. On real questions nine in ten first suggestions that were right score above .42;
    of questions about something else entirely half stay below that among 700 articles, and nearly
    all among 77. `reason` is for an agent to read.
    """

    id: Any
    score: float
    reason: str


class Matcher:
    """Articles and what solved cases taught about them. Threads may share one."""

    def __init__(self, entries: Iterable[Entry], solved: Iterable[Solved] = ()) -> None:
        self._index = Index(saturation=4.0, by_length=0.6)
        self._experience = Experience(self._index)
        self._titles = Titles()
        self._speller = Speller()
        self._shelf: dict[int, Shelved] = {}
        self._place_of: dict[Hashable, int] = {}
        self._places = 0
        self._lock = Lock()
        for entry in entries:
            self.add(entry)
        for case in solved:
            self.learn(case)

    def __len__(self) -> int:
        return len(self._shelf)

    def add(self, entry: Entry) -> None:
        """The article is found from now on, as it is now; what cases taught about it stays."""
        with self._lock:
            if entry.id in self._place_of:
                place = self._place_of[entry.id]
                self._unshelve(place)
            else:
                place = self._place_of[entry.id] = self._places
                self._places += 1
            shelved = self._shelf[place] = shelve(entry, self._speller)
            self._index.add(place, shelved.weights)
            self._titles.add(place, entry.title, entry.keywords, entry.number)

    def remove(self, id: Hashable) -> None:
        """The article is not found any more, and what cases taught about it is gone."""
        with self._lock:
            place = self._place_of.pop(id, None)
            if place is not None:
                self._experience.forget_article(place)
                self._unshelve(place)

    def _unshelve(self, place: int) -> None:
        self._index.remove(place, self._shelf.pop(place).weights)
        self._titles.remove(place)

    def learn(self, solved: Solved) -> None:
        """One more case was solved by an article; no-op where the article is not known."""
        with self._lock:
            place = self._place_of.get(solved.entry_id)
            if place is None:
                return
            said = gist(solved.text)
            spoken = Counter(tokens(said))
            for token in spoken:
                self._speller.overhear(token)
            spoken.update(tokens(said.partition("\n")[0]))
            words: Counter[str] = Counter()
            for token, times in spoken.items():
                if token not in SILENT:
                    words[stem(token)] += times
            self._experience.learn(place, words)

    def match(self, subject: str, text: str, *, limit: int = 3) -> list[Match]:
        """The articles that may answer this case, best first; none where nothing speaks for one.

        Without a subject the first line of the text is taken for one.
        """
        if not self._shelf:
            return []
        said = gist(text)
        if not subject.strip():
            subject, _, said = said.partition("\n")
        with self._lock:
            question = ask(subject[:_SUBJECT_READ], said, self._speller)
            votes = self._experience.votes(question.weights)
            evidence = self._evidence(question, votes)
            found = []
            for place in nlargest(limit, evidence, key=evidence.__getitem__):
                score = evidence[place] / (evidence[place] + _HALF)
                why = self._reason(question, place, votes[place].cases if place in votes else 0)
                if score >= _LEAST and why:
                    found.append(Match(self._shelf[place].id, score, why))
            return found

    def _evidence(self, question: Question, votes: Mapping[int, Vote]) -> dict[int, float]:
        """What speaks for the articles that were looked at closely, 0 and up."""
        shares = self._index.scores(question.weights)
        if not shares:
            return {}
        most = max(shares.values())
        relative = {place: share / most for place, share in shares.items()}
        trust = _BY_CASES * len(self._experience) / (len(self._experience) + _CASES_TRUSTED)
        for place, vote in votes.items():
            relative[place] = relative.get(place, 0.0) + trust * vote.share
        # A share of a long question says more than the same share of a short one; an unusual word
        # weighs log 2N, so that many of them stand for one in any knowledge base.
        unusual_words = self._index.weight(question.weights) / log(2 + 2 * len(self._shelf))
        scale = most * sqrt(unusual_words)
        return {
            place: scale * (relative[place] + _BY_TITLE * self._title_likeness(question, place))
            for place in nlargest(_RERANKED, relative, key=relative.__getitem__)
        }

    def _title_likeness(self, question: Question, place: int) -> float:
        return token_set_ratio(question.subject, self._shelf[place].plain_title) / 100

    def _reason(self, question: Question, place: int, cases: int) -> str:
        shelved = self._shelf[place]
        return reason(
            question,
            title=shelved.title,
            keywords=shelved.keywords,
            worth=self._worth(question, place),
            cases=cases,
        )

    def find(self, typed: str, *, limit: int = 10) -> list[Match]:
        """Articles for the search box: by title, keyword or number as one types, then by text.

        A score of 1 is the number itself.
        """
        with self._lock:
            question = ask("", typed[:_SUBJECT_READ], self._speller)
            numbered = self._titles.numbered(typed)
            scores = self._titles.like(typed) | numbered
            for place, worth in self._having(question).items():
                scores[place] = max(scores.get(place, 0.0), _BY_TEXT * worth)
            return [
                Match(
                    self._shelf[place].id,
                    scores[place],
                    f"number: {self._shelf[place].number}"
                    if place in numbered
                    else self._reason(question, place, 0) or "title or keyword",
                )
                for place in nlargest(limit, scores, key=scores.__getitem__)
                if scores[place] >= _LEAST_TYPED
            ]

    def _having(self, question: Question) -> dict[int, float]:
        """The articles with most of these words, however often: the share they have, 0 to 1."""
        shares = self._index.scores(question.weights)
        whole = self._index.weight(question.weights)
        return {
            place: sum(self._worth(question, place).values()) / whole
            for place in nlargest(_RERANKED, shares, key=shares.__getitem__)
        }

    def _worth(self, question: Question, place: int) -> dict[str, float]:
        """What the question's words that an article itself has are worth."""
        own = self._shelf[place].weights
        return {
            root: weight * self._index.rarity(root)
            for root, weight in question.weights.items()
            if root in own
        }
