"""What holds for every policy and every estate."""

from dataclasses import replace

from hypothesis import given, strategies as st
from tests.plan.builders import NOON, a_disk, a_vm, disks_of
from tests.policy.builders import a_policy

from diskguard.model.estate import Estate
from diskguard.plan.selection import survey_sources
from diskguard.plan.selection_matching import excluded_by, included_by
from diskguard.policy.model import Policy, Rule

NAMES = ["a", "a1", "ab", "b", "B2", "c"]
PATTERNS = ["*", "a*", "?", "B*", "c", "zz"]
TAG_NAMES, TAG_VALUES = st.sampled_from(["k", "K2"]), st.sampled_from(["v", "V", "w"])
TAGS = st.dictionaries(TAG_NAMES, TAG_VALUES, max_size=2)
ASKED_TAGS = st.dictionaries(TAG_NAMES, TAG_VALUES, min_size=1, max_size=2)
SELECTORS = st.one_of(
    st.fixed_dictionaries({"names": st.sampled_from(PATTERNS).map(lambda each: (each,))}),
    st.fixed_dictionaries({"disks": st.sampled_from(PATTERNS).map(lambda each: (each,))}),
    st.fixed_dictionaries({"tags": ASKED_TAGS}),
    st.fixed_dictionaries({"tags": ASKED_TAGS, "names": st.just(("a*", "b"))}),
)
SELECTS = st.fixed_dictionaries(
    {"include": st.lists(SELECTORS, min_size=1, max_size=3).map(tuple)},
    optional={"exclude": st.lists(SELECTORS, max_size=2).map(tuple)},
)


@st.composite
def policies(draw):
    selects = draw(st.lists(SELECTS, min_size=1, max_size=3))
    rules = tuple({"name": f"r{n}", "select": select} for n, select in enumerate(selects))
    return Policy.model_validate(
        {**a_policy().model_dump(by_alias=True, exclude_unset=True), "rules": rules}
    )


@st.composite
def estates(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    vms = tuple(a_vm(name, tags=draw(TAGS), data_disks=draw(st.integers(0, 2))) for name in names)
    loose = tuple(
        a_disk(name, state="Unattached", tags=draw(TAGS))
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    )
    return Estate(
        observed_at=NOON, vms=vms, disks=(*(d for vm in vms for d in disks_of(vm)), *loose)
    )


def taken(selection):
    return {each.source for each in selection.selected}


def loose_disks(estate):
    return {disk.id for disk in estate.disks if disk.state == "Unattached"}


@given(policies(), estates())
def test_every_source_is_in_one_rule_or_out_with_a_reason(policy, estate):
    selection = survey_sources(policy, estate)

    taken, left = selection.selected, selection.skipped
    everything = [*(each.source for each in taken), *(each.source for each in left)]
    assert len(everything) == len(set(everything))
    assert set(everything) == {vm.id for vm in estate.vms} | loose_disks(estate)
    assert all(all(each.reasons) and each.reasons for each in selection.skipped)
    assert all(each.reason for each in selection.selected)


@given(policies(), estates())
def test_the_rule_of_a_source_is_the_first_that_includes_and_does_not_exclude_it(policy, estate):
    sources = {each.id: each for each in (*estate.vms, *estate.disks)}

    for selected in survey_sources(policy, estate).selected:
        source = sources[selected.source]
        willing = [
            rule.name
            for rule in policy.rules
            if included_by(rule, source) and not excluded_by(rule, source)
        ]
        assert willing[0] == selected.rule.name


@given(policies(), estates(), SELECTORS)
def test_one_more_exclusion_in_every_rule_never_adds_a_source(policy, estate, selector):
    rules = tuple(
        Rule.model_validate(
            {
                "name": rule.name,
                "select": {
                    "include": rule.select.include,
                    "exclude": (*rule.select.exclude, selector),
                },
            }
        )
        for rule in policy.rules
    )
    narrowed = policy.model_copy(update={"rules": rules})

    assert taken(survey_sources(narrowed, estate)) <= taken(survey_sources(policy, estate))


@given(policies(), estates(), st.data())
def test_the_order_of_the_estate_does_not_matter(policy, estate, data):
    other = replace(
        estate,
        vms=tuple(data.draw(st.permutations(estate.vms))),
        disks=tuple(data.draw(st.permutations(estate.disks))),
    )

    assert survey_sources(policy, other) == survey_sources(policy, estate)


@given(policies(), estates())
def test_every_disk_of_a_selected_vm_is_in_or_out_with_a_reason(policy, estate):
    for selected in survey_sources(policy, estate).selected:
        if selected.vm is not None:
            attached = sorted(each.name for each in selected.vm.attachments)
            taken = [each.name for each in selected.disks]
            left = [each.name for each in selected.skipped_disks]
            assert sorted([*taken, *left]) == attached


@given(policies(), estates())
def test_a_rule_is_short_exactly_when_it_takes_fewer_than_it_expects(policy, estate):
    selection = survey_sources(policy, estate)

    counts = {rule.name: 0 for rule in policy.rules}
    for each in selection.selected:
        counts[each.rule.name] += 1
    short = {each.rule for each in selection.shortages}
    assert short == {rule.name for rule in policy.rules if counts[rule.name] < 1}
