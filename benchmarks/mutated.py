"""Put a mutant into a running process: the functions that hold the old code get the new, so nothing is imported again.

Wrappers stay (the annotation checks of the test run, caches, properties): what changes is the code of the function
inside.
"""

import ast
import builtins
import copy
import functools
import gc
import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path

from benchmarks.mutants import Mutant, places

Live = dict[tuple[str, str], list[types.FunctionType]]
NOTE = "_mutation_note"  # a name that every module can see
CACHE = type(functools.cache(len))


def place_of(code: types.CodeType) -> str:
    """The outermost function that a code object belongs to: "f" for a lambda or a loop inside f, "C.m" for a method."""
    return code.co_qualname.split(".<locals>")[0]


def live_functions(files: dict[str, str]) -> Live:
    """(name of the file, place) -> the function objects of it; files: path -> name."""
    found: Live = {}
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and (name := files.get(thing.__code__.co_filename)):
            if "<locals>" not in thing.__code__.co_qualname:
                found.setdefault((name, place_of(thing.__code__)), []).append(thing)
    return found


def apply(mutant: Mutant, path: Path, live: Live) -> None:
    """Make this process wrong in the way of the mutant. LookupError where nothing in it runs that code."""
    if isinstance(mutant.tree, ast.FunctionDef):
        functions = live.get((mutant.file, mutant.place), [])
        if not functions:
            raise LookupError(f"{mutant.place} of {mutant.file} is not loaded")
        for function in functions:
            new = _compiled(mutant.tree, mutant.place, path, function)
            if repr(new.__defaults__) != repr(function.__defaults__):
                function.__defaults__ = new.__defaults__
            if repr(new.__kwdefaults__) != repr(function.__kwdefaults__):
                function.__kwdefaults__ = new.__kwdefaults__
            function.__code__ = new.__code__
    else:
        _assign(mutant, path)


def caches() -> list:
    """The remembered results of our own functions: a mutant must not be hidden by what was worked out before it."""
    found = [thing for thing in gc.get_objects() if isinstance(thing, CACHE)]
    return [cache for cache in found if getattr(cache.__wrapped__, "__module__", "").startswith(("theory", "llm"))]


def watch(live: Live, root: Path, called: set[tuple[str, str]]) -> Callable[[], None]:
    """From now on each function notes in `called` that it ran, until the function that is returned is called."""
    setattr(builtins, NOTE, called.add)
    originals = []
    for name in {name for name, _ in live}:
        for place, tree in places(ast.parse((root / name).read_text())):
            if not isinstance(tree, ast.FunctionDef):
                continue
            for function in live.get((name, place), []):
                tree.body.insert(0, ast.parse(f"{NOTE}(({name!r}, {place!r}))").body[0])
                originals.append((function, function.__code__))
                function.__code__ = _compiled(tree, place, root / name, function).__code__
                del tree.body[0]

    def unwatch() -> None:
        for function, code in originals:
            function.__code__ = code

    return unwatch


def _compiled(tree: ast.FunctionDef, place: str, path: Path, function: types.FunctionType) -> types.FunctionType:
    """The function that the changed text defines, in the same class if it has one."""
    tree = copy.deepcopy(tree)
    tree.decorator_list = []
    *owner, name = place.split(".")
    whole = ast.ClassDef(owner[0], [], [], [tree], []) if owner else tree
    for argument in ast.walk(tree.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    tree.returns = None
    names = dict(function.__globals__)
    module = ast.fix_missing_locations(ast.Module([whole], []))
    exec(compile(module, str(path), "exec"), names)
    return vars(names[owner[0]])[name] if owner else names[name]


def _assign(mutant: Mutant, path: Path) -> None:
    """A changed value of a module goes to all who took it by its name; one of a class to the class and its __init__."""
    *owner, name = mutant.place.split(".")
    module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == str(path)), None)
    if module is None:
        raise LookupError(f"{mutant.file} is not loaded")
    names = dict(vars(module))
    exec(compile(ast.Module([mutant.tree], []), str(path), "exec"), names)
    new = names[name]
    if not owner:
        old = vars(module)[name]
        for other in list(sys.modules.values()):
            if getattr(other, "__dict__", {}).get(name) is old:
                setattr(other, name, new)
        return
    kind = vars(module)[owner[0]]
    setattr(kind, name, new)
    if name in (fields := getattr(kind, "__dataclass_fields__", {})):  # where a command line takes its defaults from
        fields[name].default = new
    init = inspect.unwrap(kind.__init__)
    if not inspect.isfunction(init) or not init.__defaults__:
        return
    taken = inspect.getfullargspec(init).args[-len(init.__defaults__) :]
    if name in taken:  # a field of a dataclass
        init.__defaults__ = tuple(new if n == name else d for n, d in zip(taken, init.__defaults__, strict=True))
