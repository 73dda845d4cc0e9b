"""A script of k6 as one in Python: options, setup, scenarios, functions, in their order."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_expressions import JsNames
from fastbench.convert.k6.js_options import OptionsReader
from fastbench.convert.k6.js_statements import Statements
from fastbench.convert.k6.js_tree import Node, Untranslated, named, text
from fastbench.convert.script_text import Block, Converted, ScriptText
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file

_FUNCTIONS = ("function_declaration", "generator_function_declaration")
_TYPES = ("interface_declaration", "type_alias_declaration")
_NEEDS_VU = re.compile(r"\b(http|sleep|group|check|__VU|__ITER|ws|exec)\b")
_KNOWN = ("k6", "k6/http", "k6/metrics", "k6/data", "k6/execution", "k6/options")
_LIBRARY = re.compile(r"https://jslib\.k6\.io/(k6-utils|papaparse)/")


def convert(content: str, shown: str, path: str) -> Converted:
    """Return the script; raises UsageError."""
    script = ScriptText(f"k6's {shown} as a script in Python.")
    return _Writer(js_tree.parse(content, shown, path), shown, path, script).written()


@dataclass(slots=True)
class _Writer:
    root: Node
    shown: str
    path: str
    script: ScriptText
    main: bool = True
    loaded: dict[str, _Writer] = field(default_factory=dict)  # modules of its own, by path
    names: JsNames = field(init=False)
    write: Statements = field(init=False)
    declared: dict[str, Node] = field(default_factory=dict)  # functions of the module
    scenarios: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)  # of the module
    comments: dict[int, list[Node]] = field(default_factory=dict)  # by the function behind them

    def written(self) -> Converted:
        self.script.taken.add("options")
        self.loaded[os.path.normpath(self.path)] = self
        statements = self._read()
        if "default" not in self.declared and not any("options" in text(n) for n in statements):
            raise UsageError(f"{self.shown} has no default function; give a script of k6.")
        self._write(statements)
        self.script.run_line = "fastbench run SCRIPT.py"
        return self.script.converted()

    def _read(self) -> list[Node]:
        """Return the statements, after the names that they declare are known."""
        self.names = JsNames(self.script)
        self.write = Statements(self.names)
        if not self.main:
            stem = os.path.basename(self.path).partition(".")[0]
            self.names.python["default"] = self.script.name(stem, "run")
        for each in self.root.named_children:
            if each.type == "export_statement" and (source := each.child_by_field_name("source")):
                what = f"the export from {js_tree.string(source)}"
                self.script.left(self.script.constants, what, each.start_point[0] + 1)
        statements = [part for each in self.root.named_children for part in _parts(each)]
        for node in statements:
            self._declare(node)
        self._find_batches()
        self._find_asynchronous()
        return statements

    def _write(self, statements: list[Node]) -> None:
        waiting: list[Node] = []
        for node in statements:
            if node.type == "comment":
                waiting.append(node)
            elif self._is_function(node):
                self.comments[node.start_point[0]], waiting = waiting, []
            else:
                self.write.write(self.script.constants, waiting)
                waiting = []
                self._top(node)
        for name, node in self.declared.items():
            self._function(name, node)

    def _declare(self, node: Node) -> None:
        """Remember imports and functions."""
        if node.type == "import_statement":
            self._import(node)
        elif node.type in _TYPES:
            self.variables.add(text(node.child_by_field_name("name")))
        elif node.type in _FUNCTIONS:
            self.declared[text(node.child_by_field_name("name"))] = node
        elif node.type in ("function_expression", "arrow_function"):
            self.declared["default"] = node
        elif node.type in ("lexical_declaration", "variable_declaration"):
            for each in named(node):
                value = each.child_by_field_name("value")
                self.variables.add(text(each.child_by_field_name("name")))
                if value is not None and value.type in ("arrow_function", "function_expression"):
                    self.declared[text(each.child_by_field_name("name"))] = value

    @staticmethod
    def _is_function(node: Node) -> bool:
        return node.type in (*_FUNCTIONS, "function_expression", "arrow_function")

    def _import(self, node: Node) -> None:
        source = js_tree.string(node.child_by_field_name("source"))
        if text(node).startswith("import type "):
            return
        if source.startswith("."):
            self._import_module(node, source)
            return
        library = _LIBRARY.match(source) is not None
        if source not in _KNOWN and not library:
            self.script.left(
                self.script.constants, f"the import of {source}", node.start_point[0] + 1
            )
            return
        clause = next((each for each in named(node) if each.type == "import_clause"), None)
        for each in named(clause) if clause is not None else ():
            if each.type == "identifier":
                name = "exec" if source == "k6/execution" else text(each)
                self.names.modules[name] = f"{source}.*"
            elif each.type == "namespace_import":
                self.names.modules[text(named(each)[0])] = f"{source}.*"
            else:
                for inner in named(each):
                    name = text(inner.child_by_field_name("name"))
                    alias = inner.child_by_field_name("alias")
                    self.names.modules[text(alias) if alias is not None else name] = (
                        f"{'jslib' if library else source}.{name}"
                    )

    def _import_module(self, node: Node, source: str) -> None:
        """Take what the script has in a file of its own into this one."""
        line = node.start_point[0] + 1
        module = self._module(source, line)
        if module is None:
            return
        clause = next((each for each in named(node) if each.type == "import_clause"), None)
        wanted: list[tuple[str, str]] = []
        for each in named(clause) if clause is not None else ():
            if each.type == "identifier":
                wanted.append(("default", text(each)))
            elif each.type == "namespace_import":
                what = f"{text(each)} from {source}; import its names instead"
                self.script.left(self.script.constants, what, line)
            else:
                for inner in named(each):
                    name = text(inner.child_by_field_name("name"))
                    alias = inner.child_by_field_name("alias")
                    wanted.append((name, text(alias) if alias is not None else name))
        for name, alias in wanted:
            if name in ("options", "setup", "teardown") or not module.has(name):
                self.script.left(self.script.constants, f"{name} of {source}", line)
            else:
                self.names.take(alias, module.names, name)

    def has(self, name: str) -> bool:
        """Tell whether the module declares a name."""
        return name in self.declared or name in self.variables

    def _module(self, source: str, line: int) -> _Writer | None:
        path = os.path.normpath(os.path.join(os.path.dirname(self.path), source))
        if path in self.loaded:
            return self.loaded[path]
        if self.path == "-" or not os.path.isfile(path):
            what = f"the import of {source}, which is not there"
            self.script.left(self.script.constants, what, line)
            return None
        content = text_file.read_text(path, "convert")
        root = js_tree.parse(content, source, path)
        found = _Writer(root, source, path, self.script, main=False, loaded=self.loaded)
        self.loaded[path] = found
        part, self.script.part = self.script.part, source
        found._write(found._read())
        self.script.part = part
        return found

    def _find_asynchronous(self) -> None:
        """Find the functions that need the VU: they send, wait or check, or call such ones."""
        known = self.names.functions
        for name, node in self.declared.items():
            special = self.main and name in ("default", "setup", "teardown")
            known[name] = special or _NEEDS_VU.search(text(node)) is not None
        changed = True
        while changed:
            changed = False
            for name, node in self.declared.items():
                calls = {n for n, needs in known.items() if needs}
                if not known[name] and calls & set(re.findall(r"\b(\w+)\(", text(node))):
                    known[name] = changed = True

    def _find_batches(self) -> None:
        """Find the variables that hold requests of a batch, all of them or one."""
        whole = text(self.root)
        declared = set(re.findall(r"\b(?:const|let|var)\s+(\w+)[^=;\n]*=", whole))
        self.names.collections |= declared & set(re.findall(r"\.batch\(\s*(\w+)\s*\)", whole))
        for listed in re.findall(r"\.batch\(\s*\[([\w\s,]+)\]\s*\)", whole):
            self.names.entries |= declared & set(re.findall(r"\w+", listed))

    def _top(self, node: Node) -> None:
        """Write a statement of the module."""
        if node.type in ("import_statement", *_TYPES):
            return
        if node.type in ("lexical_declaration", "variable_declaration"):
            for each in named(node):
                name = each.child_by_field_name("name")
                if text(name) in self.declared:
                    continue
                if text(name) == "options" and self.main:
                    self._options(each.child_by_field_name("value"))
                    return
            if any(text(e.child_by_field_name("name")) in self.declared for e in named(node)):
                return
        self.write.write(self.script.constants, [node])

    def _options(self, node: Node) -> None:
        block = self.script.constants
        self.script.use("Options")

        def left(what: str, at: Node) -> None:
            self.script.left(block, what, at.start_point[0] + 1)

        reader = OptionsReader(self.write.of, left, self._function_name)
        try:
            arguments = reader.arguments(node)
        except Untranslated as error:
            left(error.text, node)
            arguments = []
        self.scenarios = reader.names
        block.empty()
        block.line(f"options = Options({', '.join(arguments)})")
        block.empty()

    def _function_name(self, name: str) -> str:
        if name == "default":
            return "default"
        return self.names.of(name)

    def _function(self, name: str, node: Node) -> None:
        block = self.script.function()
        line = node.start_point[0] + 1
        self.write.write(block, self.comments.get(line - 1, []))
        if name == "handleSummary":
            self.script.left(block, "handleSummary: use --json, --html or --template", line)
            return
        try:
            parameters, body = js_tree.function_parts(node)
        except Untranslated as error:
            self.script.left(block, f"the parameters of {name}: {error.text}", line)
            parameters, body = [], node.child_by_field_name("body")
        listed = [self.names.of(each) for each in parameters]
        head = f"async def {self._head(block, name)}({', '.join(['vu', *listed])}):"
        if not self.names.functions[name]:
            head = f"def {self.names.of(name)}({', '.join(listed)}):"
        self.write.head = "async def f():" if head.startswith("async") else "def f():"
        with block.block(head):
            if body.type == "statement_block":
                self.write.write(block, body.named_children)
            else:
                try:
                    block.line(f"return {self.write.of(body)}")
                except Untranslated as error:
                    self.script.left(block, error.text, error.line)
        self.write.head = ""

    def _head(self, block: Block, name: str) -> str:
        """Write the decorator of a function; return its name."""
        if not self.main:
            return self.names.of(name)
        if name in ("setup", "teardown"):
            self.script.use(name)
            block.line(f"@{name}")
            return self.script.name("prepare" if name == "setup" else "clean_up")
        if name == "default":
            if not self.scenarios:
                self.script.use("scenario")
                block.line("@scenario")
            return "default"
        return self.names.of(name)


def _parts(node: Node) -> Iterator[Node]:
    """Give what an export exports, and other statements as they are."""
    if node.type != "export_statement":
        yield node
        return
    inner = node.child_by_field_name("declaration") or node.child_by_field_name("value")
    if inner is not None:
        yield inner
