"""The explanation as people read it, where an emulated estate shows too little."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.builders import (
    NOON,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    an_id,
    identities_of,
)

from diskguard.cli.render.explanation import explanation_page
from diskguard.cli.render.page import Lines, Table
from diskguard.cli.render.settings import dotted, plain, written
from diskguard.model.estate import Attachment, ScaleSet
from diskguard.model.ids import Region
from diskguard.model.restore_point import Learned
from diskguard.plan.explain import explain

EVERYTHING = 'rules: [{name: all, select: {include: [{names: ["*"]}, {scale_sets: ["*"]}]}}]'


def lines_of(estate, *, at_length=True, sections=""):
    policy = a_policy(sections, rules=EVERYTHING)
    explained = explain(policy, estate, now=NOON)
    page = explanation_page(policy, explained, at_length=at_length)
    return [line for block in page.blocks if isinstance(block, Lines) for line in block.lines]


def taught(**learned):
    vm = a_vm("db01", data_disks=0)
    (identity,) = identities_of(vm, slot=NOON - timedelta(hours=1))
    seal = a_seal(1, learned=Learned(**learned))
    return an_estate(vm, snapshots=[a_snapshot(identity, seal=seal)])


@pytest.mark.parametrize(
    ("learned", "line"),
    [
        ({"lead": timedelta(seconds=12)}, "lead: 12 s"),
        ({"lead": timedelta(seconds=500)}, "lead: 2 min (learned 8 min, bounded)"),
        ({"hold": timedelta(seconds=3)}, "hold: 3 s"),
        ({"hold": timedelta(seconds=50)}, "hold: as long as the limit allows: 50 s does not fit"),
        ({"completion": timedelta(seconds=2)}, "time a snapshot takes: 2 s"),
        ({}, "time a snapshot takes: not known yet"),
    ],
)
def test_what_was_learned_is_told_with_its_bounds(learned, line):
    lines = lines_of(taught(**learned))

    assert line in lines
    assert any(each.startswith("learned from db01-") for each in lines)


def test_a_disk_that_is_left_out_says_why():
    lines = lines_of(an_estate(a_vm("db01")), sections="consistency: {disks: {exclude_luns: [0]}}")

    assert "db01-0 (LUN 0): left out: it is at LUN 0, which is excluded" in lines


def test_an_unmanaged_disk_and_a_uniform_scale_set_are_told():
    vm = a_vm("db01", data_disks=0)
    vm = replace(vm, attachments=(*vm.attachments, Attachment(name="vhd", lun=3, disk=None)))
    uniform = ScaleSet(
        id=an_id("virtualMachineScaleSets", "vmss"), region=Region("eastus"), flexible=False
    )

    lines = lines_of(an_estate(vm, scale_sets=(uniform,)))

    assert "vhd (LUN 3): left out: it is unmanaged (a VHD in a storage account)" in lines
    assert any(line.startswith("vmss: this scale set is of uniform") for line in lines)


def test_an_empty_estate_is_said_to_be_empty():
    lines = lines_of(an_estate(), at_length=False)

    assert lines[0] == "No VM and no loose disk is to be seen."
    assert "rule all selects 0, and expects at least 1" in lines[1]


def test_rules_that_do_not_fit_at_all_are_one_line():
    policy = a_policy(rules="rules: [{name: x, select: {include: [{names: [zz]}]}}]")
    explained = explain(policy, an_estate(a_vm("db01")), now=NOON)

    page = explanation_page(policy, explained, at_length=True)

    lines = [line for block in page.blocks if isinstance(block, Lines) for line in block.lines]
    assert "x does not fit" in lines
    assert not any(isinstance(block, Table) for block in page.blocks)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (timedelta(hours=2), "2h"),
        ((Region("eastus"), 3), '["eastus", 3]'),
        ({"owner": "me"}, '{"owner": "me"}'),
        (None, "null"),
        (True, "true"),
        ("text", "text"),
    ],
)
def test_values_are_written_as_in_a_policy(value, shown):
    assert written(value) == shown


def test_sections_are_written_with_the_keys_of_the_policy():
    (schedule,) = a_policy("schedules: [{name: six, every: 6h}]").schedules

    shown = plain((schedule,))

    assert isinstance(shown, list)
    assert shown[0]["name"] == "six"
    assert shown[0]["every"] == "6h"


def test_a_place_is_written_with_dots_and_brackets():
    assert dotted(("rules", 0, "select", "include", 12)) == "rules[0].select.include[12]"
