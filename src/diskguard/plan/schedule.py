"""When points are due: the slots of a schedule, as instants.

A schedule names local times; a slot is an instant. Where a zone changes its clocks, the rules are
those of Debian's cron (`man 8 cron`), for `cron` and for `every` alike:

* a schedule with `*` first in its minutes or hours, or of `every` up to an hour, goes by the time
  that passes: both passes of a doubled hour have slots, a skipped hour has none;
* any other goes by the clock on the wall: a doubled time is a slot once, at its first pass, and a
  skipped time is a slot at the instant of the change.

`every` counts from `at` (or midnight) of Monday 1970-01-05, on the wall: so `24h` is daily at that
time, `1w` each Monday, and `6h` at `01:30` is 01:30, 07:30, 13:30 and 19:30 all year.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from diskguard.policy.sections import When

_FIRST_MONDAY: Final = datetime(1970, 1, 5)  # noqa: DTZ001 - a wall clock's time, in any zone
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
# The longest `every` is 36500d, and a 29th of February may be eight years away.
_HORIZON: Final = timedelta(days=36_501)
_LOOKING_BACK: Final = (
    _HOUR,
    _DAY,
    *(timedelta(days=days) for days in (8, 32, 367, 9 * 366)),
    _HORIZON,
)


def slots_between(when: When, after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the slots with after < slot <= until, ascending, each once, in UTC."""
    newest = after.astimezone(UTC)
    for slot in _slots(when, newest):
        if slot > until:
            return
        if slot > newest:
            newest = slot
            yield slot


def last_slot(when: When, now: datetime) -> datetime | None:
    """Give the newest slot that is not after `now`; None if a hundred years have none."""
    for window in _LOOKING_BACK:
        newest = deque(slots_between(when, now - window, now), maxlen=1)
        if newest:
            return newest[0]
    return None


def next_slot(when: When, now: datetime) -> datetime:
    """Give the first slot after `now`; whatever schedule a policy accepts has one."""
    return next(slots_between(when, now, now + _HORIZON))


def _slots(when: When, after: datetime) -> Iterator[datetime]:
    """Give slots in order, from `after` or a little before it; some more than once."""
    zone, goes_by_time = ZoneInfo(when.timezone), _goes_by_time(when)
    second_passes: list[datetime] = []
    for wall in _walls(when, _first_wall(after, zone)):
        for number, instant in enumerate(_instants(wall, zone, goes_by_time=goes_by_time)):
            if number:
                heappush(second_passes, instant)
                continue
            while second_passes and second_passes[0] <= instant:
                yield heappop(second_passes)
            yield instant


def _goes_by_time(when: When) -> bool:
    if when.every is not None:
        return when.every <= _HOUR
    return any(field.startswith("*") for field in _cron(when).split()[:2])


def _cron(when: When) -> str:
    return when.cron or "* * * * *"


def _first_wall(after: datetime, zone: ZoneInfo) -> datetime:
    """Give what the wall shows then, or, shortly before it is put back, what it will show."""
    offsets = [(after + later).astimezone(zone).utcoffset() for later in (timedelta(), _DAY)]
    return after.replace(tzinfo=None) + min(each for each in offsets if each is not None)


def _walls(when: When, start: datetime) -> Iterator[datetime]:
    """Give the local times a schedule names, ascending, beginning near `start`."""
    if when.every is None:
        yield from CronSim(_cron(when), start)
        return
    at = time.fromisoformat(when.at or "00:00")
    first = datetime.combine(_FIRST_MONDAY, at)
    for number in count((start - first) // when.every):
        yield first + number * when.every


def _instants(wall: datetime, zone: ZoneInfo, *, goes_by_time: bool) -> tuple[datetime, ...]:
    """Give the instants at which clocks of the zone show that time, or stand for it."""
    before, after = _offsets(wall, zone)
    if before < after:  # skipped, see PEP 495
        return () if goes_by_time else (_end_of_gap(wall, zone),)
    if before > after and goes_by_time:
        return _utc(wall - before), _utc(wall - after)
    return (_utc(wall - before),)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    before, after = _offsets(wall, zone)
    while before < after:
        wall += _MINUTE
        before, after = _offsets(wall, zone)
    return _utc(wall - before)


def _offsets(wall: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """Give the offsets from UTC of the first and of the second pass; mostly they are one."""
    first, second = (zone.utcoffset(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return first or timedelta(), second or timedelta()


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)
