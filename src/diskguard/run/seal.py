"""The last write: a point says what it is."""

from datetime import datetime, timedelta

from diskguard.errors import CloudUnreachable, ResourceMissing, Throttled
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Seal
from diskguard.plan.naming_seal import seal_tags
from diskguard.ports import Ports

TRIES = 4  # merging the same tags again changes nothing, so a lost answer is simply asked again
PAUSE = timedelta(seconds=5)


async def put_seal(first_member: ResourceId, seal: Seal, ports: Ports) -> None:
    """Write the seal onto the first member; from then on the point counts.

    A tag written just after a create may meet a 404 (arm-wire 3): asked again, a few times.
    """
    tags = seal_tags(seal)
    for attempt in range(1, TRIES + 1):
        try:
            await ports.compute.merge_tags(first_member, tags)
        except (CloudUnreachable, ResourceMissing, Throttled) as trouble:
            if attempt == TRIES:
                raise
            await ports.clock.sleep_until(_after(trouble, ports.clock.now()))
        else:
            return


def _after(trouble: Exception, now: datetime) -> datetime:
    asked = trouble.retry_after_seconds if isinstance(trouble, Throttled) else None
    return now + (PAUSE if asked is None else timedelta(seconds=asked))
