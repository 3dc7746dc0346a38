"""Every lint of a policy: its id, what it says in one sentence, and what to do about it."""

from dataclasses import dataclass
from typing import Final

from diskguard.policy.document import Fault, Path, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """Something a policy may say that its author hardly means. `assumes`: what it takes for granted."""

    code: str
    sentence: str
    remedy: str
    assumes: str | None = None
    severity: Severity = "warning"

    def at(self, path: Path, message: str) -> Fault:
        """Give the fault at a key, or at an entry of a list, with the remedy as its hint."""
        return Fault(
            path=path,
            code=self.code,
            message=message,
            hint=self.remedy,
            at_key=bool(path) and isinstance(path[-1], str),
            severity=self.severity,
        )


KEEP_WITHOUT_EFFECT: Final = Lint(
    code="keep-without-effect",
    sentence="A keep rule keeps no point that another rule of its location does not keep anyway.",
    remedy="Leave the rule out, or raise its number.",
    assumes="points come when the schedules say, none between",
)
KEEPS_ONLY_NEWEST: Final = Lint(
    code="keeps-only-newest",
    sentence="A number of 1, as in `yearly: 1`, keeps the newest point of the period under way, "
    "which is the newest point of all.",
    remedy="Write 2 to keep the last point of the period before, too.",
)
PEAK: Final = Lint(
    code="too-many-snapshots",
    sentence="Schedules and keep rules together put more than 450 snapshots of one disk into a "
    "location; Azure takes 500.",
    remedy="Lower the numbers of the keep rules, or make points less often.",
    assumes="`prune` runs once a day; immutable points stay for all their days; a disk belongs to "
    "one policy",
)
FIVE_MINUTES: Final = Lint(
    code="too-many-at-once",
    sentence="Slots lie so close that a disk gets more than 7 snapshots within five minutes, the "
    "most Azure takes.",
    remedy="Make points less often, or let the schedules meet in the same minute.",
)
OUTLASTS: Final = Lint(
    code="immutability-outlasts-retention",
    sentence="Points stay immutable for longer than retention keeps any of them.",
    remedy="Lower `days`, or keep points for at least as long.",
)
PINS: Final = Lint(
    code="immutability-pins-points",
    sentence="More points are immutable at any time than retention keeps in all.",
    remedy="Lower `days`, make or copy points less often (`copy.which: daily-first`), or keep more.",
)
SLOW_COPIES: Final = Lint(
    code="copies-slower-than-schedule",
    sentence="Points come faster than their copies can be made, one after another for each disk.",
    remedy="Write `copy.which: daily-first`, or make points less often.",
    assumes="a copy takes 15 minutes at least, with `speed: enhanced` 5",
)
RPO: Final = Lint(
    code="rpo-not-reachable",
    sentence="The schedules leave a longer time between two points of a location than its RPO allows.",
    remedy="Make points more often, or allow a longer RPO; leave room for the backup and the copy.",
    assumes="time passes as in 2027 and 2028, with their changes of the clock",
)
CLOCK_CHANGE: Final = Lint(
    code="clock-change",
    sentence="A local time is one that a change of the clock skips or doubles.",
    remedy="Choose another time of day, or leave `timezone` out: UTC never changes.",
    assumes="the zone changes its clocks as the tz database says for 2027 and 2028",
)
NEVER_FIRST: Final = Lint(
    code="rule-never-first",
    sentence="Earlier rules select all that a rule selects, so it never gets a VM.",
    remedy="Move the rule up, or leave it out: a VM belongs to the first rule that selects it.",
)
ENTRY_NEVER_FIRST: Final = Lint(
    code="rules-overlap",
    sentence="Two rules select the same VMs, and those go to the first of the two.",
    remedy="Say in `exclude` which VMs the first one leaves to the other, or narrow an entry.",
)
NOT_CHECKED: Final = Lint(
    code="too-much-to-check",
    sentence="The policy has more schedules or selectors than are compared with each other.",
    remedy="Split the policy: one for each team or subscription.",
)
EXCLUDED: Final = Lint(
    code="included-and-excluded",
    sentence="An entry of `exclude` takes away all that an entry of `include` selects.",
    remedy="Leave one of the two out.",
)
SECRET: Final = Lint(
    code="secret-in-policy",
    sentence="Something in the file looks like a key, a token or a password.",
    remedy="Take it out and change it where it is valid: policies are copied, logged and committed.",
)
SHELL: Final = Lint(
    code="shell-words-in-command",
    sentence="A command in list form has words that only a shell understands; no shell looks at it.",
    remedy='Start a shell: ["sh", "-c", "first | second"]; or give each word an entry of its own.',
)
SAME_REGION: Final = Lint(
    code="same-region",
    sentence="Copies from a region are sent to that region, where they protect from nothing.",
    remedy="Name another region.",
    severity="error",
)
SAME_GROUP: Final = Lint(
    code="same-group",
    sentence="Primary and DR are kept in one resource group, where a copy would take its source's name.",
    remedy="Name another group, one that lies in the DR region.",
    severity="error",
)

LINTS: Final = (
    KEEP_WITHOUT_EFFECT,
    KEEPS_ONLY_NEWEST,
    PEAK,
    FIVE_MINUTES,
    OUTLASTS,
    PINS,
    SLOW_COPIES,
    RPO,
    CLOCK_CHANGE,
    NEVER_FIRST,
    ENTRY_NEVER_FIRST,
    EXCLUDED,
    SAME_REGION,
    SAME_GROUP,
    SECRET,
    SHELL,
    NOT_CHECKED,
)
