"""A ``torch.nn.Module`` as a :class:`~bioconv.graph.Network`; the only reader that imports torch.

========== ======================= ==================================================
step       from                    to
========== ======================= ==================================================
copy       the caller's module     a copy in eval mode that shares the weights
trace      the copy                a ``torch.fx`` graph of its calls
settle     in-place calls          every later reader reads what was written
walk       the calls               layers, by the tables of :mod:`bioconv.read.torch_layers`
name       paths such as "enc.0"   "enc_0"; bare numbers become conv1, relu1, conv2
========== ======================= ==================================================
"""

import copy
import inspect
import operator
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from bioconv.errors import BioconvError, MissingDependencyError, ReadError
from bioconv.graph import Network
from bioconv.read.torch_layers import MODULES, Shape, Walk, kind_of

#: Calls whose result shares memory with their first argument in eval mode.
_SAME_MEMORY = {
    "identity", "activationnoise", "dropout", "dropout1d", "dropout2d", "flatten", "unflatten", "view", "reshape",
    "squeeze", "contiguous", "float", "double",
}  # fmt: skip


def is_torch_module(source: Any) -> bool:
    """Whether ``source`` is a ``torch.nn.Module``; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def read_torch(module: Any, *, input_shape: Sequence[int] | None = None) -> Network:
    """The network that ``module`` computes in eval mode; the module is left as it is.

    Parameters
    ----------
    module : torch.nn.Module
        Any module that ``torch.fx`` can trace. Weights of any floating type become float64.
    input_shape : tuple of int
        One sample: ``(channels, rows, columns)``, ``(channels, length)`` or ``(n,)``.

    Raises
    ------
    MissingDependencyError
        If torch is not installed.
    ReadError
        If the input shape is missing or does not fit, or the module cannot be traced.
    UnsupportedLayerError
        If the module calls something that has no layer here; the message names it.
    """
    torch = _torch()
    if not is_torch_module(module):
        raise ReadError(
            f"read_torch takes a torch.nn.Module, not {type(module).__name__}. Weights alone have "
            "no order: build the module, call load_state_dict, and give the module"
        )
    shape = _checked_input(input_shape)
    root = _evaluated(_unwrapped(module))
    if kind_of(root) in MODULES:  # one of torch's layers alone: traced as a call, not from inside
        root = torch.nn.Sequential(root).eval()
    with torch.no_grad():
        graph = _traced(root)
        _settle(graph, root)
        return _walked(graph, root, shape)


def _torch() -> Any:
    try:
        import torch
        import torch.fx
    except ImportError as error:
        raise MissingDependencyError(
            'reading a torch.nn.Module needs PyTorch: pip install "bioconv[torch]"'
        ) from error
    return torch


def _checked_input(shape: Any) -> Shape:
    example = "give input_shape=(channels, rows, columns), (channels, length) or (n,)"
    if shape is None:
        raise ReadError(f"a torch module does not know the size of its input; {example}")
    try:
        good = tuple(operator.index(n) for n in shape)
    except TypeError:
        good = ()
    if len(good) not in (1, 2, 3) or min(good) < 1:
        raise ReadError(f"input_shape is {shape!r}; {example}, all positive, without the batch")
    return good


def _unwrapped(module: Any) -> Any:
    """The module inside ``torch.compile`` or ``DataParallel``."""
    if type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
        return _unwrapped(module.module)
    return getattr(module, "_orig_mod", module)


def _evaluated(module: Any) -> Any:
    """A copy in eval mode; parameters and buffers are shared, everything else is not."""
    for path, part in module.named_modules():
        _check_part(f"{path or 'the module'} ({type(part).__name__})", part)
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    try:
        return copy.deepcopy(module, _with_loose_tensors(module, shared)).eval()
    except Exception as error:
        raise ReadError(
            f"{type(module).__name__} cannot be copied, and only a copy is traced: {error}. "
            "Keep what cannot be copied (locks, files) out of the module"
        ) from error


def _check_part(where: str, part: Any) -> None:
    """Refuse what would compute something else than its layers say."""
    torch = _torch()
    if isinstance(part, torch.jit.ScriptModule):
        raise ReadError(f"{where}: is TorchScript; give the nn.Module that it was made from")
    if any(type(p).__name__.startswith("Uninitialized") for p in part.parameters(recurse=False)):
        raise ReadError(f"{where}: has no weights yet; pass one batch through the module first")
    if part._forward_hooks or part._forward_pre_hooks:
        raise ReadError(
            f"{where}: has forward hooks, which may change what it computes. Remove them first: "
            "handle.remove(), torch.nn.utils.prune.remove, remove_weight_norm"
        )


def _with_loose_tensors(module: Any, memo: dict[int, Any]) -> dict[int, Any]:
    """``memo`` and a copy of every tensor that is a plain attribute of some part."""
    torch = _torch()
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, torch.Tensor):
                memo[id(value)] = value.detach().clone()
    return memo


def _traced(root: Any) -> Any:
    """The graph of the calls that ``root`` makes; optional arguments keep their defaults."""
    try:
        return _tracer().trace(root, concrete_args=_defaults(root))
    except BioconvError:
        raise
    except Exception as error:
        raise ReadError(
            f"{type(root).__name__} cannot be traced by torch.fx{_line(error)}: {error}\n"
            "The forward pass may not branch or loop on values or shapes of tensors, nor assign "
            "into them; write it with layers and functions of whole tensors"
        ) from error


def _defaults(root: Any) -> dict[str, Any]:
    """Default values of what ``root.forward`` takes after its first argument."""
    given = list(inspect.signature(root.forward).parameters.values())
    needed = [p.name for p in given[1:] if p.default is p.empty and p.kind not in (2, 4)]
    if not given or given[0].kind in (2, 4) or needed:
        raise ReadError(
            f"{type(root).__name__}: forward takes {[p.name for p in given]}; a network here has "
            "one input. Wrap the module so that its forward takes one tensor"
        )
    return {p.name: p.default for p in given[1:] if p.default is not p.empty}


def _line(error: Exception) -> str:
    """File and line of the last frame that is not torch's or this module's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/torch/" not in frame.filename.replace("\\", "/") and frame.filename != __file__
    ]
    return f" at {frames[-1].filename}:{frames[-1].lineno} ({frames[-1].line})" if frames else ""


def _tracer() -> Any:
    torch = _torch()

    class Tensor(torch.fx.Proxy):  # type: ignore[name-defined]
        def __iadd__(self, other):  # torch.fx traces `x += y` as `x = x + y`
            return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})

    class Reader(torch.fx.Tracer):  # type: ignore[name-defined]
        def proxy(self, node):
            return Tensor(node, self)

        def is_leaf_module(self, module, path):
            return kind_of(module) in MODULES or super().is_leaf_module(module, path)

    return Reader()


def _settle(graph: Any, root: Any) -> None:
    """After ``relu_(x)`` whoever reads ``x`` reads the result: say so in the graph.

    Raises
    ------
    ReadError
        If another tensor in the same memory, such as ``x.flatten(1)``, is read later.
    """
    later: set[Any] = set(graph.nodes)
    memory: dict[Any, Any] = {}
    for node in list(graph.nodes):
        later.discard(node)
        if not node.args:
            continue
        source, writes = node.args[0], _in_place(node, root)
        if writes or _called_name(node, root).lower() in _SAME_MEMORY:
            memory[node] = memory.get(source, source)
        if writes:
            shared = {memory[node], *(n for n, owner in memory.items() if owner is memory[node])}
            if any(later & set(other.users) for other in shared - {source, node}):
                raise ReadError(
                    f"{node.name} writes in place into {source.name}, which shares memory with a "
                    "tensor that is read later. Use the form that does not write: inplace=False"
                )
            source.replace_all_uses_with(node, delete_user_cb=later.__contains__)


def _called_name(node: Any, root: Any) -> str:
    if node.op == "call_module":
        return kind_of(root.get_submodule(node.target))
    return getattr(node.target, "__name__", str(node.target))


def _in_place(node: Any, root: Any) -> bool:
    if node.op == "call_module":
        return bool(getattr(root.get_submodule(node.target), "inplace", False))
    name = _called_name(node, root)
    if node.op == "call_function" and node.target in (operator.iadd, operator.imul):
        return True
    written = name.endswith("_") and not name.endswith("__")
    return written or bool(node.kwargs.get("inplace", False))


def _walked(graph: Any, root: Any, shape: Shape) -> Network:
    """The network of the calls in ``graph``, in their order."""
    torch = _torch()
    walk = Walk(shape)
    values: dict[Any, Any] = {}
    for node in graph.nodes:
        args = torch.fx.map_arg(node.args, values.__getitem__)
        kwargs = torch.fx.map_arg(node.kwargs, values.__getitem__)
        if node.op == "placeholder":
            values[node] = node.args[0] if values and node.args else walk.start
        elif node.op == "get_attr":
            values[node] = operator.attrgetter(node.target)(root)
        elif node.op == "call_module":
            module = root.get_submodule(node.target)
            values[node] = walk.module(node.target, module, args, kwargs)
        elif node.op == "output":
            return walk.network(args[0])
        else:
            values[node] = walk.function(_called_name(node, root), args, kwargs)
    raise ReadError(f"{type(root).__name__}: its forward returns nothing")
