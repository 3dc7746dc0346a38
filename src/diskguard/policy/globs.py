"""What two name patterns with `*` and `?` have in common; case makes no difference."""

from collections.abc import Iterable


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every name that fits `narrow` surely fits `wide`; sound, but not complete.

    What `narrow` leaves open, only a wildcard of `wide` takes.
    """
    if "*" not in wide and "?" not in wide:
        return wide.casefold() == narrow.casefold()
    wide, narrow = wide.casefold(), narrow.casefold()
    begins = wide.partition("*")[0].partition("?")[0]
    return narrow.startswith(begins) and _takes(wide, narrow)


def _takes(wide: str, narrow: str) -> bool:
    """Match `wide` as a pattern against `narrow`, whose wildcards are letters of their own."""
    reached = {0}
    for sign in narrow:
        reached = _after(wide, _stars_skipped(wide, reached), sign)
    return len(wide) in _stars_skipped(wide, reached)


def _after(wide: str, reached: set[int], sign: str) -> set[int]:
    there = set()
    for place in reached:
        if place == len(wide):
            continue
        if wide[place] == "*":
            there.add(place)
        elif wide[place] == sign or (wide[place] == "?" and sign != "*"):
            there.add(place + 1)
    return there


def _stars_skipped(wide: str, reached: Iterable[int]) -> set[int]:
    there = set()
    for place in reached:
        there.add(place)
        while place < len(wide) and wide[place] == "*":
            place += 1  # noqa: PLW2901 - the run of stars that starts here
            there.add(place)
    return there


def common_name(one: str, other: str) -> str | None:
    """Give a short name that fits both patterns, or None where there is none."""
    one, other = one.casefold(), other.casefold()
    waiting: list[tuple[int, int, str]] = [(0, 0, "")]
    seen = {(0, 0)}
    for left, right, name in waiting:  # grows while it is walked: breadth first
        if left == len(one) and right == len(other):
            return name
        for step in _steps(one[left : left + 1], other[right : right + 1]):
            ahead = (left + step[0], right + step[1])
            if ahead not in seen:
                seen.add(ahead)
                waiting.append((*ahead, name + step[2]))
    return None


def _steps(left: str, right: str) -> Iterable[tuple[int, int, str]]:
    """Give how both patterns may go on together: how far each, and by which letter."""
    if left == "*":
        yield 1, 0, ""
    if right == "*":
        yield 0, 1, ""
    if left == "*" and right not in ("", "*"):
        yield 0, 1, "x" if right == "?" else right
    elif right == "*" and left not in ("", "*"):
        yield 1, 0, "x" if left == "?" else left
    elif left and right and "*" not in (left, right) and (left == right or "?" in (left, right)):
        letter = right if left == "?" else left
        yield 1, 1, "x" if letter == "?" else letter
