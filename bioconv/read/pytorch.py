"""A ``torch.nn.Module`` as a :class:`~bioconv.graph.Network`, or as a spiking network if it holds spiking
neurons; the only reader that imports torch.

========== ======================= ==================================================
step       from                    to
========== ======================= ==================================================
copy       the caller's module     a copy in eval mode that shares the weights
trace      the copy                a ``torch.fx`` graph of its calls
settle     in-place calls          every later reader reads what was written
walk       the calls               layers, by the tables of :mod:`bioconv.read.torch_layers`; neurons, by those
                                   of :mod:`bioconv.read.spiking_torch`
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
from bioconv.graph import Layer, Network, Node
from bioconv.neurons import Discrete
from bioconv.read.spiking_torch import FRAMEWORKS, known, opened, spiking_network, translation
from bioconv.read.torch_layers import Called, Shape, Walk
from bioconv.spiking import SpikingNetwork

#: Calls whose result shares memory with their first argument in eval mode.
_SAME_MEMORY = {
    "identity", "activationnoise", "dropout", "dropout1d", "dropout2d", "flatten", "unflatten", "view", "reshape",
    "squeeze", "contiguous", "float", "double",
}  # fmt: skip


def is_torch_module(source: Any) -> bool:
    """Whether ``source`` is a ``torch.nn.Module``; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def read_torch(
    module: Any, *, input_shape: Sequence[int] | None = None, framework: str | None = None
) -> Network | SpikingNetwork:
    """The network that ``module`` computes in eval mode; the module is left as it is.

    With neurons of snnTorch, Norse, SpikingJelly or Sinabs it is a spiking network that
    begins in their reset state; one call of the module is one step, or a loop over steps inside its layers.

    Parameters
    ----------
    module : torch.nn.Module
        Any module that ``torch.fx`` can trace. Weights of any floating type become float64.
    input_shape : tuple of int
        One sample: ``(channels, rows, columns)``, ``(channels, length)`` or ``(n,)``; one step of it.
    framework : {"snntorch", "norse", "spikingjelly", "sinabs"}, optional
        Whose neurons the module must hold; found by itself unless given.

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
    _check_framework(framework)
    if not is_torch_module(module):
        raise ReadError(
            f"read_torch takes a torch.nn.Module, not {type(module).__name__}. Weights alone have "
            "no order: build the module, call load_state_dict, and give the module"
        )
    shape = _checked_input(input_shape)
    root = _opened(_evaluated(_unwrapped(module)))
    if translation(root)[1] is not None:  # one layer alone: traced as a call, not from inside
        root = torch.nn.Sequential(root).eval()
    with torch.no_grad():
        graph = _traced(root)
        _settle(graph, root)
        return _network(_walked(graph, root, shape), shape, framework)


def _check_framework(framework: str | None) -> None:
    if framework is not None and framework not in FRAMEWORKS:
        raise ReadError(f"framework is {framework!r}; the known ones are {', '.join(FRAMEWORKS)}")


def _network(
    calls: Sequence[Called], shape: Shape, framework: str | None
) -> Network | SpikingNetwork:
    inner = (shape[0], 1, shape[1]) if len(shape) == 2 else shape
    labels = [call.what.label for call in calls if isinstance(call.what, Discrete)]
    if framework is not None and not any(label.lower().startswith(framework) for label in labels):
        raise ReadError(f"the module holds no neurons of {framework}; it has {labels or 'none'}")
    if labels:
        return spiking_network(calls, inner)
    nodes = []
    for call in calls:
        assert isinstance(call.what, Layer)
        nodes.append(Node(name=call.name, layer=call.what, inputs=call.inputs))
    return Network(nodes=tuple(nodes), input_shape=inner)


def _opened(root: Any) -> Any:
    """Wrappers that repeat their module over time are that module."""
    torch = _torch()
    for path, part in list(root.named_modules()):
        inside = opened(part)
        if inside is None:
            continue
        plain = inside[0] if len(inside) == 1 else torch.nn.Sequential(*inside).eval()
        if not path:
            return _opened(plain)
        parent, _, name = path.rpartition(".")
        setattr(root.get_submodule(parent), name, _opened(plain))
    return root


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
        memo = _with_loose_tensors(module, shared)
        twins = _twins(module, memo)
        for part, twin in twins:
            twin.__dict__.update(copy.deepcopy(part.__dict__, memo))
        return copy.deepcopy(module, memo).eval()
    except Exception as error:
        raise ReadError(
            f"{type(module).__name__} cannot be copied, and only a copy is traced: {error}. "
            "Keep what cannot be copied (locks, files) out of the module"
        ) from error


def _twins(module: Any, memo: dict[int, Any]) -> list[tuple[Any, Any]]:
    """Frameworks' modules that copy themselves in a way of their own, and empty ones to be filled."""
    own = [p for p in module.modules() if known(p) and hasattr(type(p), "__deepcopy__")]
    twins = [(part, object.__new__(type(part))) for part in own]
    memo.update({id(part): twin for part, twin in twins})
    return twins


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
    """``memo`` and a copy of every tensor that is a plain attribute of some part, or in a dict of it."""
    torch = _torch()
    for part in module.modules():
        held = list(vars(part).values())
        held += [value for kept in held if isinstance(kept, dict) for value in kept.values()]
        for value in held:
            if isinstance(value, torch.Tensor) and id(value) not in memo:
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
            known = translation(module)[1] is not None
            return known or super().is_leaf_module(module, path)

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
        return translation(root.get_submodule(node.target))[0]
    return getattr(node.target, "__name__", str(node.target))


def _in_place(node: Any, root: Any) -> bool:
    if node.op == "call_module":
        return bool(getattr(root.get_submodule(node.target), "inplace", False))
    name = _called_name(node, root)
    if node.op == "call_function" and node.target in (operator.iadd, operator.imul):
        return True
    written = name.endswith("_") and not name.endswith("__")
    return written or bool(node.kwargs.get("inplace", False))


def _walked(graph: Any, root: Any, shape: Shape) -> tuple[Called, ...]:
    """What the calls in ``graph`` become, in their order."""
    torch = _torch()
    walk = Walk(shape, translation)
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
            return walk.calls(args[0])
        else:
            values[node] = walk.function(_called_name(node, root), args, kwargs)
    raise ReadError(f"{type(root).__name__}: its forward returns nothing")
