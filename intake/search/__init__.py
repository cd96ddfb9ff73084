"""Finding cases, open and closed, by what anybody remembers of them.

A number; or words of the subject, of what was said, of file names, and of the customer's name and
addresses. Each word may stand in another place; the last one may be unfinished. The words are kept
by `indexing`, and what is typed reaches the database's query language only as letters and digits.
When nothing is found so, numbers one slip away are, and words that are spelt nearly like it.

It costs the same however many cases there are, because each step looks at so many and no more:

- A word that stands in more than `ENTRIES` texts is known by the newest of them alone; or, when it
  was common only long ago, by some of the oldest too (on PostgreSQL).
- Cases are taken from the words that stand in fewer; when all stand in more, from the texts that
  have them all, and from the newest of each. At most `CANDIDATES` are ranked.
- Who may see hardly any of these has the newest cases they do see looked at instead.
- Whether such a candidate has a word of too many texts is read in what it says itself, for at most
  `READ` of them, those with the rarer words in the most telling places first.
- A person whose name is found brings the newest of their cases.

So a word of every case finds what changed lately, and with a rarer word beside it what is meant.
"""

from __future__ import annotations

from intake.search.entries import cases_with_any
from intake.search.finding import MOST, By, Found, search
from intake.search.words import words_of

__all__ = ["MOST", "By", "Found", "cases_with_any", "search", "words_of"]
