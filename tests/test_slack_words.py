"""Text for Slack: as long as Slack takes, and nothing that turns into markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.slack.words import NOTHING, clean, cut, moment, pieces, plain, quoted, size

ANY = st.text(st.characters(), max_size=300) | st.text("a \n😀<&>\u202e", max_size=300)


@given(ANY, st.integers(2, 40))
def test_a_cut_text_is_never_longer_than_asked(text: str, most: int) -> None:
    found = cut(clean(text), most)

    assert size(found) <= most
    assert found.encode().decode() == found


@given(ANY, st.integers(2, 40))
def test_pieces_lose_no_word_and_are_short_enough(text: str, most: int) -> None:
    parts = pieces(clean(text), most)

    assert all(size(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(clean(text).split())


@given(ANY, st.integers(1, 200))
def test_quoted_words_hold_no_markup(text: str, most: int) -> None:
    found = quoted(text, most)

    assert "<" not in found
    assert ">" not in found
    assert "\n" not in found


@pytest.mark.parametrize("text", ["", "   ", "\u202e", "\x00\x07", "\ud800"])
def test_a_text_that_shows_nothing_says_so(text: str) -> None:
    assert plain(text, 20)["text"] == NOTHING


def test_an_instant_is_shown_in_each_readers_zone() -> None:
    at = datetime(2026, 3, 2, 14, 30, tzinfo=timezone(timedelta(hours=2)))

    assert moment(at) == (
        f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|02 Mar 2026 12:30 UTC>"
    )
    assert at.astimezone(UTC).hour == 12
