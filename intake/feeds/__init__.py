"""Holidays of others: business hours follow an iCalendar that somebody publishes at a URL.

An administrator names the feed (`subscribing`); it is fetched outside, by whoever has a network,
and what it gave is brought into the hours here (`refreshing`). What it says of days that are over
changes nothing, and a fetch that fails leaves the holidays as they were.
"""

from intake.feeds.refreshing import Call as Call
from intake.feeds.refreshing import Change as Change
from intake.feeds.refreshing import claim as claim
from intake.feeds.refreshing import due as due
from intake.feeds.refreshing import note_days as note_days
from intake.feeds.refreshing import note_failure as note_failure
from intake.feeds.refreshing import note_unchanged as note_unchanged
from intake.feeds.refreshing import offered_hours as offered_hours
from intake.feeds.refreshing import take as take
from intake.feeds.subscribing import DAILY_HOURS as DAILY_HOURS
from intake.feeds.subscribing import FeedChanged as FeedChanged
from intake.feeds.subscribing import HolidayFeed as HolidayFeed
from intake.feeds.subscribing import WrongFeed as WrongFeed
from intake.feeds.subscribing import add as add
from intake.feeds.subscribing import as_called as as_called
from intake.feeds.subscribing import change as change
from intake.feeds.subscribing import feed_of as feed_of
from intake.feeds.subscribing import of_calendars as of_calendars
from intake.feeds.subscribing import refresh as refresh
from intake.feeds.subscribing import remove as remove
