"""How the callback is compiled: each function is read once, and optimised where it ends up.

numba turns each jitted function into machine code of its own, together with everything it calls.
Inside the callback only the whole is ever run, and what lies ten calls deep would be optimised and
written out ten times. A function marked `rt` is therefore two things. Called by compiled code it is
compiled for words (a narrow integer or a constant does not make another version of it), its code is
handed on as it is, and whoever is called from outside optimises all of it at once. Called by Python
it is such a whole itself, compiled and cached as numba does it.
"""

from collections.abc import Callable

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.dispatcher import _FunctionCompiler
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature
from numba.core.typed_passes import NativeLowering
from numba.core.typing import make_concrete_template

OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy", "boundscheck": None}
NARROW = (
    *(types.boolean, types.int8, types.int16, types.int32),
    *(types.uint8, types.uint16, types.uint32),
)


class _Unlinked(JITCodeLibrary):
    """The code of one function alone, on its way into another library."""

    def finalize(self) -> None:
        """Leave it as it is: neither linked nor optimised, never machine code. [main]"""
        self._raise_if_finalized()
        self._finalized = True

    def with_what_it_calls(self) -> list[JITCodeLibrary]:
        """Return it and all that it needs, callers first: what nobody calls yet is not linked."""
        return list(dict.fromkeys([self, *self._linking_libraries]))


@register_pass(mutates_CFG=False, analysis_only=False)
class _Offer(LoweringPass):
    """Let other functions call what was lowered."""

    _name = "offer_unlinked"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state) -> bool:
        lowered = state["cr"]
        key = object()  # stands for the function, which has no address
        libraries = state.library.with_what_it_calls()
        state.targetctx.insert_user_function(key, lowered.fndesc, libraries)
        state["cr"] = lowered._replace(cfunc=key)
        return True


class _UnlinkedCompiler(CompilerBase):
    """numba's compiler as far as the code of the function itself."""

    def define_pipelines(self) -> list:
        state = self.state
        state.flags.no_compile = True
        state.flags.no_cpython_wrapper = True
        state.flags.no_cfunc_wrapper = True
        state.library = _Unlinked(state.targetctx.codegen(), state.func_id.func_qualname)
        passes = DefaultPassBuilder.define_nopython_pipeline(state)
        passes.add_pass_after(_Offer, NativeLowering)
        passes.finalize()
        return [passes]


class RtFunction(CPUDispatcher):
    """A function of the callback; see the module. numba asks it what to call."""

    def __init__(self, py_func: Callable, locals=None, options=None, pipeline=Compiler) -> None:
        super().__init__(py_func, locals or {}, options or dict(OPTIONS), pipeline)
        self.unlinked: dict = {}  # types of the arguments -> what was compiled for them

    def get_call_template(self, args, kws) -> tuple:
        """Return how compiled code calls it with arguments of these types. [main]"""
        pysig, args = self._compiler.fold_argument_types(args, kws)
        args = tuple(widened(kind) for kind in args)
        if args not in self.unlinked:
            compiler = _FunctionCompiler(
                self.py_func, self.targetdescr, self.targetoptions, self.locals, _UnlinkedCompiler
            )
            self.unlinked[args] = compiler.compile(args, None)
        name = self.py_func.__name__
        template = make_concrete_template(
            f"RtFunction({name})", key=name, signatures=[self.unlinked[args].signature]
        )
        return template, pysig, args, {}

    def get_overload(self, sig) -> object:
        """Return the key by which numba finds the code for a signature. [main]"""
        args, _ = normalize_signature(sig)
        return self.unlinked[tuple(args)].entry_point


def widened(kind: types.Type) -> types.Type:
    """Return the type an argument travels as. [main]"""
    kind = types.unliteral(kind)
    return types.int64 if kind in NARROW else kind


def rt(function: Callable) -> RtFunction:
    """Mark a function of the callback. [main]"""
    made = RtFunction(function)
    made.enable_caching()
    return made
