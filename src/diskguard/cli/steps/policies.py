"""Which policy file is meant."""

from pathlib import Path

from diskguard.cli.render.trouble import problem_lines
from diskguard.cli.session import Session
from diskguard.errors import UsageInvalid
from diskguard.policy.load import examine_file
from diskguard.policy.model import Policy


def find_policy(session: Session, argument: Path | None, option: Path | None) -> Path:
    """Give the file: [POLICY] or --policy, DISKGUARD_POLICY, then the usual places.

    Raises UsageInvalid where there is none, or where two are named.
    """
    if argument is not None and option is not None and argument != option:
        raise UsageInvalid(f"two policies are named: {argument} and {option}")
    named = argument or option or _from_environment(session)
    if named is not None:
        if not named.exists():
            raise UsageInvalid(f"there is no policy file {named}")
        return named
    usual = session.around.usual_policies
    for path in usual:
        if path.is_file():
            return path
    places = " or ".join(str(path) for path in usual)
    hint = f"Name it, or set DISKGUARD_POLICY, or write {places}."
    raise UsageInvalid("no policy was found", hint=hint)


def _from_environment(session: Session) -> Path | None:
    named = session.around.environment.get("DISKGUARD_POLICY")
    return Path(named) if named else None


def read_policy(session: Session, path: Path) -> Policy:
    """Give the file's policy; its warnings go to stderr. Raises PolicyInvalid."""
    examination = examine_file(path)
    policy = examination.accepted()
    for line in problem_lines(examination.warnings):
        session.say(line)
    return policy
