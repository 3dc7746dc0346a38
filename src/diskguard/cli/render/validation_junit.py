"""JUnit's XML, as GitLab, Jenkins and Azure Pipelines read it: a suite for each file."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as Xml

from diskguard.cli.render.escape import clean, scrub
from diskguard.cli.render.trouble import problem_lines
from diskguard.cli.render.validation import Judged, Validation
from diskguard.errors import Problem

# What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_lines(outcome: Validation) -> Iterator[str]:
    """Give the document; a warning is a test that passed, and says what it has to say."""
    suites = Xml.Element("testsuites", name="diskguard validate")
    for judged in outcome.judged:
        suites.append(_suite(judged))
    _count(suites, [case for suite in suites for case in suite])
    Xml.indent(suites)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield Xml.tostring(suites, encoding="unicode")


def _suite(judged: Judged) -> Xml.Element:
    suite = Xml.Element("testsuite", name=_text(judged.path))
    if not judged.problems:
        Xml.SubElement(suite, "testcase", classname=_text(judged.path), name="valid")
    for problem in judged.problems:
        suite.append(_case(judged, problem))
    _count(suite, list(suite))
    return suite


def _case(judged: Judged, problem: Problem) -> Xml.Element:
    name = f"{problem.line}:{problem.column} {problem.code}"
    case = Xml.Element(
        "testcase",
        classname=_text(judged.path),
        name=name,
        file=_text(judged.path),
        line=str(problem.line),
    )
    said = _text("\n".join(problem_lines((problem,))))
    if problem.severity == "error":
        message = _text(scrub(clean(problem.message)))
        Xml.SubElement(case, "failure", type=problem.code, message=message).text = said
    else:
        Xml.SubElement(case, "system-out").text = said
    return case


def _count(element: Xml.Element, cases: list[Xml.Element]) -> None:
    failures = sum(case.find("failure") is not None for case in cases)
    element.set("tests", str(len(cases)))
    element.set("failures", str(failures))
    element.set("errors", "0")


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
