"""format=flowed (RFC 3676): lines that end in a space go on in the next."""

from __future__ import annotations


def unflowed(text: str, *, delete_space: bool) -> str:
    """`text` with its flowed paragraphs as single lines, quote marks and all."""
    out: list[str] = []
    paragraph: list[str] = []
    depth_before = -1
    for line in text.split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        if paragraph and depth != depth_before:
            _end(out, paragraph, depth_before)
        depth_before = depth
        flows = words.endswith(" ") and words != "-- "
        paragraph.append(words[:-1] if flows and delete_space else words)
        if not flows:
            _end(out, paragraph, depth)
    if paragraph:
        _end(out, paragraph, depth_before)
    return "\n".join(out)


def _end(out: list[str], paragraph: list[str], depth: int) -> None:
    mark = ">" * depth + " " if depth else ""
    out.append(mark + "".join(paragraph))
    paragraph.clear()
