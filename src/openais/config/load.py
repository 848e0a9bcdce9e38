"""From a file, environment variables and flags to Settings.

A flag wins over an environment variable, that over the file, that over the default. All mistakes are collected, each
with its place; nothing is started on a configuration with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from openais import paths
from openais.config import checks
from openais.config.parser import Opening, Parsed, parse
from openais.config.problems import ConfigurationError, Place, Problem
from openais.config.settings import Settings
from openais.config.table import BY_PATH, KEYS, SECTIONS, Key, did_you_mean


@dataclass(frozen=True, slots=True)
class Given:
    """The text of a value, where it stands, and the directory that its relative paths start from."""

    text: str
    place: Place
    base: Path


@dataclass(slots=True)
class Examination:
    """What was found in a configuration. `settings` is None when there are `problems`."""

    file: Path | None
    settings: Settings | None = None
    given: dict[str, Given] = field(default_factory=dict)
    """What is not left to its default, by `section.key`."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def load_settings(path: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """The settings of file `path` (None: the default file, if it exists), variables, and flags by `section.key`.

    Raises ConfigurationError with all mistakes.
    """
    examination = examine(path, environment, flags)
    if examination.settings is None:
        raise ConfigurationError(examination.problems)
    return examination.settings


def examine(path: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> Examination:
    """Like `load_settings`, with everything that was found."""
    file = _chosen_file(path, environment)
    found = Examination(file)
    if file is not None:
        _take_file(found, file)
    _take_environment(found, environment)
    for name, text in flags.items():
        found.given[name] = Given(text, Place(BY_PATH[name].flag), Path.cwd())
    values = {key.path: _value(found, key, environment) for key in KEYS}
    if not found.problems:
        _build(found, values)
    found.problems.sort(key=lambda problem: (problem.file != str(file), problem.line))
    return found


def _chosen_file(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if chosen := environment.get(paths.CONFIGURATION_VARIABLE):
        return Path(chosen)
    return paths.SYSTEM_CONFIGURATION if paths.SYSTEM_CONFIGURATION.exists() else None


def _take_file(found: Examination, file: Path) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        problem = Problem(Place(str(file)), f"cannot be read: {error.strerror}", "a readable configuration file")
        found.problems.append(problem)
        return
    parsed = parse(content, str(file))
    found.problems += [*parsed.problems, *_unknown_sections(parsed.openings)]
    _take_entries(found, parsed, file.absolute().parent)


def _unknown_sections(openings: Iterable[Opening]) -> Iterable[Problem]:
    first: dict[str, int] = {}
    for opening in openings:
        if opening.section not in SECTIONS:
            message = f"unknown section {opening.section!r}{did_you_mean(opening.section, SECTIONS)}"
            yield Problem(opening.place, message, f"one of {', '.join(SECTIONS)}")
        elif opening.section in first:
            message = f"section {opening.section!r} is there already, in line {first[opening.section]}"
            yield Problem(opening.place, message, "each section once")
        first.setdefault(opening.section, opening.place.line)


def _take_entries(found: Examination, parsed: Parsed, base: Path) -> None:
    for entry in parsed.entries:
        if entry.section not in SECTIONS:
            continue
        name = f"{entry.section}.{entry.key}"
        if name not in BY_PATH:
            found.problems.append(_unknown_key(entry.section, entry.key, entry.place))
        elif name in found.given:
            message = f"{entry.key!r} is given already, in line {found.given[name].place.line}"
            found.problems.append(Problem(entry.place, message, "each key once"))
        else:
            found.given[name] = Given(entry.value, entry.place, base)


def _unknown_key(section: str, name: str, place: Place) -> Problem:
    elsewhere = [key.section for key in KEYS if key.name == name]
    siblings = [key.name for key in KEYS if key.section == section]
    hint = f", it belongs in section {elsewhere[0]!r}" if elsewhere else did_you_mean(name, siblings)
    expected = "" if hint else f"one of {', '.join(siblings)}"
    return Problem(place, f"unknown key {name!r} in section {section!r}{hint}", expected)


def _take_environment(found: Examination, environment: Mapping[str, str]) -> None:
    by_variable = {key.variable: key for key in KEYS}
    sections = tuple(f"OPENAIS_{section.upper()}_" for section in SECTIONS)
    for variable in sorted(environment):
        if key := by_variable.get(variable):
            found.given[key.path] = Given(environment[variable].strip(), Place(variable), Path.cwd())
        elif variable.startswith(sections):
            message = f"this environment variable is of no key{did_you_mean(variable, by_variable)}"
            found.warnings.append(Problem(Place(variable), message))


def _value(found: Examination, key: Key, environment: Mapping[str, str]) -> Any:
    """The value of `key`, or None and a problem."""
    given = found.given.get(key.path)
    kind = key.declaration.kind
    if given is None:
        return kind.read(key.declaration.default_text(environment), Path.cwd())
    try:
        return kind.read(given.text, given.base)
    except ValueError as error:
        found.problems.append(Problem(given.place, f"{key.name}: {error}", kind.expected))
        return None


def _build(found: Examination, values: Mapping[str, Any]) -> None:
    """Makes the settings, unless values contradict each other."""
    sections: dict[str, Any] = {}
    for section, section_class in SECTIONS.items():
        sections[section] = section_class(**{key.name: values[key.path] for key in KEYS if key.section == section})
    settings = Settings(**sections, file=found.file)
    places = {name: given.place for name, given in found.given.items()}
    found.problems += checks.contradictions(settings, places)
    found.warnings += checks.warnings(settings, places)
    if not found.problems:
        found.settings = replace(settings, warnings=tuple(str(warning) for warning in found.warnings))
