"""Where the copies of one source go: region, group, key; or why they cannot go anywhere."""

from diskguard.model.estate import Estate, Group
from diskguard.model.ids import Region, ResourceId
from diskguard.model.report import Failure
from diskguard.plan.backup_plan import CopyTarget
from diskguard.policy.model import Dr, EncryptionSetMap, Policy
from diskguard.policy.sections import Copy


class NoTarget(Exception):
    """A copy has nowhere to go; `failure` says why and the way out."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message, exit_status=1, hint=hint)


def choose_target(
    policy: Policy,
    copying: Copy,
    estate: Estate,
    *,
    source: tuple[str, Region],
    encryption_set: ResourceId | None,
) -> CopyTarget | None:
    """Give where copies of a disk or snapshot go, None where the policy wishes no copies.

    `source` is its subscription and region, `encryption_set` the key it is encrypted with.
    Raises NoTarget.
    """
    dr = policy.locations.dr
    if dr is None or "dr" not in copying.to:
        return None
    subscription, home = source
    region = _region(dr, estate, subscription, home)
    _check_group(policy.locations.primary.resource_group, dr, estate, subscription, region)
    return CopyTarget(
        group=dr.resource_group,
        region=region,
        sku=dr.sku,
        encryption_set=_key(dr, estate, encryption_set, subscription, region),
        enhanced_speed=copying.speed == "enhanced",
    )


def find_group(estate: Estate, subscription: str, name: str) -> Group | None:
    """The resource group of that name as the look showed it, or None."""
    wanted = (subscription.lower(), name.lower())
    found = (
        group
        for group in estate.groups
        if (group.subscription.lower(), group.name.lower()) == wanted
    )
    return next(found, None)


def _region(dr: Dr, estate: Estate, subscription: str, home: Region) -> Region:
    """`region_map` wins, then a named region, then Azure's pair, which may be none or itself."""
    if home in dr.region_map:
        region: Region | None = dr.region_map[home]
    elif dr.region != "paired":
        region = Region(dr.region)
    else:
        region = _pair(estate, subscription, home)
    if region is None:
        raise NoTarget(
            "no-paired-region",
            f"Azure pairs {home} with no other region",
            f"Name one: `locations.dr.region_map: {{{home}: <region>}}`, or `locations.dr.region`.",
        )
    if region == home:
        raise NoTarget(
            "copy-stays-in-region",
            f"copies from {home} would stay in {home}",
            f"Name another region: `locations.dr.region_map: {{{home}: <region>}}`.",
        )
    return region


def _pair(estate: Estate, subscription: str, home: Region) -> Region | None:
    for known, pairs in estate.pairs.items():
        if known.lower() == subscription.lower():
            pair = pairs.get(home)
            return None if pair == home else pair
    return None


def _check_group(primary: str, dr: Dr, estate: Estate, subscription: str, region: Region) -> None:
    name = dr.resource_group
    if name.lower() == primary.lower():
        raise NoTarget(
            "groups-are-one",
            f"primary and dr are both kept in {name}, where a copy would take its source's name",
            "Name another group in `locations.dr.resource_group`.",
        )
    group = find_group(estate, subscription, name)
    if group is None:
        raise NoTarget(
            "group-missing",
            f"there is no resource group {name} in subscription {subscription}",
            f"Create it: `az group create --subscription {subscription} --name {name} --location {region}`.",
        )
    if group.region != region:
        raise NoTarget(
            "group-elsewhere",
            f"the resource group {name} lies in {group.region}, its copies in {region}",
            "A group lost with its region hides the copies in it: name a group that lies in the DR region.",
        )


def _key(
    dr: Dr, estate: Estate, source: ResourceId | None, subscription: str, region: Region
) -> ResourceId | None:
    """A disk encryption set must lie in the copy's own region and subscription (arm-wire 2)."""
    if source is None:
        return None
    fitting = (each for each in dr.disk_encryption_sets if _fits(each, source, region))
    entry = next(fitting, None)
    hint = "Add an entry to `locations.dr.disk_encryption_sets`: {from, region, to}."
    if entry is None:
        raise NoTarget(
            "encryption-set-missing",
            f"no disk encryption set is named for copies of {source.name} in {region}",
            hint,
        )
    wanted = entry.to
    found = next((each for each in estate.encryption_sets if each.id == wanted), None)
    if found is None:
        raise NoTarget(
            "encryption-set-missing", f"the disk encryption set {wanted} does not exist", hint
        )
    if found.region != region or wanted.subscription.lower() != subscription.lower():
        raise NoTarget(
            "encryption-set-elsewhere",
            f"{wanted} is not in {region} and subscription {subscription}, where the copy is",
            hint,
        )
    return found.id


def _fits(entry: EncryptionSetMap, source: ResourceId, region: Region) -> bool:
    return entry.source in ("*", source) and entry.region in ("*", region)
