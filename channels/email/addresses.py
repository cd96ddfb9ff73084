"""Mail addresses out of a header field, with what is wrong with each.

Two programs that read one odd `From` differently are how a stranger becomes somebody else: what is
checked by one is shown by the other. So nothing odd is mended in silence: it is read as most mail
programs read it, and the fault is named, which makes the sender unverified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from channels.email.words import readable

MAX_FIELD = 32 << 10
MAX_ADDRESSES = 500

_ADDRESS = re.compile(
    r"""(?:[^\s@<>"(),:;\\\[\]\x00-\x1f\x7f]{1,128}|"(?:[^"\\\r\n]|\\.){1,64}+")"""
    r"""@(?:[^\s@<>"'(),:;\\\[\]\x00-\x1f\x7f]{1,255}|\[[\w.:]{2,60}\])"""
)
_SIMPLE = re.compile(
    r"""\s*(?:"([^"\\<>@]{0,200})"|([^"<>@,;:()\\\[\]]{0,200}))\s*<([^\s<>@"(),:;\\\[\]]{1,64}@[^\s<>@"'(),:;\\\[\]]{1,255})>\s*"""
)
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*+"?+)|<(?P<angle>(?:"(?:[^"\\]|\\.)*+"|[^<>"])*+)>"""
    r"""|(?P<mark>[,;:(])|(?P<word>\[[^\]\s]{0,80}+\]|[^\s"<>,;:()]++|[<>)])|\s++""",
    re.S,
)
_PARENTHESIS = re.compile(r"\\.|[()]", re.S)
_INSIDE = re.compile(r"""[^\s@<>"'(),:;\[\]]++@[^\s@<>"'(),:;\[\]]++""")
_ESCAPED = re.compile(r"\\(.)", re.S)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a list, lower-case, the name beside it as shown, and what is wrong or ""."""

    address: str
    name: str = ""
    fault: str = ""
    rivals: tuple[str, ...] = ()
    """Other addresses that another program might take instead."""


def mailboxes(text: str) -> list[Mailbox]:
    """The addresses in the field `text`, in order. Never raises; time is linear in its length."""
    if m := _SIMPLE.fullmatch(text):
        return [_mailbox(m[3], m[1] or m[2] or "", "")]
    return _Reader(text[:MAX_FIELD]).read()


@dataclass(slots=True)
class _Reader:
    """Collects the words of one list element until a comma ends it."""

    text: str
    found: list[Mailbox] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    angles: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    """Words that follow the angle brackets."""
    fault: str = ""

    def read(self) -> list[Mailbox]:
        at, end = 0, len(self.text)
        while at < end and len(self.found) < MAX_ADDRESSES:
            m = _TOKEN.match(self.text, at)
            if m is None:
                at += 1
                continue
            at = m.end()
            if m["mark"] == "(":
                at = self.comment(at)
            elif m["mark"] == ":":
                self.group()
            elif m["mark"]:
                self.finish()
            elif m["angle"] is not None:
                self.angles.append(m["angle"].strip())
            elif m["quoted"] is not None:
                self.quoted(m["quoted"])
            elif m["word"]:
                if m["word"] in "<>)":
                    self.fault = self.fault or "a bracket without its partner"
                else:
                    self.word(m["word"])
        self.finish()
        return self.found

    def quoted(self, word: str) -> None:
        if len(word) < 2 or word[-1] != '"' or word.endswith('\\"'):
            self.fault = self.fault or "a quotation mark that is not closed"
        self.word(word)

    def word(self, word: str) -> None:
        (self.after if self.angles else self.words).append(word)

    def comment(self, at: int) -> int:
        """Where the comment ends that began before `at`: comments nest, and may stay open."""
        depth = 1
        for m in _PARENTHESIS.finditer(self.text, at):
            depth += {"(": 1, ")": -1}.get(m[0], 0)
            if depth == 0:
                self.comments.append(self.text[at : m.start()])
                return m.end()
        self.fault = self.fault or "a comment that is not closed"
        return len(self.text)

    def group(self) -> None:
        """What stood before the colon names a group, not a person."""
        self.words.clear()
        self.fault = "group syntax"

    def finish(self) -> None:
        """The element is complete: keep its address, if there is one."""
        if self.angles:
            self.found.extend(self.bracketed())
        elif self.words:
            self.found.extend(self.bare())
        self.words, self.angles, self.comments, self.after = [], [], [], []
        self.fault = self.fault if self.fault == "group syntax" else ""

    def bracketed(self) -> list[Mailbox]:
        fault = self.fault
        name = " ".join(_unquoted(word) for word in self.words) or " ".join(self.comments[:1])
        addresses = [_without_route(angle) for angle in self.angles]
        good = [address for address in addresses if _ADDRESS.fullmatch(address)]
        if any(":" in angle for angle in self.angles):
            fault = fault or "a route in the address"
        if len(addresses) > 1:
            fault = "several addresses in one"
        elif self.after:
            fault = fault or "text after the address"
        rivals = [*good[1:], *_INSIDE.findall(" ".join(self.after))]
        if not good:
            written = " ".join([*addresses, *self.words, *self.after])
            good, rivals = _readable_in(written)
            fault = fault or "an address that is not well formed"
        return [_mailbox(good[0], name, fault, rivals)] if good else []

    def bare(self) -> list[Mailbox]:
        whole = " ".join(self.words).replace('" @', '"@')
        name = " ".join(self.comments[:1])
        if _ADDRESS.fullmatch(whole):
            return [_mailbox(whole, name, self.fault)]
        for spelling in (whole, whole.replace(" @", "@").replace("@ ", "@"), readable(whole)):
            good, rivals = _readable_in(spelling)
            if good:
                others = [_unquoted(word) for word in self.words if "@" not in word]
                fault = self.fault or "an address that is not well formed"
                return [_mailbox(good[0], " ".join(others) or name, fault, rivals)]
        return []


def _readable_in(words: str) -> tuple[list[str], list[str]]:
    """The first address in malformed words, if any, and the others; none if they run together."""
    found = _INSIDE.findall(words)
    return ([], []) if words.count("@") > len(found) else (found[:1], found[1:])


def _mailbox(address: str, name: str, fault: str, rivals: list[str] | None = None) -> Mailbox:
    name, address = readable(name).strip(" '\""), readable(address).lower()
    if "@" in name and any(address != other.lower() for other in _INSIDE.findall(name)):
        fault = fault or "a name that looks like another address"
    others = {rival.lower(): None for rival in rivals or () if rival.lower() != address}
    return Mailbox(address, name, fault, tuple(others))


def _unquoted(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word[:1] == '"' == word[-1:] else word


def _without_route(angle: str) -> str:
    """`<@relay,@relay:ada@example.com>` is mail for ada by way of relays (RFC 5322, 4.4)."""
    return angle.rpartition(":")[2].strip()
