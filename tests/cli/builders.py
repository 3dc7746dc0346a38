"""Nouns as tests of the command line need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from diskguard.cli.options import View
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import (
    Consistency,
    Grade,
    Location,
    LocationPart,
    Member,
    PointState,
    RestorePoint,
    Seal,
)

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TAKEN = datetime(2026, 11, 22, 12, 0, 41, 83_000, tzinfo=UTC)
SLOT = datetime(2026, 11, 22, 12, tzinfo=UTC)
POINT = "db01-3f9a2c-20261122T120000Z"
FROZEN = Consistency(
    requested=Grade.FILESYSTEM,
    achieved=Grade.FILESYSTEM,
    frozen_at=datetime(2026, 11, 22, 12, 0, 40, 112_000, tzinfo=UTC),
    thawed_at=datetime(2026, 11, 22, 12, 0, 44, 604_000, tzinfo=UTC),
    spread=timedelta(milliseconds=84),
    clock_error=timedelta(milliseconds=20),
)
DOWNGRADED = Consistency(
    requested=Grade.FILESYSTEM,
    achieved=Grade.CRASH,
    reason="the guest refused: no systemd",
    spread=timedelta(seconds=2),
)


def an_id(kind: str, name: str, group: str = "app") -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, group, f"Microsoft.Compute/{kind}", name)


def a_member(number: int = 1, location: Location = Location.PRIMARY, **changes: Any) -> Member:
    lun = None if number == 1 else number - 2
    role = "os" if lun is None else "data"
    group = "rg-eus" if location is Location.PRIMARY else "rg-wus"
    member = Member(
        number=number,
        disk_name=f"db01-{role}",
        disk_id=an_id("disks", f"db01-{role}"),
        disk_unique_id=f"unique-{number}",
        lun=lun,
        size_bytes=137_438_953_472,
        snapshot=an_id("snapshots", f"{POINT}-{role}", group),
        state=PointState.COMPLETE,
        percent=None,
        taken_at=TAKEN,
        region=Region("eastus" if location is Location.PRIMARY else "westus"),
        role=role,
    )
    return replace(member, **changes)


def a_seal(consistency: Consistency = FROZEN, members: int = 1) -> Seal:
    return Seal(
        consistency=consistency,
        members=members,
        taken_at=TAKEN,
        sealed_at=TAKEN + timedelta(seconds=20),
        run_id="00112233aabbccdd",
    )


def a_part(
    location: Location = Location.PRIMARY,
    state: PointState = PointState.COMPLETE,
    *members: Member,
    **changes: Any,
) -> LocationPart:
    shown = members or (a_member(location=location),)
    part = LocationPart(
        location=location,
        region=shown[0].region,
        state=state,
        members=shown,
        seal=a_seal(members=len(shown)),
    )
    return replace(part, **changes)


def a_copying_part(*percents: float | None) -> LocationPart:
    members = [
        a_member(number, Location.DR, state=PointState.COPYING, percent=percent)
        for number, percent in enumerate(percents, 1)
    ]
    return a_part(Location.DR, PointState.COPYING, *members)


def a_point(*parts: LocationPart, **changes: Any) -> RestorePoint:
    point = RestorePoint(
        id=POINT,
        policy="erp-prod",
        vm=an_id("virtualMachines", "db01"),
        source_name="db01",
        region=Region("eastus"),
        slot=SLOT,
        taken_at=TAKEN,
        state=PointState.COMPLETE,
        requested=Grade.FILESYSTEM,
        parts=parts or (a_part(), a_copying_part(37.0)),
    )
    return replace(point, **changes)


def an_unsealed_point() -> RestorePoint:
    part = a_part(Location.PRIMARY, PointState.PENDING, a_member(state=PointState.PENDING))
    return a_point(replace(part, seal=None), state=PointState.PENDING, taken_at=None)


def a_view(**changes: Any) -> View:
    view = View(
        output="table",
        log_format="text",
        log_file=None,
        verbosity=0,
        quiet=False,
        cloud=None,
        no_color=False,
    )
    return replace(view, **changes)
