"""Names, tags and seals: everything round-trips, nothing hostile raises."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    DR_GROUP,
    NONCE,
    NOON,
    PLACES,
    PRIMARY_GROUP,
    SUBSCRIPTION,
    a_copy,
    a_point,
    a_seal,
    a_snapshot,
    a_vm,
    an_id,
    copies_of,
    identities_of,
    ours,
    without,
)

from diskguard.model.estate import Snapshot
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import Consistency, Grade, Learned, Location, Seal
from diskguard.plan.naming import (
    MAX_SNAPSHOT_NAME,
    member_name,
    names_source,
    parse_member_name,
    parse_point_id,
    point_id,
    role_of,
)
from diskguard.plan.naming_seal import (
    MAX_TAG_VALUE,
    join_value,
    parse_seal,
    plain_reason,
    seal_tags,
    split_value,
)
from diskguard.plan.naming_tags import (
    MemberIdentity,
    ParsedMember,
    Places,
    Stranger,
    attempt_tags,
    copied_from,
    copy_tags,
    member_tags,
    nonce_of,
    parse_member,
)

names = st.text(
    st.characters(exclude_characters="/\n", exclude_categories=["C"]), min_size=1, max_size=80
)
groups = st.text("abcXYZ-_().0", min_size=1, max_size=90)
instants = st.timedeltas(timedelta(), timedelta(days=70_000)).map(
    lambda since: datetime(2000, 1, 1, tzinfo=UTC) + since
)
durations = st.none() | st.timedeltas(timedelta(), timedelta(days=400))
sources = st.builds(lambda group, name: an_id("virtualMachines", name, group), groups, names)
disks = st.builds(lambda group, name: an_id("disks", name, group), groups, names)
said = st.text("abcdefghij0123456789-", min_size=1, max_size=60)


@st.composite
def identities(draw):
    vm = draw(st.none() | sources)
    disk = draw(disks)
    slot = draw(instants).replace(microsecond=0)
    count = draw(st.integers(1, 65))
    return MemberIdentity(
        point=point_id(vm or disk, slot),
        policy=draw(said),
        slot=slot,
        number=draw(st.integers(1, count)),
        count=count,
        vm=vm,
        vm_unique_id=draw(said) if vm else "",
        disk_id=disk,
        disk_unique_id=draw(said),
        lun=draw(st.none() | st.integers(0, 127)) if vm else None,
        region=Region(draw(st.sampled_from(["eastus", "West Europe"]))),
        requested=draw(st.sampled_from(Grade)),
    )


consistencies = st.builds(
    Consistency,
    requested=st.sampled_from(Grade),
    achieved=st.sampled_from(Grade),
    reason=st.none() | st.text(max_size=600),
    frozen_at=st.none() | instants,
    thawed_at=st.none() | instants,
    spread=durations,
    clock_error=durations,
)
seals = st.builds(
    Seal,
    consistency=consistencies,
    members=st.integers(1, 65),
    taken_at=instants,
    sealed_at=instants,
    run_id=said,
    learned=st.builds(Learned, lead=durations, hold=durations, completion=durations),
)


def as_a_tag_holds_it(seal: Seal) -> Seal:
    reason = plain_reason(seal.consistency.reason)
    return replace(seal, consistency=replace(seal.consistency, reason=reason))


# -- names ---------------------------------------------------------------------------------------


def test_a_point_is_named_after_its_vm_and_slot():
    name = point_id(an_id("virtualMachines", "db01"), NOON)

    assert re.fullmatch(r"db01-[0-9a-f]{6}-20261122T120000Z", name)


@given(sources, instants)
def test_a_point_id_parses_back_and_names_its_source(source, slot):
    parsed = parse_point_id(point_id(source, slot))

    assert parsed is not None
    assert parsed.slot == slot.replace(microsecond=0)
    assert names_source(parsed, source)


@given(sources, instants)
def test_the_case_of_an_id_does_not_change_a_point_s_name(source, slot):
    shouted = ResourceId(source.text.swapcase())

    assert (point_id(shouted, slot) == point_id(source, slot)) == (shouted == source)


def test_vms_of_one_name_in_two_groups_have_points_of_two_names():
    one, other = (an_id("virtualMachines", "db01", group) for group in ("rg-a", "rg-b"))

    assert point_id(one, NOON) != point_id(other, NOON)


@given(identities())
def test_a_snapshot_s_name_is_one_that_azure_takes(identity):
    assert len(identity.name) <= MAX_SNAPSHOT_NAME
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", identity.name)


@given(identities())
def test_a_snapshot_s_name_parses_back_in_any_case(identity):
    for text in (identity.name, identity.name.upper()):
        parsed = parse_member_name(text)

        assert parsed is not None
        assert (parsed.point, parsed.role, parsed.lun) == (
            identity.point,
            identity.role,
            identity.lun,
        )
        assert str(parsed) == identity.name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "db01",
        "db01-3f9a2c-20261322T120000Z-os",
        "db01-3f9a2c-20261122T120000Z-os-os",
        "db01-3f9a2c-20261122T120000Z-lun007",
        "db01-3f9a2c-20261122T120000Z-lunx",
        "dbé-3f9a2c-20261122T120000Z-os",
    ],
)
def test_what_is_no_name_of_ours_is_no_member(text):
    assert parse_member_name(text) is None


@given(st.text())
def test_no_text_makes_the_name_parsers_raise(text):
    parse_point_id(text)
    parse_member_name(text)


@pytest.mark.parametrize(
    ("has_vm", "lun", "role"), [(True, None, "os"), (True, 3, "data"), (False, None, "disk")]
)
def test_a_disk_s_role_follows_from_vm_and_lun(has_vm, lun, role):
    vm = an_id("virtualMachines", "db01") if has_vm else None

    assert role_of(vm=vm, lun=lun) == role
    assert member_name("p", role=role, lun=lun).startswith("p-")


# -- seals ---------------------------------------------------------------------------------------


@given(seals)
def test_a_seal_reads_back_as_it_was_written(seal):
    tags = seal_tags(seal)

    assert parse_seal(tags) == as_a_tag_holds_it(seal)
    assert all(len(value) <= MAX_TAG_VALUE for value in tags.values())


def test_where_there_is_no_seal_there_is_none():
    assert parse_seal({"owner": "erp"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[" * 200_000,
        "null",
        '{"members":"2","run":"r"}',
        '{"members":1,"run":"r","requested":"crash","achieved":"crash","taken_at":"yesterday"}',
        "9" * 5000,
    ],
)
def test_an_unreadable_seal_is_an_error_not_an_unsealed_point(text):
    with pytest.raises(ValueError, match="seal cannot be read"):
        parse_seal({"diskguard-seal": text})


@given(st.text(min_size=1, max_size=2000))
def test_a_long_value_is_spread_over_tags_and_joined_again(value):
    assert join_value("x", split_value("x", value)) == value


def test_a_value_too_long_for_nine_tags_is_refused():
    with pytest.raises(ValueError, match="too long"):
        split_value("diskguard-vm-id", "a" * 2400)


# -- tags ----------------------------------------------------------------------------------------


@given(
    identities(), st.text("0123456789abcdef", min_size=16, max_size=16), instants, st.none() | seals
)
def test_a_snapshot_we_make_reads_back_as_what_it_is(identity, nonce, requested_at, seal):
    tags = (
        member_tags(identity)
        | attempt_tags(nonce, requested_at)
        | (seal_tags(seal) if seal else {})
    )
    parsed = parse_member(a_snapshot(identity, tags=tags), PLACES)

    assert isinstance(parsed, ParsedMember), parsed
    assert (parsed.identity, parsed.nonce, parsed.requested_at) == (identity, nonce, requested_at)
    assert parsed.seal == (as_a_tag_holds_it(seal) if seal else None)
    assert parsed.location is Location.PRIMARY


@given(identities(), seals)
def test_a_copy_says_the_same_as_its_source_and_carries_the_whole_seal(identity, seal):
    source = a_snapshot(identity)
    copy = ours(a_copy(source, seal))

    assert copy.identity == identity
    assert copy.seal == as_a_tag_holds_it(seal)
    assert copy.taken_at == source.time_created
    assert (copy.source_snapshot, copy.source_snapshot_unique_id) == (source.id, source.unique_id)
    assert copy.location is Location.DR


@given(identities(), seals)
def test_ours_and_twenty_user_tags_fit_into_azure_s_fifty(identity, seal):
    tags = copy_tags(ours(a_snapshot(identity)), seal)

    assert len(tags) + 20 <= 50
    assert all(len(value) <= MAX_TAG_VALUE for value in tags.values())


def test_tag_names_are_read_in_any_case():
    snapshot = a_point(a_vm("db01"))[0]
    shouted = replace(snapshot, tags={name.upper(): value for name, value in snapshot.tags.items()})

    assert ours(shouted).identity == ours(snapshot).identity
    assert nonce_of(shouted) == NONCE


def test_a_copy_of_a_snapshot_without_a_point_in_time_is_not_wished_for():
    source = ours(a_point(a_vm("db01"), time_created=None)[0])

    with pytest.raises(ValueError, match="no point in time"):
        copy_tags(source, a_seal())


def test_a_tag_too_long_for_azure_is_refused_when_it_is_written():
    identity = replace(identities_of(a_vm("db01"))[0], policy="p" * 300)

    with pytest.raises(ValueError, match="too long"):
        member_tags(identity)


# -- ours or a stranger --------------------------------------------------------------------------


def one_of_ours() -> Snapshot:
    return a_point(a_vm("db01"))[1]


def retagged(snapshot: Snapshot, **tags: str) -> Snapshot:
    changed = {f"diskguard-{name.replace('_', '-')}": value for name, value in tags.items()}
    return replace(snapshot, tags={**snapshot.tags, **changed})


OTHER_DISK = an_id("disks", "other")
FORGERIES = {
    "elsewhere": lambda s: replace(s, id=an_id("snapshots", s.name, "rg-other")),
    "no tags": lambda s: replace(s, tags={}),
    "another format": lambda s: retagged(s, format="2"),
    "another name": lambda s: replace(s, id=an_id("snapshots", "db01", PRIMARY_GROUP)),
    "another role": lambda s: replace(
        s, id=an_id("snapshots", s.name.replace("lun00", "os"), PRIMARY_GROUP), source_id=OTHER_DISK
    ),
    "another point": lambda s: retagged(s, point="db02-3f9a2c-20261122T120000Z"),
    "another slot": lambda s: retagged(s, slot="2026-11-22T12:00:01.000000Z"),
    "another vm": lambda s: retagged(s, vm_id=an_id("virtualMachines", "db02").text),
    "another disk in the tags": lambda s: retagged(s, disk_id=OTHER_DISK.text),
    "another unique id in the tags": lambda s: retagged(s, disk_unique_id="uid-x"),
    "made of another disk": lambda s: replace(s, source_id=OTHER_DISK),
    "made of a disk made anew": lambda s: replace(s, source_unique_id="uid-x"),
    "made of nothing known": lambda s: replace(s, source_unique_id=None),
    "made otherwise": lambda s: replace(s, create_option="Import"),
    "three of two": lambda s: retagged(s, member="3/2"),
    "no member": lambda s: retagged(s, member="one"),
    "no instant": lambda s: retagged(s, requested_at="soon"),
    "no nonce": lambda s: replace(s, tags=without(s.tags, "diskguard-nonce")),
    "no id": lambda s: retagged(s, disk_id="disk"),
    "no vm": lambda s: replace(s, tags=without(s.tags, "diskguard-vm-id")),
    "no grade": lambda s: retagged(s, requested="best"),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_one_condition_of_ours_that_fails_makes_a_stranger_with_a_reason(forged):
    parsed = parse_member(forged(one_of_ours()), PLACES)

    assert isinstance(parsed, Stranger)
    assert parsed.reason


def test_only_a_stranger_with_our_tags_claims_to_be_ours():
    forged = parse_member(FORGERIES["another slot"](one_of_ours()), PLACES)
    plain = parse_member(FORGERIES["no tags"](one_of_ours()), PLACES)

    assert isinstance(forged, Stranger)
    assert isinstance(plain, Stranger)
    assert (forged.claims_to_be_ours, plain.claims_to_be_ours) == (True, False)


COPY_FORGERIES = {
    "of another snapshot": lambda c: replace(c, source_id=an_id("snapshots", "x", PRIMARY_GROUP)),
    "of one made anew": lambda c: replace(c, source_unique_id="uid-x"),
    "tags of another source": lambda c: retagged(c, source_id=an_id("snapshots", "x").text),
    "of a snapshot of another name": lambda c: retagged(
        replace(c, source_id=an_id("snapshots", "x")), source_id=an_id("snapshots", "x").text
    ),
    "no source": lambda c: replace(c, tags=without(c.tags, "diskguard-source-id")),
    "no point in time": lambda c: replace(c, tags=without(c.tags, "diskguard-taken-at")),
    "made of a disk": lambda c: replace(c, create_option="Copy"),
}


@pytest.mark.parametrize("forged", COPY_FORGERIES.values(), ids=COPY_FORGERIES)
def test_a_copy_is_ours_only_if_azure_says_it_was_made_of_its_source(forged):
    copy = copies_of(a_point(a_vm("db01")))[1]

    assert isinstance(parse_member(forged(copy), PLACES), Stranger)


def test_a_failed_snapshot_without_a_unique_id_is_still_ours_to_clean_up():
    failed = replace(one_of_ours(), source_unique_id=None, provisioning_state="Failed")

    assert ours(failed).snapshot.failed


def test_an_unreadable_seal_leaves_the_member_ours_and_says_so():
    parsed = ours(retagged(one_of_ours(), seal="{"))

    assert parsed.seal is None
    assert parsed.seal_trouble is not None


hostile = st.text(max_size=300)
keys = st.sampled_from(sorted(copies_of(a_point(a_vm("db01")))[0].tags))


@given(st.dictionaries(keys | hostile, hostile, max_size=12), st.booleans(), hostile)
def test_hostile_tags_never_raise_and_never_change_whose_data_a_member_is(tags, copied, name):
    honest = copies_of(a_point(a_vm("db01")))[0] if copied else one_of_ours()
    parsed = parse_member(replace(honest, tags={**honest.tags, **tags}), PLACES)
    parse_member(replace(honest, tags=tags, id=an_id("snapshots", name)), PLACES)

    if isinstance(parsed, ParsedMember):
        assert parsed.identity.point == ours(honest).identity.point
        assert parsed.identity.disk_id == ours(honest).identity.disk_id


def test_without_a_policy_the_way_it_was_made_tells_a_snapshot_s_location():
    point = a_point(a_vm("db01"))

    assert Places().location_of(point[0]) is Location.PRIMARY
    assert Places().location_of(copies_of(point)[0]) is Location.DR


def test_groups_are_told_apart_without_case():
    shouted = an_id("snapshots", "x", DR_GROUP.upper())

    assert PLACES.location_of(replace(one_of_ours(), id=shouted)) is Location.DR
    assert Places(primary=PRIMARY_GROUP).location_of(replace(one_of_ours(), id=shouted)) is None


def test_a_copy_tells_which_snapshot_it_was_made_of():
    source = a_point(a_vm("db01"))[0]

    assert copied_from(a_copy(source, a_seal())) == source.unique_id
    assert copied_from(source) is None


def test_a_long_resource_id_is_spread_over_several_tags():
    vm = ResourceId.of(SUBSCRIPTION, "g" * 90, "Microsoft.Compute/virtualMachines", "v" * 200)
    identity = replace(identities_of(a_vm("db01"))[0], vm=vm, point=point_id(vm, NOON))

    assert ours(a_snapshot(identity)).identity.vm == vm
    assert "diskguard-vm-id-2" in a_snapshot(identity).tags
