"""Copies of snapshots in other regions: who copies what, and how many at once."""

from collections import defaultdict
from datetime import datetime

from diskguard_emulator.resources import Snapshot

Family = tuple[str, str, str]
Region = tuple[str, str]


class CopyBook:
    """Every copy of a world, found by target region, by chain and by source, without a search."""

    def __init__(self) -> None:
        self._of_family: dict[Family, dict[str, Snapshot]] = defaultdict(dict)
        self._of_source: dict[str, dict[str, Snapshot]] = defaultdict(dict)
        self._unfinished: dict[Region, dict[str, Snapshot]] = defaultdict(dict)

    def add(self, copy: Snapshot) -> None:
        """It began."""
        self._of_family[_family(copy)][copy.key] = copy
        self._of_source[copy.source.key][copy.key] = copy
        self._unfinished[_region(copy)][copy.key] = copy

    def remove(self, copy: Snapshot) -> None:
        """It was deleted."""
        self._of_family[_family(copy)].pop(copy.key, None)
        self._of_source[copy.source.key].pop(copy.key, None)
        self._unfinished[_region(copy)].pop(copy.key, None)

    def running(self, subscription: str, region: str, now: datetime) -> list[Snapshot]:
        """Those under way to that region."""
        book = self._unfinished[subscription.lower(), region.lower()]
        for key in [key for key, copy in book.items() if not _runs(copy, now)]:
            del book[key]
        return list(book.values())

    def of_chain(self, source: Snapshot, region: str) -> list[Snapshot]:
        """Every copy to that region, done or not, of snapshots of the same disk."""
        family = (source.subscription.lower(), region.lower(), source.family)
        return list(self._of_family[family].values())

    def of_source(self, source: Snapshot) -> list[Snapshot]:
        """Every copy of this snapshot."""
        return list(self._of_source[source.key].values())

    def touching(self, region: str) -> list[Snapshot]:
        """Every copy from or to that region."""
        every = [copy for book in self._of_source.values() for copy in book.values()]
        places = ((copy, {copy.location.lower(), copy.source.location.lower()}) for copy in every)
        return [copy for copy, regions in places if region.lower() in regions]


def _family(copy: Snapshot) -> Family:
    return (*_region(copy), copy.source.family)


def _region(copy: Snapshot) -> Region:
    return copy.subscription.lower(), copy.location.lower()


def _runs(copy: Snapshot, now: datetime) -> bool:
    return copy.progress is not None and copy.progress.running(now)
