"""Which articles may answer a case, and why: the knowledge base as it is searched.

Pure and in memory. A mail is reduced to its gist, misspelt words are read as the desk's own, and
articles are ranked by the words they share with it (field-weighted BM25), by how their title reads
beside the subject, and by what solved cases taught. Only the postings of the question's own words
are touched, so the cost follows the question and hardly the number of articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
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
from kb.spelling import Speller
from kb.titles import Titles
from kb.words import SILENT, stem, tokens

_TITLE, _KEYWORD, _BODY = 5.0, 2.0, 1.0  # what a word counts in each
_BODY_READ = 20_000  # characters of an article that are indexed
_SUBJECT_READ = 200
_RERANKED = 30
# Beside the best share of words, which counts 1.
_BY_TITLE = 0.2
_BY_CASES = 0.6
_CASES_TRUSTED = 300  # solved cases of which half the vote is trusted
_HALF = 0.5  # evidence that scores one half
_LEAST = 0.2  # scores below are nonsense: see Match.score
_LEAST_TYPED = 0.25
_BY_TEXT = 0.6  # of a title's worth
_VOUCHED = 3  # cases in which an unknown word is taken to be spelt right

_NO_VOTE = Vote(0.0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as the matcher sees it. `id` is opaque."""

    id: Hashable
    title: str
    keywords: tuple[str, ...]
    body: str
    number: str = ""


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
    compared between questions, short or long, and knowledge bases, small or large. It is not a
    probability. `reason` is for an agent to read.
    """

    id: Any
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Shelved:
    """What is kept of an entry: its body only as the weights of its stems."""

    id: Hashable
    title: str
    keywords: tuple[str, ...]
    plain_title: str
    weights: Mapping[str, float]


class Matcher:
    """Articles and what solved cases taught about them. Threads may share one."""

    def __init__(self, entries: Iterable[Entry], solved: Iterable[Solved] = ()) -> None:
        self._index = Index(saturation=4.0, by_length=0.6)
        self._experience = Experience(self._index)
        self._titles = Titles()
        self._speller = Speller()
        self._customers_words: Counter[str] = Counter()
        self._shelf: dict[int, _Shelved] = {}
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
            weights = self._weigh(entry)
            plain = " ".join(tokens(entry.title))
            self._shelf[place] = _Shelved(entry.id, entry.title, entry.keywords, plain, weights)
            self._index.add(place, weights)
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

    def _weigh(self, entry: Entry) -> dict[str, float]:
        weights: dict[str, float] = {}
        for text, weight in (
            (entry.title, _TITLE),
            (" ".join(entry.keywords), _KEYWORD),
            (entry.body[:_BODY_READ], _BODY),
        ):
            for token in tokens(text):
                if token not in SILENT:
                    self._speller.learn(token)
                    root = stem(token)
                    weights[root] = weights.get(root, 0.0) + weight
        return weights

    def learn(self, solved: Solved) -> None:
        """One more case was solved by an article; no-op where the article is not known."""
        with self._lock:
            place = self._place_of.get(solved.entry_id)
            if place is None:
                return
            said = gist(solved.text)
            spoken = Counter(tokens(said))
            for token in spoken:
                self._vouch(token)
            spoken.update(tokens(said.partition("\n")[0]))
            words: Counter[str] = Counter()
            for token, times in spoken.items():
                if token not in SILENT:
                    words[stem(token)] += times
            self._experience.learn(place, words)

    def _vouch(self, token: str) -> None:
        # A word that several customers write is a word of theirs, not a slip.
        if not self._speller.knows(token):
            self._customers_words[token] += 1
            if self._customers_words[token] >= _VOUCHED:
                del self._customers_words[token]
                self._speller.learn(token)
            elif len(self._customers_words) > 100_000:
                self._customers_words.clear()

    def match(self, subject: str, text: str, *, limit: int = 3) -> list[Match]:
        """The articles that may answer this case, best first; none where nothing speaks for one.

        Without a subject the first line of the text is taken for one.
        """
        said = gist(text)
        if not subject.strip():
            subject, _, said = said.partition("\n")
        with self._lock:
            question = ask(subject[:_SUBJECT_READ], said, self._speller)
            votes = self._experience.votes(question.words)
            evidence = self._evidence(question, votes)
            best = nlargest(limit, evidence, key=evidence.__getitem__)
            found = (
                self._matched(question, place, evidence[place], votes.get(place, _NO_VOTE))
                for place in best
            )
            return [match for match in found if match.score >= _LEAST and match.reason]

    def _evidence(self, question: Question, votes: Mapping[int, Vote]) -> dict[int, float]:
        """What speaks for the articles that were looked at closely, 0 and up."""
        shares = self._index.scores(question.words)
        if not shares:
            return {}
        most = max(shares.values())
        relative = {place: share / most for place, share in shares.items()}
        trust = _BY_CASES * len(self._experience) / (len(self._experience) + _CASES_TRUSTED)
        for place, vote in votes.items():
            relative[place] = relative.get(place, 0.0) + trust * vote.share
        # A share of a long question says more than the same share of a short one; an unusual word
        # weighs log 2N, so that many of them stand for one in any knowledge base.
        unusual_words = self._index.weight(question.words) / log(2 + 2 * len(self._shelf))
        scale = most * sqrt(unusual_words)
        return {
            place: scale * (relative[place] + _BY_TITLE * self._title_likeness(question, place))
            for place in nlargest(_RERANKED, relative, key=relative.__getitem__)
        }

    def _title_likeness(self, question: Question, place: int) -> float:
        return token_set_ratio(question.subject, self._shelf[place].plain_title) / 100

    def _matched(self, question: Question, place: int, evidence: float, vote: Vote) -> Match:
        shelved = self._shelf[place]
        why = reason(
            question,
            title=shelved.title,
            keywords=shelved.keywords,
            weights={
                root: weight * self._index.rarity(root)
                for root, weight in question.words.items()
                if root in shelved.weights
            },
            cases=vote.cases,
        )
        return Match(shelved.id, evidence / (evidence + _HALF), why)

    def find(self, typed: str, *, limit: int = 10) -> list[Match]:
        """Articles for the search box: by title, keyword or number as one types, then by text.

        A score of 1 is the number itself.
        """
        with self._lock:
            question = ask("", typed[:_SUBJECT_READ], self._speller)
            scores = self._titles.like(typed)
            for place, share in self._index.scores(question.words).items():
                scores[place] = max(scores.get(place, 0.0), _BY_TEXT * share)
            best = nlargest(limit, scores, key=scores.__getitem__)
            return [
                replace(self._matched(question, place, 0.0, _NO_VOTE), score=scores[place])
                for place in best
                if scores[place] >= _LEAST_TYPED
            ]
