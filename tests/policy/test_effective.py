"""What applies to a VM, and who said so."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.policy.builders import a_policy
from tests.policy.corpus import LAYOUT

from diskguard.policy.effective import effective_settings
from diskguard.policy.load import examine_file
from diskguard.policy.model import OVERRIDABLE, Policy
from diskguard.policy.sections import Consistency


def rule_with(overrides=""):
    return f'rules:\n  - name: first\n    select: {{include: [{{names: ["*"]}}]}}\n{overrides}'


def settings_of(sections="", overrides="", *, dr=False):
    policy = a_policy(sections, rules=rule_with(overrides), dr=dr)
    return effective_settings(policy, policy.rules[0])


def the_layout():
    examination = examine_file(LAYOUT)
    assert examination.policy is not None, "its shape is right, only not all of it is supported"
    return examination.policy


def source_of(settings, key):
    (setting,) = [each for each in settings.sources() if each.key == key]
    return setting


def test_without_a_word_the_defaults_apply():
    settings = settings_of()

    assert settings.consistency == Consistency()
    assert {str(each.source) for each in settings.sources()} == {"default"}


def test_a_rule_overrides_key_by_key():
    settings = settings_of(
        "consistency: {linux: crash, freeze_limit: 20s, disks: {exclude_luns: [1]}}\n",
        "    consistency: {freeze_limit: 30s, disks: {exclude_names: [a]}}\n",
    )

    assert settings.consistency.linux == "crash"
    assert settings.consistency.freeze_limit == timedelta(seconds=30)
    assert settings.consistency.disks.exclude_luns == (1,)
    assert settings.consistency.disks.exclude_names == ("a",)


def test_a_list_is_replaced_as_a_whole():
    settings = settings_of(
        "schedules: [{name: a, every: 1h}, {name: b, every: 2h}]\n",
        "    schedules: [{name: c, every: 3h}]\n",
    )

    assert [each.name for each in settings.schedules] == ["c"]


@pytest.mark.parametrize(
    ("key", "source", "path"),
    [
        ("consistency.linux", "policy", ("consistency", "linux")),
        ("consistency.freeze_limit", "rule first", ("rules", 0, "consistency", "freeze_limit")),
        ("consistency.windows", "default", None),
        ("consistency.disks.exclude_luns", "rule first", None),
        ("copy.speed", "policy", ("copy", "speed")),
        ("schedules", "rule first", ("rules", 0, "schedules")),
    ],
)
def test_every_value_knows_who_said_so(key, source, path):
    settings = settings_of(
        "consistency: {linux: crash, freeze_limit: 20s}\ncopy: {speed: enhanced}\n",
        "    consistency: {freeze_limit: 30s, disks: {exclude_luns: [1]}}\n    schedules: []\n",
    )

    setting = source_of(settings, key)

    assert str(setting.source) == source
    assert path is None or setting.source.path == path


def test_what_is_said_again_with_the_same_value_is_said_by_the_rule():
    settings = settings_of("consistency: {linux: crash}\n", "    consistency: {linux: crash}\n")

    assert str(source_of(settings, "consistency.linux").source) == "rule first"


def test_a_source_leads_to_its_line_in_the_file():
    policy, document = the_layout(), examine_file(LAYOUT).document
    settings = effective_settings(policy, policy.rules[1])

    setting = source_of(settings, "consistency.linux")

    line = document.place(setting.source.path, at_key=True).line
    assert "offline" in LAYOUT.read_text(encoding="utf-8").splitlines()[line - 1]


def test_a_section_that_the_policy_leaves_out_and_the_rule_gives_is_the_rules():
    policy = the_layout()
    settings = effective_settings(policy, policy.rules[2])

    assert settings.limits.cluster == policy.rules[2].limits.cluster
    assert str(source_of(settings, "limits.cluster.by").source) == "rule cassandra"
    assert str(source_of(settings, "limits.cluster.on_failure").source) == "policy"


def test_a_rule_may_take_a_section_away():
    policy = the_layout()
    rule = policy.rules[0].model_copy(
        update={"limits": policy.limits.model_validate({"cluster": None})}
    )
    settings = effective_settings(policy.model_copy(update={"rules": (rule,)}), rule)

    assert settings.limits.cluster is None
    assert str(source_of(settings, "limits.cluster").source) == "rule databases"


def test_a_cluster_of_the_rule_alone_has_its_other_keys_by_default():
    policy = the_layout()
    bare = policy.model_copy(update={"limits": policy.limits.model_validate({"cluster": None})})
    settings = effective_settings(bare, policy.rules[2])

    assert str(source_of(settings, "limits.cluster.on_failure").source) == "default"
    assert str(source_of(settings, "limits.cluster.by").source) == "rule cassandra"


def test_nothing_is_copied_where_there_is_no_other_location():
    assert settings_of().copying.to == ()
    assert settings_of(dr=True).copying.to == ("dr",)


OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "linux": st.sampled_from(["fsfreeze", "crash", "offline"]),
        "freeze_limit": st.sampled_from(["3s", "10s", "60s"]),
        "deallocate": st.booleans(),
        "mounts": st.sampled_from(["auto", ("/",), ("/", "/srv")]),
        "disks": st.fixed_dictionaries(
            {},
            optional={
                "exclude_luns": st.sampled_from([(), (1,), (1, 2)]),
                "exclude_names": st.sampled_from([(), ("a",)]),
            },
        ),
    },
)


def policy_of(wishes, rule_wishes):
    data = a_policy().model_dump(by_alias=True, exclude_unset=True)
    rule = {**data["rules"][0], "consistency": rule_wishes}
    return Policy.model_validate({**data, "consistency": wishes, "rules": (rule,)})


def leaves(wishes, prefix="consistency"):
    for key, value in wishes.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}"


@given(OVERRIDES, OVERRIDES)
def test_the_rule_wins_then_the_policy_then_the_default(wishes, rule_wishes):
    policy = policy_of(wishes, rule_wishes)
    of_rule, of_policy = set(leaves(rule_wishes)), set(leaves(wishes))

    for setting in effective_settings(policy, policy.rules[0]).sources():
        expected = "default"
        if setting.key in of_rule:
            expected = "rule all"
        elif setting.key in of_policy:
            expected = "policy"
        assert str(setting.source) == expected


@given(OVERRIDES, OVERRIDES)
def test_a_value_is_the_one_its_source_gave(wishes, rule_wishes):
    policy = policy_of(wishes, rule_wishes)
    layers = {
        "rule all": policy.rules[0].consistency,
        "policy": policy.consistency,
        "default": Consistency(),
    }

    for setting in effective_settings(policy, policy.rules[0]).sources():
        if setting.key.startswith("consistency."):
            here = layers[str(setting.source)]
            for name in setting.key.split(".")[1:]:
                here = getattr(here, name)
            assert here == setting.value


@given(OVERRIDES)
def test_a_rule_that_overrides_nothing_changes_nothing(wishes):
    policy = policy_of(wishes, {})

    settings = effective_settings(policy, policy.rules[0])

    assert settings.consistency == policy.consistency


def test_every_section_that_a_rule_may_override_has_its_sources():
    sections = {each.key.split(".")[0] for each in settings_of().sources()}

    assert sections == set(OVERRIDABLE)
