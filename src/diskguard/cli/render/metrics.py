"""A status as Prometheus metrics, all of one instant: gauges, and one histogram made anew each time.

Every sample has the policy among its labels: the files of several policies lie side by side, and
node_exporter refuses them all where one series is in two.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from diskguard.cli.render.escape import clean, scrub
from diskguard.model.ids import ResourceId
from diskguard.model.report import Traffic
from diskguard.plan.backup_limits import MOST_SNAPSHOTS
from diskguard.plan.freshness import Freshness
from diskguard.plan.status import Status

BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Seconds: no guest stands still for longer than `freeze_limit`, which is 60 s at most."""

_SOURCE: Final = ("policy", "rule", "subscription", "resource_group", "vm", "location")
_DISK: Final = ("policy", "subscription", "resource_group", "vm", "disk")


class StatusMetrics(Collector):
    """What prometheus-client collects: a status, and what it cost to see it."""

    def __init__(self, status: Status, traffic: Traffic, *, unseen: int) -> None:
        self._status = status
        self._traffic = traffic
        self._unseen = unseen

    def collect(self) -> Iterator[Metric]:
        """Give every family, also those without a sample: their help stays."""
        yield from _ages(self._status)
        yield from _points(self._status)
        yield from _last_run(self._status)
        yield _windows(self._status)
        yield from _quota(self._status)
        yield from _invocation(self._status, self._traffic, self._unseen)


def metrics_text(metrics: StatusMetrics) -> str:
    """Prometheus text format, version 0.0.4; labels are cleaned here and escaped by the library."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    return generate_latest(registry).decode()


def _ages(status: Status) -> Iterator[Metric]:
    rpo = _family("rpo_seconds", "The oldest the newest restorable point may be.", _SOURCE)
    age = _family(
        "age_seconds", "Age of the newest restorable point; none where there is none.", _SOURCE
    )
    newest = _family(
        "newest_point_timestamp_seconds", "When the newest restorable point was taken.", _SOURCE
    )
    late = _family("late", "1 if beyond the RPO, or without one beyond the schedule.", _SOURCE)
    risks = _family("risks", "Things to know of it: `diskguard status` says which.", _SOURCE)
    for each in status.freshness:
        labels = _source_labels(status, each)
        _add_span(rpo, labels, each.rpo)
        _add_span(age, labels, each.age)
        _add_instant(newest, labels, None if each.age is None else status.at - each.age)
        late.add_metric(labels, float(each.late))
        risks.add_metric(labels, len(each.risks))
    yield from (rpo, age, newest, late, risks)


def _points(status: Status) -> Iterator[Metric]:
    points = _family(
        "points", "Restore points by location and state there.", ("policy", "location", "state")
    )
    for (location, state), number in status.counts.items():
        points.add_metric([status.policy, location.value, state.value], number)
    copies = _family("copies_under_way", "Points on their way to the other region.", ("policy",))
    copies.add_metric([status.policy], len(status.copies))
    sizes = _family(
        "disk_bytes", "Sizes of the disks that have snapshots, each once.", ("policy", "location")
    )
    stored = _family(
        "stored_bytes_estimate", "An estimate of what the snapshots occupy.", ("policy", "location")
    )
    for each in status.sizes:
        sizes.add_metric([status.policy, each.location.value], each.disk_bytes)
        stored.add_metric([status.policy, each.location.value], each.estimated_bytes)
    yield from (points, copies, sizes, stored)


def _last_run(status: Status) -> Iterator[Metric]:
    labels, run = [status.policy], status.last_run
    end = _family("last_run_end_timestamp_seconds", "When a run last sealed a point.", ("policy",))
    took = _family(
        "last_run_duration_seconds", "From its first request to its last seal.", ("policy",)
    )
    whole = _family(
        "last_run_success", "1 if nothing begun since it began is incomplete.", ("policy",)
    )
    points = _family("last_run_points", "The points it sealed.", ("policy",))
    if run is not None:
        _add_instant(end, labels, run.ended_at)
        _add_span(took, labels, run.took)
        whole.add_metric(labels, float(run.whole))
        points.add_metric(labels, run.points)
    yield from (end, took, whole, points)


def _windows(status: Status) -> Metric:
    """Over the points there are: it falls as they are pruned, so it must not be `rate()`d.

    A plain histogram, because node_exporter's reader knows no gauge histogram.
    """
    family = HistogramMetricFamily(
        "diskguard_frozen_window_seconds",
        "How long guests stood still, over the points there are now.",
        labels=("policy",),
    )
    lengths = sorted(each.total_seconds() for each in status.windows)
    family.add_metric([clean(status.policy)], _buckets(lengths), sum(lengths))
    return family


def _buckets(lengths: Sequence[float]) -> list[tuple[str, float]]:
    """How many were at most so long, for each bound; all of them at last."""
    counts = [0] * (len(BUCKETS) + 1)
    for length in lengths:
        counts[bisect_left(BUCKETS, length)] += 1
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return [(bound, float(sum(counts[: number + 1]))) for number, bound in enumerate(bounds)]


def _quota(status: Status) -> Iterator[Metric]:
    used = _family("snapshots_used", "Snapshots of a disk in the policy's groups.", _DISK)
    for use in status.uses:
        used.add_metric([status.policy, *_place(use.source), clean(use.disk.name)], use.used)
    most = _family("snapshots_limit", "The most snapshots Azure takes of a disk.", ("policy",))
    most.add_metric([status.policy], MOST_SNAPSHOTS)
    yield from (used, most)


def _invocation(status: Status, traffic: Traffic, unseen: int) -> Iterator[Metric]:
    facts = {
        "requests": ("Requests this invocation sent to Azure.", traffic.requests),
        "throttled_requests": ("Those of them Azure refused as too many.", traffic.throttled),
        "unseen_subscriptions": ("Subscriptions that could not be read.", unseen),
        "shortages": ("Rules that take fewer VMs than they expect.", len(status.shortages)),
    }
    for name, (what, number) in facts.items():
        family = _family(name, what, ("policy",))
        family.add_metric([status.policy], number)
        yield family
    made = _family(
        "generated_timestamp_seconds", "When all this was read, by Azure's clock.", ("policy",)
    )
    _add_instant(made, [status.policy], status.at)
    yield made


def _family(name: str, what: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"diskguard_{name}", what, labels=labels)


def _source_labels(status: Status, fresh: Freshness) -> list[str]:
    return [status.policy, clean(fresh.rule), *_place(fresh.source), fresh.location.value]


def _place(source: ResourceId) -> tuple[str, str, str]:
    """Subscription, group and name: a name alone is not unique. A disk without a VM is named too."""
    subscription, group, name = (
        scrub(clean(text)) for text in (source.subscription, source.group, source.name)
    )
    return subscription.lower(), group.lower(), name


def _add_span(family: GaugeMetricFamily, labels: Sequence[str], span: timedelta | None) -> None:
    if span is not None:
        family.add_metric(labels, span.total_seconds())


def _add_instant(family: GaugeMetricFamily, labels: Sequence[str], when: datetime | None) -> None:
    if when is not None:
        family.add_metric(labels, when.timestamp())
