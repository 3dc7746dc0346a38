"""YAML text read into a Document, event by event, within bounds, every fault with its place."""

import re
from dataclasses import dataclass, field
from typing import Final

import yaml

from diskguard.errors import Problem
from diskguard.policy.document import START, Document, Path, Place
from diskguard.policy.plain import Ambiguous, resolve_plain
from diskguard.policy.wording import shown

MOST_NODES: Final = 25_000  # counting what aliases repeat; a policy of 100 rules has about 4,000
MOST_PROBLEMS: Final = 200
DEEPEST: Final = 32  # the layout itself is 9 deep
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_COLLECTION_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
# Control characters; line ends only YAML 1.1 knows; marks that hide or turn text; surrogates.
UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_NO_KEY: Final = object()
_STILL_OPEN: Final = object()
_DISCARDED: Final = -1
# libyaml's marks are the pure parser's (a test compares them); it is the quicker by far.
Loader = type[yaml.SafeLoader] | type[yaml.CSafeLoader]
QUICK: Final[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Stop(Exception):
    """Reading on would not pay, for this fault."""

    def __init__(self, place: Place, code: str, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.code = code


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A mapping or a sequence that is still open."""

    path: Path
    place: Place
    anchor: str | None
    nodes_before: int
    entries: dict[str, object] | None = None
    items: list[object] = field(default_factory=list)
    key: object = _NO_KEY
    is_key: bool = False

    @property
    def awaits_key(self) -> bool:
        return self.entries is not None and self.key is _NO_KEY

    @property
    def next_path(self) -> Path:
        if self.entries is None:
            return (*self.path, len(self.items))
        return (*self.path, self.key if isinstance(self.key, str) else _DISCARDED)

    def take(self, value: object) -> None:
        if self.entries is None:
            self.items.append(value)
            return
        if isinstance(self.key, str):
            self.entries[self.key] = value
        self.key = _NO_KEY

    def value(self) -> object:
        return tuple(self.items) if self.entries is None else self.entries


@dataclass(slots=True, kw_only=True)
class _Reader:
    """What has been read so far."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, tuple[object, int]] = field(default_factory=dict)
    nodes: int = 0
    documents: int = 0
    data: object = None

    def read(self, text: str, loader: Loader) -> bool:
        """Read to the end and say True, or note the fault that ended it."""
        try:
            for event in yaml.parse(text, Loader=loader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self._note(*_syntax_fault(error, text))
        except _Stop as stop:
            self._note(stop.place, stop.code, str(stop))
        else:
            return True
        return False

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._take_node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(_place(event))

    def _start_document(self, place: Place) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _Stop(place, "several-documents", "a second document starts here")

    def _take_node(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        if self.nodes > MOST_NODES:
            message = f"more than {MOST_NODES} values, counting what aliases repeat"
            raise _Stop(_place(event), "too-many-nodes", message)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self.nodes += 1
        place = _place(event)
        self._check_text(event.value, place)
        value = self._meaning(event, place)
        if self.frames and self.frames[-1].awaits_key:
            self._key(value, place)
            return
        self._remember(event.anchor, value, 1)
        # An absent value has its key's place: its own is a matter of taste among parsers.
        self._add(value, None if value is None and not event.value else place)

    def _meaning(self, event: yaml.ScalarEvent, place: Place) -> object:
        if event.tag is None:
            return resolve_plain(event.value) if event.implicit[0] else event.value
        if event.tag not in _TEXT_TAGS:
            self._blame_tag(event.tag, place)
        return event.value

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        place = _place(event)
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._blame_tag(event.tag, place)
        if len(self.frames) >= DEEPEST:
            raise _Stop(place, "too-deep", f"nested deeper than {DEEPEST} levels")
        as_key = bool(self.frames) and self.frames[-1].awaits_key
        if as_key:
            self._key(_NO_KEY, place)
        frame = _Frame(
            path=self.frames[-1].next_path if self.frames else (),
            place=place,
            anchor=event.anchor,
            nodes_before=self.nodes,
            entries={} if isinstance(event, yaml.MappingStartEvent) else None,
            is_key=as_key,
        )
        self.nodes += 1
        self._remember(event.anchor, _STILL_OPEN, 0)
        self.frames.append(frame)

    def _close(self) -> None:
        frame = self.frames.pop()
        value = frame.value()
        self._remember(frame.anchor, value, self.nodes - frame.nodes_before)
        if not frame.is_key:
            self._add(value, frame.place)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = _place(event)
        name = str(event.anchor)
        value, size = self.anchors.get(name, (_STILL_OPEN, 0))
        if value is _STILL_OPEN:
            inside = name in self.anchors
            message = f"{shown('*' + name)} {'contains itself' if inside else 'names no anchor'}"
            raise _Stop(place, "recursive-alias" if inside else "unknown-alias", message)
        self.nodes += size
        if self.frames and self.frames[-1].awaits_key:
            self._key(value, place)
        else:
            self._add(value, place)

    def _remember(self, anchor: str | None, value: object, size: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, size)

    def _add(self, value: object, place: Place | None) -> None:
        if not self.frames:
            self.data = value
            self.values[()] = place or START
            return
        frame = self.frames[-1]
        path = frame.next_path
        self.values[path] = place or self.keys.get(path, frame.place)
        frame.take(value)

    def _key(self, value: object, place: Place) -> None:
        frame = self.frames[-1]
        frame.key = _DISCARDED
        if not isinstance(value, str):
            self._blame_key(value, place)
        elif value == "<<":
            hint = "Write the keys out, or give a whole section an anchor."
            self._blame(place, "merge-key", "merge keys (`<<`) are not read here", hint)
        elif frame.entries is not None and value in frame.entries:
            first = self.keys[(*frame.path, value)].line
            message = f"{shown(value)} is given twice, first in line {first}"
            self._blame(place, "duplicate-key", message)
        else:
            frame.key = value
            self.keys[frame.next_path] = place

    def _check_text(self, text: str, place: Place) -> None:
        if unwanted := UNWANTED.search(text):
            self.blame_character(unwanted[0], place)

    def blame_character(self, character: str, place: Place) -> None:
        """Note a character that no policy needs."""
        message = f"the character U+{ord(character):04X} is refused: it cannot be seen"
        self._blame(place, "control-character", message)

    def _blame_key(self, value: object, place: Place) -> None:
        if isinstance(value, Ambiguous):
            message = f"the key {shown(value)} reads as {value.reading} to some readers of YAML"
            self._blame(place, "ambiguous-scalar", message, f'Quote it: "{shown(value)[1:-1]}".')
        elif isinstance(value, bool | int | None):
            self._blame(place, "key-not-text", "a key must be text", "Put it in quotes.")
        else:
            self._blame(place, "key-not-text", "a key must be text, not a list or a mapping")

    def _blame_tag(self, tag: str, place: Place) -> None:
        message = f"the tag {shown(tag)} is refused: nothing but plain data is read"
        self._blame(place, "custom-tag", message, "Leave the tag out.")

    def _blame(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        # One is kept for the fault that ends the reading.
        if len(self.problems) < MOST_PROBLEMS - 1:
            self._note(place, code, message, hint)

    def _note(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        problem = Problem(
            file=self.file,
            line=place.line,
            column=place.column,
            code=code,
            message=message,
            hint=hint,
        )
        self.problems.append(problem)


def _syntax_fault(error: yaml.MarkedYAMLError, text: str) -> tuple[Place, str, str]:
    mark = error.problem_mark or error.context_mark
    place = Place(line=mark.line + 1, column=mark.column + 1) if mark else START
    lines = text.splitlines() or [""]
    if place.line > len(lines):  # libyaml sees the end one line below a text without a last newline
        place = Place(line=len(lines), column=len(lines[-1]) + 1)
    if lines[place.line - 1][place.column - 1 : place.column] == "\t":
        return place, "syntax", "a tab stands here: YAML is indented with spaces only"
    parts = [str(part) for part in (error.problem, error.context) if part]
    return place, "syntax", ", ".join(parts)


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(line=mark.line + 1, column=mark.column + 1) if mark else START


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text held. `complete` is False where reading ended before the text did.

    What a fault makes meaningless (the second of two like keys) is not in the document.
    """

    document: Document
    problems: tuple[Problem, ...]
    complete: bool


def read_document(text: str, *, file: str, loader: Loader = QUICK) -> Reading:
    """Give the data of a text with all its faults; never raises for what the text holds."""
    reader = _Reader(file=file)
    complete = _is_clean(text, reader) and reader.read(text, loader)
    document = Document(file=file, data=reader.data, keys=reader.keys, values=reader.values)
    return Reading(document=document, problems=tuple(reader.problems), complete=complete)


def _is_clean(text: str, reader: _Reader) -> bool:
    unwanted = UNWANTED.search(text)
    if unwanted is None:
        return True
    before = text[: unwanted.start()]
    place = Place(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
    reader.blame_character(unwanted[0], place)
    return False
