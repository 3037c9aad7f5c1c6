"""Small faults on purpose: every way in which one place of a function can be wrong by one sign, bound, number or name.

A mutant is one such change. `mutants_of` lists them all for a file; benchmarks/mutation.py runs the tests on each. What
is changed is close to mutmut's list, less its assignments of None, which nearly every test notices, and more of what is
wrong in numerical code: argmax for argmin, a lost minus sign, a guard that never fires, a keyword that is left out.
Sentences (strings with a space, parts of f-strings, whatever stands in a `raise`), annotations, decorators and
docstrings stay as they are. So does the `strict=True` of a zip: what it asks is so by construction, since lengths that
a user gives are checked before, by a sentence that names them. And so do the name given to own_draws and the seed given
to default_rng: another seed is another draw from the same law.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

OPERATORS: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div},
    **{ast.Mod: ast.Div, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd},
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And},
}
PAIRS = [
    *("min max", "argmin argmax", "minimum maximum", "any all", "floor ceil", "nanmin nanmax", "sum mean", "var std"),
    *("ones zeros", "ones_like zeros_like", "startswith endswith"),
]
NAMES = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])} | {
    **{"log1p": "log", "expm1": "exp", "sqrt": "square", "cumsum": "asarray", "exp": "expm1", "log": "log1p"},
}
LEFT_ALONE = {("zip", "keywords"), ("own_draws", "args"), ("default_rng", "args")}  # parts of calls


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what kind, and how to make the tree of the place with it.

    place is the qualified name of the outermost function or of the assigned name ("Class.method", "LEVELS").
    """

    file: str
    place: str
    line: int
    kind: str
    before: str
    after: str
    make: Callable[[], ast.stmt]

    @cached_property
    def tree(self) -> ast.stmt:
        """The changed function or assignment."""
        return self.make()

    @property
    def key(self) -> str:
        """The same for the same change of the same text, wherever in the file that text has moved."""
        return f"{self.file}::{self.place}::{self.kind}::{self.before} -> {self.after}"


def mutants_of(file: Path, name: str) -> list[Mutant]:
    """All mutants of a file that is called name in reports; equal changes of one place are numbered from the second."""
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for place, statement in places(ast.parse(file.read_text())):
        for line, kind, before, after, make in _changes(statement):
            mutant = Mutant(name, place, line, kind, before, after, make)
            seen[mutant.key] = count = seen.get(mutant.key, 0) + 1
            found.append(mutant if count == 1 else Mutant(name, place, line, f"{kind} #{count}", before, after, make))
    return found


def places(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Functions, methods, and assigned values of a module and of its classes."""
    for prefix, body in (("", tree.body), *((f"{c.name}.", c.body) for c in tree.body if isinstance(c, ast.ClassDef))):
        for statement in body:
            if isinstance(statement, ast.FunctionDef):
                yield prefix + statement.name, statement
            elif isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
                if target.id != "__all__":
                    yield prefix + target.id, statement
            elif isinstance(statement, ast.AnnAssign) and statement.value and isinstance(statement.target, ast.Name):
                yield prefix + statement.target.id, statement


def _changes(statement: ast.stmt) -> Iterator[tuple[int, str, str, str, Callable[[], ast.stmt]]]:
    """(line, kind, text before, text after, how to make the changed statement) for every single change."""
    for path, node in _walk(statement, ()):
        for kind, make in _of_node(node, path):
            new = make(copy.deepcopy(node))
            after = ast.unparse(new) if new is not None else "nothing"
            line = getattr(node, "lineno", statement.lineno)
            yield line, kind, ast.unparse(node), after, partial(_changed, statement, path, make)


def _changed(statement: ast.stmt, path: tuple, make: Callable) -> ast.stmt:
    """A copy of the statement with the node at path made anew, or left out."""
    changed = copy.deepcopy(statement)
    owner, slot = _at(changed, path[:-1]), path[-1]
    new = make(_at(owner, path[-1:]))
    if new is None:
        del owner[slot]
    elif isinstance(slot, int):
        owner[slot] = new
    else:
        setattr(owner, slot, new)
    return ast.fix_missing_locations(changed)


def _at(node, path):
    for step in path:
        node = node[step] if isinstance(step, int) else getattr(node, step)
    return node


def _walk(node: ast.AST, path: tuple) -> Iterator[tuple[tuple, ast.AST]]:
    """Every place below a statement that may be changed, with the path to it."""
    if isinstance(node, (ast.Raise, ast.JoinedStr)):
        return
    called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
    for field, value in ast.iter_fields(node):
        if (called, field) in LEFT_ALONE or field in (
            "decorator_list",
            "annotation",
            "returns",
            "ctx",
            "type_params",
        ):
            continue
        entries = value if isinstance(value, list) else [value]
        for i, entry in enumerate(entries):
            if isinstance(entry, ast.AST) and not _is_docstring(entry):
                at = (*path, field, i) if isinstance(value, list) else (*path, field)
                yield at, entry
                yield from _walk(entry, at)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _with(**fields):
    """A change that sets fields of the node."""

    def make(node):
        for name, value in fields.items():
            setattr(node, name, value)
        return node

    return make


def _of_node(node: ast.AST, path: tuple) -> Iterator[tuple[str, object]]:
    """(kind, how to make the changed node) of every change of this one node."""
    match node:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in OPERATORS:
            if not any(isinstance(n, ast.JoinedStr) or _is_text(n) for n in ast.iter_child_nodes(node)):
                yield "operator", _with(op=OPERATORS[type(op)]())
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                yield "comparison", _with(ops=[*ops[:i], OPERATORS[type(op)](), *ops[i + 1 :]])
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield "unary", lambda old: old.operand
        case ast.Constant(value=bool(value)):
            yield "constant", _with(value=not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "number", _with(value=value + 1)
        case ast.Constant(value=str(value)) if " " not in value and value:
            yield "string", _with(value=f"XX{value}XX")
        case ast.IfExp(body=body, orelse=orelse):
            yield "exchange", _with(body=orelse, orelse=body)
        case ast.Name(id=name) if name in NAMES and path[-1] == "func":
            yield "name", _with(id=NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES and path[-1] == "func":
            yield "name", _with(attr=NAMES[name])
        case ast.keyword(arg=str()):
            yield "keyword", lambda old: None
        case ast.comprehension(ifs=[_, *_]):
            yield "filter", _with(ifs=[])
    yield from _of_statement(node)


def _of_statement(node: ast.AST) -> Iterator[tuple[str, object]]:
    match node:
        case ast.If(test=test, body=[ast.Raise()]):
            yield "guard", _with(test=ast.Constant(False))
        case ast.If(test=test) | ast.While(test=test):
            yield "condition", _with(test=ast.UnaryOp(ast.Not(), test))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield "statement", lambda old: ast.Pass()
        case ast.Break():
            yield "loop", lambda old: ast.Continue()
        case ast.Continue():
            yield "loop", lambda old: ast.Break()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
