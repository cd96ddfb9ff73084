"""Why an article is suggested, in words for the agent who decides whether to send it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intake.nouns import noun
from kb.question import Question
from kb.words import FAINT, SILENT, stem, tokens

_PUNCTUATION = ".,:;!?()[]\"'«»¿¡“”"
_KEYWORDS, _WORDS, _REPAIRS = 2, 3, 2  # named at most; an agent reads one line


def reason(
    question: Question,
    *,
    title: str,
    keywords: Iterable[str],
    worth: Mapping[str, float],
    cases: int,
) -> str:
    """Such as: title: "reset password"; "pasword" read as "password"; 3 solved cases like this one.

    `worth` says what each stem that the article shares with the question is worth. Empty where
    nothing speaks for the article but words that every question has.
    """
    in_title = _shared(title.split(), worth)
    topics = {keyword: _shared(keyword.split(), worth) for keyword in keywords}
    named = [keyword for keyword, shared in topics.items() if shared][:_KEYWORDS]
    told = in_title.keys() | {root for keyword in named for root in topics[keyword]}
    best_first = sorted(worth, key=lambda root: (-worth[root], root))
    in_text = [
        question.typed[root]
        for root in best_first
        if root not in told and question.typed[root] not in FAINT
    ]
    repaired = [
        f'"{question.slips[root]}" read as "{question.typed[root]}"'
        for root in best_first
        if root in question.slips and question.typed[root] not in FAINT
    ]
    parts = [
        f'title: "{" ".join(dict.fromkeys(in_title.values()))}"' if in_title else "",
        f"keyword: {_quoted(named)}" if named else "",
        f"text: {_quoted(in_text[:_WORDS])}" if in_text else "",
        *repaired[:_REPAIRS],
        _counted(cases),
    ]
    return "; ".join(part for part in parts if part)


def _shared(words: Iterable[str], worth: Mapping[str, float]) -> dict[str, str]:
    """Those that say something and are worth something, as written, one for each stem, in order."""
    shared: dict[str, str] = {}
    for word in words:
        for token in tokens(word):
            if token not in SILENT and token not in FAINT and stem(token) in worth:
                shared.setdefault(stem(token), word.strip(_PUNCTUATION))
    return shared


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _counted(cases: int) -> str:
    if not cases:
        return ""
    return (
        f"1 solved {noun} like this one"
        if cases == 1
        else f"{cases} solved {noun.many} like this one"
    )
