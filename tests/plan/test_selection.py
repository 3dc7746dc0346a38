"""Which sources a policy takes, which it leaves, and the reasons it gives."""

from dataclasses import replace

import pytest
from tests.plan.builders import EAST, NOON, a_disk, a_vm, an_id, disks_of
from tests.policy.builders import a_policy

from diskguard.errors import NothingMatched
from diskguard.model.estate import Attachment, Estate, ScaleSet
from diskguard.plan.selection import choose_sources, survey_sources


def an_estate(*vms, loose=(), scale_sets=()):
    attached = tuple(disk for vm in vms for disk in disks_of(vm))
    disks = (*attached, *loose)
    return Estate(observed_at=NOON, vms=vms, disks=disks, scale_sets=tuple(scale_sets))


def rules_text(*rules):
    return "rules:\n" + "".join(
        f"  - {{name: rule{number}, select: {{{select}}}{rest}}}\n"
        for number, (select, rest) in enumerate(rules, start=1)
    )


def policy_selecting(select, *, rest="", sections=""):
    return a_policy(sections, rules=rules_text((select, rest)))


def names_taken(select, estate, **more):
    select = f"{select}, expect_at_least: 0"
    selection = choose_sources(policy_selecting(select, **more), estate)
    return [each.source.name for each in selection.selected]


def reasons_for(name, selection):
    (skipped,) = [each for each in selection.skipped if each.source.name == name]
    return "; ".join(skipped.reasons)


# -- what fits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "taken"),
    [
        ("include: [{tags: {backup: gold}}]", ["db-1"]),
        ("include: [{tags: {BACKUP: gold}}]", ["db-1"]),
        ("include: [{tags: {backup: GOLD}}]", []),
        ("include: [{tags: {backup: gold, tier: '9'}}]", []),
        ("include: [{names: [db-*]}]", ["db-1", "DB-2"]),
        ("include: [{names: ['DB-?']}]", ["db-1", "DB-2"]),
        ("include: [{names: ['db-[12]']}]", []),
        ("include: [{names: [db]}]", []),
        ("include: [{resource_groups: [RG-WEB]}]", ["web-1"]),
        ("include: [{resource_groups: [rg-*], names: [web-*]}]", ["web-1"]),
        ("include: [{resource_groups: [rg-erp], names: [web-*]}]", []),
        ("include: [{names: [db-1]}, {names: [web-1]}]", ["db-1", "web-1"]),
        ("include: [{names: [db-1, web-1]}]", ["db-1", "web-1"]),
        ("include: [{scale_sets: ['vmss-*']}]", ["web-1"]),
        ("include: [{names: ['*']}], exclude: [{names: [db-*]}]", ["web-1"]),
        ("include: [{names: ['*']}], exclude: [{tags: {backup: gold}}]", ["DB-2", "web-1"]),
        ("include: [{names: ['*']}], exclude: [{names: [db-*], tags: {x: z}}]", 3),
    ],
    ids=str,
)
def test_a_selector_takes_exactly_what_fits(select, taken):
    scale_set = an_id("virtualMachineScaleSets", "vmss-web")
    web = a_vm("web-1", id=an_id("virtualMachines", "web-1", group="rg-web"), scale_set=scale_set)
    estate = an_estate(a_vm("db-1", tags={"Backup": "gold"}), a_vm("DB-2"), web)

    found = names_taken(select, estate)

    assert (len(found) if isinstance(taken, int) else found) == taken


def test_an_id_is_compared_without_case():
    vm = a_vm("db-1")
    select = (
        f"include: [{{ids: ['{vm.id.text.upper().replace('/SUBSCRIPTIONS', '/subscriptions')}']}}]"
    )

    assert names_taken(select, an_estate(vm, a_vm("db-2"))) == ["db-1"]


def test_the_first_rule_that_selects_wins():
    policy = a_policy(
        rules=rules_text(
            ("include: [{names: [db-*]}]", ", consistency: {linux: crash}"),
            ("include: [{names: ['*']}]", ""),
        )
    )

    selection = choose_sources(policy, an_estate(a_vm("db-1"), a_vm("web-1")))

    assert [each.rule.name for each in selection.selected] == ["rule1", "rule2"]
    assert [each.settings.consistency.linux for each in selection.selected] == ["crash", "fsfreeze"]
    assert selection.selected[0].reason == "name db-*"


def test_what_one_rule_excludes_another_may_take():
    policy = a_policy(
        rules=rules_text(
            ("include: [{names: ['*']}], exclude: [{names: [db-*]}]", ""),
            ("include: [{names: ['*']}]", ""),
        )
    )

    selection = choose_sources(policy, an_estate(a_vm("db-1"), a_vm("web-1")))

    assert {each.source.name: each.rule.name for each in selection.selected} == {
        "db-1": "rule2",
        "web-1": "rule1",
    }


def test_whoever_is_out_knows_why():
    policy = policy_selecting("include: [{names: [db-*]}], exclude: [{tags: {diskguard: skip}}]")
    estate = an_estate(a_vm("db-1"), a_vm("db-2", tags={"Diskguard": "skip"}), a_vm("web-1"))

    selection = choose_sources(policy, estate)

    assert reasons_for("db-2", selection) == "rule rule1 excludes it: tag diskguard=skip"
    assert reasons_for("web-1", selection) == "no rule selects it"


# -- disks ---------------------------------------------------------------------------------------


def test_the_disks_of_a_vm_come_in_order_with_their_roles():
    vm = a_vm("db-1", data_disks=3)
    shuffled = replace(vm, attachments=tuple(reversed(vm.attachments)))

    (selected,) = choose_sources(
        policy_selecting("include: [{names: [db-1]}]"), an_estate(shuffled)
    ).selected

    assert [(each.role, each.lun) for each in selected.disks] == [
        ("os", None),
        ("data", 0),
        ("data", 1),
        ("data", 2),
    ]


@pytest.mark.parametrize(
    ("disks", "left_out", "reason"),
    [
        ("{exclude_luns: [1]}", ["db-1-1"], "it is at LUN 1, which is excluded"),
        ("{exclude_names: ['*-OS']}", ["db-1-os"], "it is excluded by its name"),
        ("{exclude_names: ['DB-1-?']}", ["db-1-0", "db-1-1"], "it is excluded by its name"),
    ],
)
def test_an_excluded_disk_is_left_out_with_the_reason(disks, left_out, reason):
    policy = policy_selecting(
        "include: [{names: [db-1]}]", rest=f", consistency: {{disks: {disks}}}"
    )

    (selected,) = choose_sources(policy, an_estate(a_vm("db-1", data_disks=2))).selected

    assert [each.name for each in selected.skipped_disks] == left_out
    assert selected.skipped_disks[0].reason == reason
    assert not {each.name for each in selected.disks} & set(left_out)


def test_a_disk_that_is_being_detached_is_left_out():
    vm = a_vm("db-1")
    leaving = replace(vm.attachments[1], being_detached=True)
    estate = an_estate(replace(vm, attachments=(vm.attachments[0], leaving)))

    (selected,) = choose_sources(policy_selecting("include: [{names: [db-1]}]"), estate).selected

    assert [each.reason for each in selected.skipped_disks] == ["it is being detached"]


def test_a_vm_all_of_whose_disks_are_left_out_is_not_selected():
    policy = policy_selecting(
        "include: [{names: ['*']}]", rest=", consistency: {disks: {exclude_names: [db-*]}}"
    )

    selection = choose_sources(policy, an_estate(a_vm("db-1"), a_vm("web-1")))

    assert [each.source.name for each in selection.selected] == ["web-1"]
    assert "every disk of it is left out" in reasons_for("db-1", selection)


def test_a_disk_without_a_vm_is_taken_by_name_group_tag_or_id():
    archive = a_disk("archive-1", state="Unattached", tags={"keep": "long"})
    estate = an_estate(a_vm("vm-1"), loose=[archive, a_disk("scrap", state="Unattached")])

    for select in (
        "{disks: ['ARCHIVE-*']}",
        "{disks: ['*'], tags: {keep: long}}",
        f"{{ids: ['{archive.id}']}}",
        "{disks: [arch*], resource_groups: [rg-erp]}",
    ):
        assert names_taken(f"include: [{select}]", estate) == ["archive-1"]


def test_a_disk_without_a_vm_has_no_vm_and_one_disk():
    estate = an_estate(loose=[a_disk("archive-1", state="Unattached")])

    (selected,) = choose_sources(policy_selecting("include: [{disks: ['*']}]"), estate).selected

    assert selected.vm is None
    assert [(each.role, each.lun, each.name) for each in selected.disks] == [
        ("disk", None, "archive-1")
    ]


def test_tags_and_groups_alone_mean_vms_but_exclude_disks_too():
    loose = a_disk("archive-1", state="Unattached", tags={"keep": "long"})
    estate = an_estate(loose=[loose])

    assert names_taken("include: [{tags: {keep: long}}]", estate) == []
    assert names_taken("include: [{disks: ['*']}], exclude: [{tags: {keep: long}}]", estate) == []


def test_a_disk_without_a_vm_may_be_excluded_by_its_name():
    estate = an_estate(loose=[a_disk("archive-tempdb", state="Unattached")])
    policy = policy_selecting(
        "include: [{disks: ['*']}], expect_at_least: 0",
        sections="consistency: {disks: {exclude_names: ['*-tempdb']}}\n",
    )

    selection = choose_sources(policy, estate)

    assert "rule rule1 selects it, but it is excluded by its name" in reasons_for(
        "archive-tempdb", selection
    )


@pytest.mark.parametrize("state", ["Attached", "Reserved", "ReadyToUpload", "ActiveUpload"])
def test_a_disk_that_is_in_use_or_has_no_data_yet_is_no_disk_without_a_vm(state):
    estate = an_estate(loose=[a_disk("archive-1", state=state)])

    assert names_taken("include: [{disks: ['*']}]", estate) == []


def test_a_vms_disk_is_not_taken_a_second_time_by_its_name():
    estate = an_estate(a_vm("db-1"))

    assert names_taken("include: [{disks: ['*']}]", estate) == []


# -- what cannot be taken --------------------------------------------------------------------------


def a_vm_with_an_os_disk_that_is(**kind):
    vm = a_vm("db-1")
    os_disk = Attachment(name="db-1-os", lun=None, disk=None, **kind)
    return replace(vm, attachments=(os_disk, vm.attachments[1]))


@pytest.mark.parametrize(
    ("vm", "code"),
    [
        (a_vm_with_an_os_disk_that_is(), "unmanaged-disk"),
        (a_vm_with_an_os_disk_that_is(ephemeral=True), "ephemeral-os-disk"),
    ],
    ids=["unmanaged", "ephemeral"],
)
@pytest.mark.parametrize("answer", ["fail", "warn"])
def test_a_disk_that_cannot_be_taken_is_named_and_the_others_are_not_lost(vm, code, answer):
    policy = policy_selecting("include: [{names: [db-1]}]", sections=f"on_unsupported: {answer}\n")

    selection = choose_sources(policy, an_estate(vm))

    (unsupported,) = selection.unsupported
    assert (unsupported.code, unsupported.disk, unsupported.rule) == (code, "db-1-os", "rule1")
    assert unsupported.reason.startswith("it is ")
    assert selection.unsupported_fails == (answer == "fail")
    assert [each.name for each in selection.selected[0].disks] == ["db-1-0"]


def test_a_disk_in_no_list_is_named():
    vm = a_vm("db-1")
    estate = Estate(observed_at=NOON, vms=(vm,), disks=disks_of(vm)[:1])

    (unsupported,) = choose_sources(
        policy_selecting("include: [{names: ['*']}]"), estate
    ).unsupported

    assert (unsupported.code, unsupported.disk) == ("disk-not-seen", "db-1-0")


def test_an_excluded_disk_troubles_nobody():
    policy = policy_selecting(
        "include: [{names: [db-1]}]", rest=", consistency: {disks: {exclude_names: ['*-os']}}"
    )

    selection = choose_sources(policy, an_estate(a_vm_with_an_os_disk_that_is()))

    assert selection.unsupported == ()


def test_a_vm_of_which_nothing_can_be_taken_is_skipped_but_was_matched():
    vm = replace(a_vm("db-1"), attachments=(Attachment(name="db-1-os", lun=None, disk=None),))

    selection = choose_sources(policy_selecting("include: [{names: ['*']}]"), an_estate(vm))

    assert "none of its disks can be taken" in reasons_for("db-1", selection)
    assert [each.code for each in selection.unsupported] == ["unmanaged-disk"]


def a_scale_set(name, *, flexible):
    return ScaleSet(id=an_id("virtualMachineScaleSets", name), region=EAST, flexible=flexible)


def test_a_uniform_scale_set_is_refused_with_the_reason():
    sets = [a_scale_set("vmss-web", flexible=False), a_scale_set("vmss-db", flexible=True)]
    policy = policy_selecting("include: [{scale_sets: ['vmss-*'], resource_groups: [rg-erp]}]")

    (unsupported,) = choose_sources(policy, an_estate(scale_sets=sets)).unsupported

    assert unsupported.code == "uniform-scale-set"
    assert "this scale set is of uniform orchestration" in unsupported.reason


@pytest.mark.parametrize(
    "select",
    [
        "include: [{scale_sets: [other]}]",
        "include: [{scale_sets: ['*'], resource_groups: [rg-other]}]",
        "include: [{scale_sets: ['*']}], exclude: [{scale_sets: [vmss-*]}]",
        "include: [{names: ['*']}]",
    ],
)
def test_a_uniform_scale_set_that_nobody_asks_for_is_no_trouble(select):
    policy = policy_selecting(f"{select}, expect_at_least: 0")
    estate = an_estate(scale_sets=[a_scale_set("vmss-web", flexible=False)])

    assert choose_sources(policy, estate).unsupported == ()


# -- too few ---------------------------------------------------------------------------------------


def shortage_of(select, estate):
    with pytest.raises(NothingMatched) as caught:
        choose_sources(policy_selecting(select), estate)
    return caught.value


def hint_of(select, estate):
    return shortage_of(select, estate).hint or ""


def test_an_empty_selection_is_an_error():
    error = shortage_of("include: [{names: [db-*]}]", an_estate(a_vm("web-1")))

    assert str(error) == "rule rule1 selects 0, and expects at least 1"
    assert error.exit_status == 5
    assert "Nothing came near" in (error.hint or "")


def test_a_shrunken_selection_is_an_error():
    error = shortage_of(
        "include: [{names: [db-*]}], expect_at_least: 3", an_estate(a_vm("db-1"), a_vm("db-2"))
    )

    assert str(error) == "rule rule1 selects 2, and expects at least 3"


def test_an_empty_selection_may_be_expected():
    policy = policy_selecting("include: [{names: [db-*]}], expect_at_least: 0")

    assert choose_sources(policy, an_estate()).selected == ()


def test_a_survey_notes_a_shortage_and_goes_on():
    policy = policy_selecting("include: [{names: [db-*]}], expect_at_least: 2")

    selection = survey_sources(policy, an_estate(a_vm("db-1")))

    assert [each.source.name for each in selection.selected] == ["db-1"]
    assert [(each.rule, each.found, each.expected) for each in selection.shortages] == [
        ("rule1", 1, 2)
    ]


def test_every_rule_that_is_short_is_named():
    policy = a_policy(
        rules=rules_text(("include: [{names: [db-*]}]", ""), ("include: [{names: [app-*]}]", ""))
    )

    with pytest.raises(NothingMatched, match=r"rule rule1 selects 0, .*; rule rule2 selects 0, "):
        choose_sources(policy, an_estate())


@pytest.mark.parametrize(
    ("select", "near"),
    [
        (
            "include: [{tags: {backup: gold}}]",
            "near-1 (tag backup is 'Gold', not 'gold': values are compared with case)",
        ),
        ("include: [{tags: {backup: silver}}]", "near-1 (tag backup is 'Gold', asked is"),
        ("include: [{tags: {tier: '1'}, names: [near-*]}]", "near-1 (has no tag tier, asked is"),
        ("include: [{names: [naer-1]}]", "near-1 (its name is near-1, asked is name naer-1)"),
        ("include: [{names: [near]}]", "near-1 (its name is near-1"),
        ("include: [{names: [near-*], resource_groups: [rg-old]}]", "its resource group is rg-erp"),
        ("include: [{resource_groups: [rg-erb]}]", "its resource group is rg-erp"),
        (
            "include: [{names: ['near*']}], exclude: [{names: ['*-1']}]",
            "near-1 is excluded by name",
        ),
    ],
    ids=str,
)
def test_what_came_near_is_shown(select, near):
    estate = an_estate(a_vm("near-1", tags={"backup": "Gold"}), a_vm("other-thing-9"))

    hint = hint_of(select, estate)

    assert near in hint
    assert "other-thing-9 (" not in hint or "resource group" in near


def test_the_same_name_in_another_group_is_near_an_id():
    there = an_id("virtualMachines", "db-1", group="rg-old")

    hint = hint_of(f"include: [{{ids: ['{there}']}}]", an_estate(a_vm("db-1"), a_vm("x")))

    assert "db-1 (its id is /subscriptions/" in hint
    assert "x (" not in hint


def test_what_an_earlier_rule_took_is_near():
    policy = a_policy(
        rules=rules_text(("include: [{names: ['*']}]", ""), ("include: [{names: [db-1]}]", ""))
    )

    with pytest.raises(NothingMatched) as caught:
        choose_sources(policy, an_estate(a_vm("db-1")))

    assert caught.value.hint == (
        "Near, but not selected: rule2: db-1 belongs to rule rule1, which comes first"
    )


def test_an_attached_disk_is_near_where_a_disk_without_a_vm_is_asked():
    hint = hint_of("include: [{disks: ['*']}]", an_estate(a_vm("db-1")))

    assert "db-1-os is attached to a VM" in hint


def test_a_disk_near_by_name_is_shown():
    estate = an_estate(a_vm("archive"), loose=[a_disk("archive-1", state="Unattached")])

    hint = hint_of("include: [{disks: [archive]}]", estate)

    assert hint == (
        "Near, but not selected: rule1: archive-1 (its disk is archive-1, asked is disk archive)"
    )


def test_a_vm_whose_disks_are_all_left_out_is_near():
    policy = policy_selecting(
        "include: [{names: ['*']}]", rest=", consistency: {disks: {exclude_names: ['*']}}"
    )

    with pytest.raises(NothingMatched) as caught:
        choose_sources(policy, an_estate(a_vm("db-1")))

    assert "db-1 fits, but every disk of it is left out" in (caught.value.hint or "")


def test_no_more_than_a_few_are_shown():
    estate = an_estate(*(a_vm(f"db-{n}", tags={"backup": "Gold"}) for n in range(9)))

    hint = hint_of("include: [{tags: {backup: gold}}]", estate)

    assert hint.count("tag backup is 'Gold'") == 5
    assert hint.endswith("and 4 more")
