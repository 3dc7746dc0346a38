"""The policy's own scalar types: durations, names, regions, resource ids, times of day."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticKnownError

from diskguard.model.ids import Region, ResourceId
from diskguard.policy import written
from diskguard.policy.wording import refused, shown

UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
LONGEST_DURATION: Final = timedelta(days=36_500)
LONGEST_TEXT: Final = 4_096
MOST_USER_TAGS: Final = 20  # of the 50 that Azure allows; a copy carries about 20 of ours

_DURATION = re.compile(r"([0-9]{1,10})([smhdw])", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_REGION = re.compile(r"[a-z][a-z0-9]{1,39}", re.ASCII)
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")
_MOUNT = re.compile(r"/[^\n\x00]*")
_CLUSTER_BY = re.compile(r"availability_set|scale_set|zone|fault_domain|tag:[^<>%&\\?/]{1,512}")
_ANY_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    if len(value) > LONGEST_TEXT:
        raise refused("too-long", f"this text is longer than {LONGEST_TEXT} characters")
    return value


def parse_duration(value: object) -> timedelta:
    """Give the duration that `10s`, `90m`, `24h`, `90d` or `2w` names; a timedelta passes through.

    A number without a unit, zero, and anything over a hundred years are refused.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = "a duration is a whole number and its unit, as in 10s, 90m, 24h, 90d or 2w"
        raise refused("bad-duration", message, _unit_hint(value))
    number, unit = int(match[1]), UNITS[match[2]]
    if not 0 < number <= LONGEST_DURATION // unit:
        raise refused("bad-duration", f"{shown(value)} is not between one second and 36500d")
    return number * unit


def _unit_hint(value: object) -> str | None:
    number = str(value)
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        return None
    return f"Say which unit is meant: {number}s, {number}m, {number}h or {number}d."


def format_duration(duration: timedelta) -> str:
    """Give the shortest text that `parse_duration` reads back as `duration` (whole seconds)."""
    for unit in ("d", "h", "m"):
        if not duration % UNITS[unit]:
            return f"{duration // UNITS[unit]}{unit}"
    return f"{duration // UNITS['s']}s"


def parse_region(value: object) -> Region:
    """Give the region as Azure spells it in answers: `West Europe` is `westeurope`."""
    text = _text(value)
    name = text.replace(" ", "").lower()
    if not _REGION.fullmatch(name):
        raise refused("bad-region", f"{shown(text)} is not a region name", "As in `westeurope`.")
    return Region(name)


def id_of(*kinds: str) -> Callable[[object], ResourceId]:
    """Give a parser for whole ids of these types, each as in `Microsoft.Compute/disks`."""
    example = f"/subscriptions/…/resourceGroups/…/providers/{kinds[0]}/…"

    def parse(value: object) -> ResourceId:
        text = str(value) if isinstance(value, ResourceId) else _text(value)
        if not _id_pattern(kinds).fullmatch(text):
            message = f"{shown(text)} is not the id of {' or '.join(kinds)}"
            raise refused("bad-resource-id", message, f"Write the whole id, as in {example}")
        return ResourceId(text)

    return parse


@cache
def _id_pattern(kinds: tuple[str, ...]) -> re.Pattern[str]:
    """Compiled when first needed: most policies name few ids, and starting should be quick."""
    paths = "|".join(_path_of(kind) for kind in kinds)
    group = rf"/subscriptions/{UUID.pattern}/resourceGroups/{_GROUP.pattern}"
    return re.compile(f"{group}/providers/(?:{paths})", re.IGNORECASE)


def _path_of(kind: str) -> str:
    provider, *types = kind.split("/")
    return re.escape(provider) + "".join(rf"/{each}/[^/\s]{{1,80}}" for each in types)


def _matching(pattern: re.Pattern[str], code: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise refused(code, f"{shown(text)} is not {what}")
        return text

    return AfterValidator(check)


def _check_subscription(text: str) -> str:
    if not UUID.fullmatch(text):
        hint = "The id, not the name: `az account show --query id`."
        raise refused("bad-subscription", f"{shown(text)} is not a subscription id", hint)
    return text.lower()


def _check_cron(text: str) -> str:
    if len(text.split()) != 5 or len(text) > 200:
        hint = "Minute, hour, day of month, month, day of week, as in `15 * * * *`."
        raise refused("bad-cron", f"{shown(text)} does not have the five fields of cron", hint)
    try:
        slot = next(CronSim(text, _ANY_INSTANT), None)
    # Beside its own error, cronsim fails on odd combinations such as `* * * * 1#1/2`.
    except (CronSimError, ValueError, TypeError, AssertionError) as error:
        reason = f": {error}" if isinstance(error, CronSimError) else ""
        raise refused("bad-cron", f"{shown(text)} is not a cron expression{reason}") from error
    if slot is None:
        hint = "Where day of month or day of week begins with `*`, both have to fit."
        raise refused("bad-cron", f"{shown(text)} has no slot in fifty years", hint)
    return text


def _check_time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        hint = "A name of the tz database, as in `Europe/Vienna`."
        raise refused("bad-timezone", f"{shown(text)} is not a time zone", hint) from error
    return text


def _check_tag_name(text: str) -> str:
    lowered = text.lower()
    if lowered.startswith(("diskguard-", "microsoft", "azure", "windows")):
        raise refused("reserved-tag", f"tags named {shown(text)} belong to diskguard or to Azure")
    if len(text) > 512 or set(text) & set("<>%&\\?/"):
        message = f"{shown(text)} is not a tag name: at most 512 characters, none of <>%&\\?/"
        raise refused("bad-tag", message)
    return text


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MOST_USER_TAGS:
        message = f"more than {MOST_USER_TAGS} tags: Azure allows 50, diskguard needs the others"
        raise refused("too-many-tags", message)
    if len({name.lower() for name in tags}) < len(tags):
        raise refused("duplicate-tag", "two tag names differ in case only; to Azure they are one")
    return tags


def _check_version(version: int) -> int:
    if version != 1:
        hint = "Write `version: 1`; for a newer layout, install a newer diskguard."
        raise refused("unknown-version", f"layout version {version} is not known here", hint)
    return version


def _check_freeze_limit(limit: timedelta) -> timedelta:
    if not timedelta(seconds=3) <= limit <= timedelta(seconds=60):
        message = f"a guest stays frozen for 3s to 60s, not {format_duration(limit)}"
        raise refused("out-of-range", message)
    return limit


def list_or_text(value: object) -> str:
    """Name the alternative of a key that takes a word or a list: by what was written."""
    return "list" if isinstance(value, list | tuple) else "text"


def _check_printable(text: str) -> str:
    if not text.strip():
        raise refused("empty-text", "this text is empty")
    return text


Text = Annotated[
    str,
    Field(strict=True, max_length=LONGEST_TEXT),
    AfterValidator(_check_printable),
    written.TEXT,
]
TagName = Annotated[Text, AfterValidator(_check_tag_name), written.TAG_NAME]
TagValue = Annotated[str, Field(strict=True, max_length=256)]
Name = Annotated[
    Text,
    _matching(
        _NAME, "bad-name", "a name: letters, digits, `.`, `_`, `-`, at most 63, no sign first"
    ),
    written.NAME,
]
Group = Annotated[Text, _matching(_GROUP, "bad-group", "a resource group's name"), written.GROUP]
Mount = Annotated[Text, _matching(_MOUNT, "bad-mount", "an absolute path"), written.MOUNT]
TimeOfDay = Annotated[
    Text,
    _matching(_TIME_OF_DAY, "bad-time", "a time of day, as in `01:30`"),
    written.TIME_OF_DAY,
]
ClusterBy = Annotated[
    Text,
    _matching(
        _CLUSTER_BY,
        "unknown-value",
        "availability_set, scale_set, zone, fault_domain or tag:NAME",
    ),
    written.CLUSTER_BY,
]
Subscription = Annotated[Text, AfterValidator(_check_subscription), written.SUBSCRIPTION]
Cron = Annotated[Text, AfterValidator(_check_cron), written.CRON]
TimeZone = Annotated[Text, AfterValidator(_check_time_zone), written.TIME_ZONE]
Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(written.DURATION),
]
FreezeLimit = Annotated[Duration, AfterValidator(_check_freeze_limit), written.FREEZE_LIMIT]
RegionName = Annotated[
    Region,
    PlainValidator(parse_region),
    PlainSerializer(str),
    WithJsonSchema(written.region_pattern()),
]


def _id_or_any(*kinds: str) -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    parse = id_of(*kinds)
    return (
        PlainValidator(lambda value: "*" if value == "*" else parse(value)),
        PlainSerializer(str),
        WithJsonSchema(written.id_pattern(*kinds, star=True)),
    )


def _region_or(word: str) -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    return (
        PlainValidator(lambda value: word if value == word else parse_region(value)),
        PlainSerializer(str),
        WithJsonSchema(written.region_pattern(word)),
    )


def _id_type(*kinds: str) -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    return (
        PlainValidator(id_of(*kinds)),
        PlainSerializer(str),
        WithJsonSchema(written.id_pattern(*kinds)),
    )


SourceId = Annotated[
    ResourceId, *_id_type("Microsoft.Compute/virtualMachines", "Microsoft.Compute/disks")
]
VmId = Annotated[ResourceId, *_id_type("Microsoft.Compute/virtualMachines")]
EncryptionSetId = Annotated[ResourceId, *_id_type("Microsoft.Compute/diskEncryptionSets")]
SubnetId = Annotated[ResourceId, *_id_type("Microsoft.Network/virtualNetworks/subnets")]
SecurityGroupId = Annotated[ResourceId, *_id_type("Microsoft.Network/networkSecurityGroups")]
EncryptionSetIdOrAny = Annotated[
    ResourceId | Literal["*"], *_id_or_any("Microsoft.Compute/diskEncryptionSets")
]
SubnetIdOrAny = Annotated[
    ResourceId | Literal["*"], *_id_or_any("Microsoft.Network/virtualNetworks/subnets")
]
RegionOrAny = Annotated[Region | Literal["*"], *_region_or("*")]
RegionOrPaired = Annotated[Region | Literal["paired"], *_region_or("paired")]
Version = Annotated[int, Field(strict=True), AfterValidator(_check_version), written.VERSION]
UserTags = Annotated[dict[TagName, TagValue], AfterValidator(_check_tags), written.USER_TAGS]
