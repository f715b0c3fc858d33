"""Reads a YAML file into plain data and keeps the line of every key, so that a message can point at it.

Scalars follow YAML 1.2: only `true` and `false` are booleans (`NO` stays Norway) and dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestration.company_errors import CompanyError, CompanyProblem, key_text

KeyPath = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own shape


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    # Octal-looking text such as 0123 (a postcode, a till number) is no int; the float pattern would take it.
    _guard = r"(?![-+]?0[0-9])" if _tag == "float" else ""
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_guard}(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )


@dataclass
class YamlDocument:
    """Plain data, the line (from 1) of every key path, and what is wrong with the YAML itself."""

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[CompanyProblem] = field(default_factory=list)

    def line_of(self, path: KeyPath) -> int | None:
        """The line of a key path, or of the nearest one above it that the file has."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_yaml(path: Path, shown: str | None = None) -> YamlDocument:
    """Read one YAML document. Duplicate keys are among its problems; `shown` is the file's name in them.

    Raises:
        CompanyError: the file is missing, cannot be read, is no UTF-8 text or no YAML.
    """
    shown = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CompanyError(
            [CompanyProblem(shown, None, "", "no such file", "a company file (YAML); name it with --company")]
        ) from None
    except IsADirectoryError:
        allowed = "a company file (YAML), such as company.yaml in that folder"
        raise CompanyError([CompanyProblem(shown, None, "", "a folder", allowed)]) from None
    except UnicodeDecodeError as error:
        found = f"a byte that is no UTF-8 text, at position {error.start}"
        raise CompanyError([CompanyProblem(shown, None, "", found, "text saved as UTF-8")]) from None
    except OSError as error:
        found = f"the file cannot be read ({error.strerror})"
        raise CompanyError([CompanyProblem(shown, None, "", found, "a readable file")]) from None
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        document = YamlDocument()
        if node is not None:
            document.data = _Builder(loader, shown, document).build(node, (), frozenset())
    except yaml.YAMLError as error:
        raise CompanyError([_syntax_problem(shown, error)]) from None
    finally:
        loader.dispose()
    return document


def _syntax_problem(file: str, error: yaml.YAMLError) -> CompanyProblem:
    """What PyYAML says, without the piece of the file it would quote (a line may hold a secret)."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or "text that is not YAML"
    if "\\t" in what or "'\t'" in what:
        what = "a tab in the indentation"
    context = getattr(error, "context", None)
    allowed = "YAML: `key: value`, indented with spaces; quote a text that holds ': ' or starts with a sign"
    found = f"broken YAML: {what}" + (f" ({context})" if context else "")
    return CompanyProblem(file, None if mark is None else mark.line + 1, "", found, allowed)


class _Builder:
    """Turns YAML nodes into data, noting lines and repeated keys."""

    def __init__(self, loader: _Loader, file: str, document: YamlDocument) -> None:
        self.loader = loader
        self.file = file
        self.document = document

    def build(self, node: yaml.Node, path: KeyPath, open_nodes: frozenset[int]) -> Any:
        """The data of a node; `open_nodes` are those above it, to notice an alias that holds itself."""
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in open_nodes:
            raise yaml.constructor.ConstructorError(None, None, "an alias that holds itself", node.start_mark)
        inner = open_nodes | {id(node)}
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inner)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), inner) for index, item in enumerate(node.value)]
        return self.loader.construct_object(node)  # type: ignore[no-untyped-call]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, open_nodes: frozenset[int]) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        first_line: dict[Any, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                bases = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for base in bases:
                    built = self.build(base, path, open_nodes)
                    merged = {**(built if isinstance(built, dict) else {}), **merged}
                continue
            key: Any = self.loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if isinstance(key, list | dict):
                raise yaml.constructor.ConstructorError(None, None, "a key that is a list", key_node.start_mark)
            step = (*path, key)
            if key in first_line:
                found = f"the key `{key}` twice (first in line {first_line[key]})"
                allowed = "each key once; put both under one"
                self.document.problems.append(CompanyProblem(self.file, line, key_text(step), found, allowed))
                continue
            first_line[key] = line
            self.document.lines[step] = line
            own[key] = self.build(value_node, step, open_nodes)
        return {**merged, **own}
