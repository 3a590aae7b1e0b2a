"""What is compiled when the product starts is all that there is to compile."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import CodeType, ModuleType

from numba.core.registry import CPUDispatcher

import annotate.quality
from annotate.quality import sources
from annotate.quality.compiled import compile_all


def modules() -> list[ModuleType]:
    names = [found.name for found in pkgutil.iter_modules(annotate.quality.__path__, "annotate.quality.")]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_in(inner)


def called_from_python() -> dict[str, CPUDispatcher]:
    """The kernels that are not only called by other kernels."""
    every = [one for module in modules() for one in vars(module).values()]
    every += [each for one in every if inspect.isclass(one) for each in vars(one).values()]
    functions = [getattr(one, "__func__", getattr(one, "fget", getattr(one, "func", one))) for one in every]
    found = {}
    for function in filter(inspect.isfunction, functions):
        names = set(names_in(function.__code__))
        known = [function.__globals__.get(name) for name in names]
        known += [vars(one).get(name) for one in known if inspect.ismodule(one) for name in names]
        found |= {one.py_func.__qualname__: one for one in known if isinstance(one, CPUDispatcher)}
    return found


def test_it_compiles_every_kernel():
    compile_all()
    kernels = called_from_python()
    assert len(kernels) > 10
    assert [name for name, kernel in kernels.items() if not kernel.signatures] == []


def test_it_knows_what_was_compiled_by_the_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "HERE", tmp_path)
    (tmp_path / "kernels.py").write_text("x = 1\n")
    assert not sources.is_compiled()
    sources.note_that_it_is_compiled()
    assert sources.is_compiled()
    (tmp_path / "kernels.py").write_text("x = 2\n")
    assert not sources.is_compiled()
