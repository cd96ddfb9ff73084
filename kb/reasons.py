"""Why an article is suggested, in words for the agent who decides whether to send it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kb.question import Question
from kb.words import FAINT, SILENT, stem, stems, tokens

_WORDS_OF_TEXT = 3


def reason(
    question: Question,
    *,
    title: str,
    keywords: Iterable[str],
    weights: Mapping[str, float],
    cases: int,
) -> str:
    """Such as 'title: "reset password"; "pasword" read as "password"; 3 solved cases like this'.

    `weights` are the stems of the article with what each is worth for this question. Empty where
    nothing speaks for the article but words that every question has.
    """
    shared = [token for token in tokens(title) if _says_something(token, question)]
    topics = [keyword for keyword in keywords if set(stems(keyword)) & question.words.keys()]
    told = {stem(token) for token in shared} | {root for topic in topics for root in stems(topic)}
    in_text = [root for root in weights if root not in told and question.typed[root] not in FAINT]
    in_text.sort(key=lambda root: (-weights[root], root))
    parts = [
        f'title: "{" ".join(dict.fromkeys(shared))}"' if shared else "",
        f"keyword: {_quoted(topics)}" if topics else "",
        f"text: {_quoted(question.typed[root] for root in in_text[:_WORDS_OF_TEXT])}"
        if in_text
        else "",
        *(
            f'"{typed}" read as "{meant}"'
            for typed, meant in question.read_as.items()
            if stem(meant) in weights
        ),
        _counted(cases),
    ]
    return "; ".join(part for part in parts if part)


def _says_something(token: str, question: Question) -> bool:
    return token not in SILENT and token not in FAINT and stem(token) in question.words


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _counted(cases: int) -> str:
    if not cases:
        return ""
    return "1 solved case like this one" if cases == 1 else f"{cases} solved cases like this one"
