"""The helper's door: a verb and a folder; prints one line, or lives silently as a leg."""

import json
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List

from diskguard_helper import arm, collect, freeze, report, thaw, watchdog
from diskguard_helper.kernel import Kernel
from diskguard_helper.nouns import Refused

if TYPE_CHECKING:
    Verb = Callable[[Dict[str, Any], Kernel], Dict[str, Any]]
    Leg = Callable[[str, Kernel], Iterator[float]]

VERBS: "Dict[str, Verb]" = {"arm": arm.arm, "collect": collect.collect, "thaw": thaw.thaw_all}
LEGS: "Dict[str, Leg]" = {
    "hold": freeze.hold,
    "watch": watchdog.watch,
    "timer": watchdog.timer,
    "passes": watchdog.passes,
    "clean": watchdog.clean,
}


def answer(verb: str, request: Dict[str, Any], kernel: Kernel) -> str:
    """The line that answers this request; whatever goes wrong is an answer too."""
    try:
        found = VERBS[verb](request, kernel)
    except Refused as refusal:
        found = {"kind": "refused", "reason": refusal.reason, "message": str(refusal)}
    except Exception as error:  # noqa: BLE001 - the orchestrator sees no traceback: say what it was
        found = {"kind": "refused", "reason": "helper-failed", "message": repr(error)}
    return report.render(found, str(request.get("sentinel", "")))


def live(leg: Iterator[float], kernel: Kernel) -> None:
    """The leg has lived its life, in real time."""
    for instant in leg:
        kernel.sleep_until(instant)


def main(arguments: List[str]) -> int:
    """What `python3 helper.pyz VERB FOLDER` does."""
    verb, directory = arguments
    kernel = Kernel()
    if verb in LEGS:
        live(LEGS[verb](directory, kernel), kernel)
    else:
        request = json.loads(kernel.read_text(directory + "/request.json"))
        sys.stdout.write(answer(verb, request, kernel) + "\n")
    return 0
