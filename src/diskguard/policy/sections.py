"""The sections a rule may override: each key with its meaning and its default.

The reference page and the schema are generated from these descriptions.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from diskguard.policy.scalars import (
    ClusterBy,
    Cron,
    Duration,
    FreezeLimit,
    Mount,
    Name,
    Text,
    TimeOfDay,
    TimeZone,
    list_or_text,
)
from diskguard.policy.wording import refused
from diskguard.policy.written import DAYS_BELONG_TO_A_MODE, ONE_OF_CRON_AND_EVERY

LinuxMethod = Literal["fsfreeze", "crash", "offline"]
WindowsMethod = Literal["vss", "crash", "offline"]
Application = Literal["postgresql", "mysql", "mongodb", "cassandra", "redis", "oracle", "sqlserver"]


class Strict(BaseModel):
    """A section: unknown keys and values of another type are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


# -- how --------------------------------------------------------------------------------------


class Disks(Strict):
    """Disks left out of every restore point."""

    exclude_luns: tuple[Annotated[int, Field(ge=0, le=63)], ...] = Field(
        default=(), description="Data disks by their LUN.", examples=[[9]]
    )
    exclude_names: tuple[Text, ...] = Field(
        default=(),
        description="Disks by name, with `*` and `?`; upper and lower case are the same.",
        examples=[["*-tempdb"]],
    )


class Consistency(Strict):
    """What the disks of one restore point agree on, and how that is reached."""

    linux: LinuxMethod = Field(
        default="fsfreeze",
        description="`fsfreeze` freezes the file systems, `crash` does not, `offline` stops the VM.",
    )
    windows: WindowsMethod = Field(
        default="vss", description="`vss` asks Windows' shadow copy service; `crash`, `offline`."
    )
    freeze_limit: FreezeLimit = Field(
        default=timedelta(seconds=10),
        description="3s to 60s: the guest thaws itself at this limit, whatever happens.",
    )
    allow_without_systemd: bool = Field(
        default=False, description="Freeze guests without systemd too, with a weaker promise."
    )
    deallocate: bool = Field(
        default=False, description="`offline`: deallocate the VM instead of powering it off."
    )
    group: Name | None = Field(
        default=None, description="VMs of one group are frozen at the same instant."
    )
    fallback: Literal["crash", "none"] = Field(
        default="crash",
        description="What follows a freeze that failed; the level reached is recorded.",
    )
    on_downgrade: Literal["warn", "fail"] = Field(
        default="warn", description="`fail`: a point below the level asked ends in exit code 11."
    )
    mounts: Annotated[
        Annotated[Literal["auto"], Tag("text")]
        | Annotated[tuple[Mount, ...], Field(min_length=1), Tag("list")],
        Discriminator(list_or_text),
    ] = Field(
        default="auto",
        description="`auto` skips network, pseudo and read-only file systems; or a list of mounts.",
    )
    disks: Disks = Field(default_factory=Disks, description="Disks left out.")


class Hook(Strict):
    """A command run in the guest."""

    name: Name = Field(description="How reports call it.")
    run: tuple[Text, ...] = Field(
        min_length=1,
        description="The command and its arguments; no shell looks at them.",
        examples=[["psql", "-c", "CHECKPOINT"]],
    )
    timeout: Duration = Field(
        default=timedelta(seconds=30), description="After this the command is ended."
    )
    on_error: Literal["fail", "continue"] = Field(
        default="fail", description="Whether its failure fails the VM's backup."
    )


class Hooks(Strict):
    """Commands around the freeze."""

    application: tuple[Application, ...] = Field(
        default=(), description="Built-in hooks for applications."
    )
    before_freeze: tuple[Hook, ...] = Field(default=(), description="In order, before the freeze.")
    after_thaw: tuple[Hook, ...] = Field(
        default=(), description="Always run, also after a failure or a kill."
    )
    after_restore: tuple[Hook, ...] = Field(
        default=(), description="Run in a restored VM, with `--run-after`."
    )


# -- when -------------------------------------------------------------------------------------


class When(Strict):
    """Either `cron`, or `every` with an optional `at`."""

    model_config = ConfigDict(json_schema_extra=ONE_OF_CRON_AND_EVERY)

    cron: Cron | None = Field(default=None, description="Five fields, as in `15 * * * *`.")
    every: Duration | None = Field(default=None, description="The time between two slots.")
    at: TimeOfDay | None = Field(default=None, description="With `every`: the time of day, quoted.")
    timezone: TimeZone = Field(default="UTC", description="A name of the tz database.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "When":
        if (self.cron is None) == (self.every is None):
            hint = 'As in `cron: "15 * * * *"`, or `every: 24h` with `at: "01:30"`.'
            raise refused("bad-schedule", "a schedule needs either `cron` or `every`", hint)
        if self.at is not None and self.every is None:
            raise refused("bad-schedule", "`at` belongs to `every`", "Put the time into `cron`.")
        return self


class Schedule(When):
    """When points are due."""

    name: Name = Field(description="How reports call it.")


class Rpo(Strict):
    """The oldest the newest point may be, per location."""

    primary: Duration | None = Field(default=None, description="In the VM's own region.")
    dr: Duration | None = Field(default=None, description="In the other region.")


class Objectives(Strict):
    """What is promised to the business, and checked by `status`."""

    rpo: Rpo = Field(default_factory=Rpo, description="The oldest the newest point may be.")
    rto: Duration | None = Field(default=None, description="The longest a restore may take.")


# -- copies, retention, protection --------------------------------------------------------------


class Backlog(Strict):
    """What happens when copies are slower than points."""

    max_pending: int = Field(default=24, ge=1, le=500, description="Copies waiting per disk.")
    when_full: Literal["skip_oldest_unstarted"] = Field(
        default="skip_oldest_unstarted", description="Which copy gives way; it is recorded."
    )


class Copy(Strict):
    """Copies in the other region."""

    to: tuple[Literal["dr"], ...] = Field(
        default=("dr",), description="Where to; nothing is copied where `locations.dr` is absent."
    )
    which: Literal["all", "daily-first"] = Field(
        default="all", description="Every point, or the first of each day (UTC)."
    )
    speed: Literal["standard", "enhanced"] = Field(
        default="standard", description="`enhanced` is quicker and costs more."
    )
    backlog: Backlog = Field(
        default_factory=Backlog, description="When copies are slower than points."
    )


class Keep(Strict):
    """What one location keeps; the union of all rules wins. Buckets are UTC."""

    keep_last: int = Field(default=0, ge=0, le=500, description="The newest points.")
    hourly: int = Field(default=0, ge=0, le=500, description="One an hour.")
    daily: int = Field(default=0, ge=0, le=500, description="One a day.")
    weekly: int = Field(default=0, ge=0, le=500, description="One a week (ISO).")
    monthly: int = Field(default=0, ge=0, le=500, description="One a month.")
    yearly: int = Field(default=0, ge=0, le=500, description="One a year.")
    within: Duration | None = Field(
        default=None, description="Every point younger than this, by the clock."
    )
    within_hourly: Duration | None = Field(default=None, description="One an hour, this far back.")
    within_daily: Duration | None = Field(default=None, description="One a day, this far back.")
    within_weekly: Duration | None = Field(
        default=None, description="One a week (ISO), this far back."
    )
    within_monthly: Duration | None = Field(default=None, description="One a month, this far back.")
    within_yearly: Duration | None = Field(default=None, description="One a year, this far back.")
    min_keep: int = Field(
        default=1, ge=1, le=500, description="Complete points that stay whatever their age."
    )


class GoneSources(Strict):
    """Points of VMs and disks that no longer exist."""

    after: Duration = Field(description="Counted from the newest complete point.")
    min_keep: int = Field(default=1, ge=0, le=500, description="Points that stay all the same.")


class Retention(Strict):
    """What is kept. A location without an entry is never pruned."""

    primary: Keep | None = Field(default=None, description="In the VM's own region.")
    dr: Keep | None = Field(default=None, description="In the other region.")
    gone_sources: GoneSources | None = Field(
        default=None, description="Deleted VMs and disks; absent: their points stay."
    )


class Immutable(Strict):
    """Whether a location's points can be deleted before their time."""

    model_config = ConfigDict(json_schema_extra=DAYS_BELONG_TO_A_MODE)

    mode: Literal["none", "unlocked", "locked"] = Field(
        default="none", description="`locked` can never be shortened, by anybody."
    )
    days: Annotated[int, Field(ge=1, le=90)] | None = Field(
        default=None, description="For how long, 1 to 90."
    )

    @model_validator(mode="after")
    def _days_belong_to_a_mode(self) -> "Immutable":
        if (self.mode == "none") != (self.days is None):
            message = "`days` is needed with `unlocked` and `locked`, and only there"
            raise refused("bad-immutability", message)
        return self


class Immutability(Strict):
    """Set after the seal, or after the finished copy."""

    primary: Immutable = Field(default_factory=Immutable, description="In the VM's own region.")
    dr: Immutable = Field(default_factory=Immutable, description="In the other region.")


class Protection(Strict):
    """Who may delete and who may export."""

    immutability: Immutability = Field(default_factory=Immutability, description="Per location.")
    network_access: Literal["deny", "private", "allow"] = Field(
        default="deny", description="Who may export the snapshots."
    )


# -- how much -----------------------------------------------------------------------------------


class Cluster(Strict):
    """Which VMs must not stand still together."""

    by: ClusterBy = Field(
        description="`availability_set`, `scale_set`, `zone`, `fault_domain` or `tag:NAME`."
    )
    at_once: int = Field(default=1, ge=1, le=1000, description="How many of them at once.")
    on_failure: Literal["stop", "continue"] = Field(
        default="stop", description="Whether a failure stops the rest of the cluster."
    )


class Limits(Strict):
    """How much at once, and for how long."""

    parallel_vms: int = Field(default=32, ge=1, le=1000, description="VMs backed up side by side.")
    parallel_copies: int = Field(
        default=100,
        ge=1,
        le=100,
        description="Copies under way per subscription and region; Azure allows 100.",
    )
    cluster: Cluster | None = Field(
        default=None, description="Which VMs must not stand still together."
    )
    run_timeout: Duration = Field(
        default=timedelta(hours=2), description="A run ends here; the next one goes on."
    )
