"""Code of ours inside Brian2's targets: templates in numpy, Cython and C++ beside Brian2's own."""

from pathlib import Path
from typing import Any

from brian2 import get_device
from brian2.codegen.templates import Templater
from brian2.groups.group import CodeRunner
from jinja2 import ChoiceLoader, FileSystemLoader

from bioconv.errors import DeviceError

_TEMPLATES = Path(__file__).with_name("templates")
_FOLDERS = {".py_": "numpy", ".pyx": "cython", ".cpp": "cpp"}
_CLASSES: dict[type, type] = {}


class TemplatedRunner(CodeRunner):
    """Runs every step what a template in ``templates/`` of this name says."""

    codeobj_class: type | None

    def create_code_objects(self, run_namespace: Any) -> None:
        """Choose the class of code late: the target is known only when a network is about to run."""
        self.codeobj_class = _with_our_templates(get_device().code_object_class(None))
        super().create_code_objects(run_namespace)


def _with_our_templates(base: type) -> type:
    """The target's class of code objects, which also finds our templates."""
    if base not in _CLASSES:
        old = base.templater  # type: ignore[attr-defined]
        if old.extension not in _FOLDERS:
            raise DeviceError(f"there are no templates of bioconv for {base.__name__}")
        ours = [_TEMPLATES / _FOLDERS[old.extension], _TEMPLATES / "kernels"]
        templater = Templater(
            old.package_names, old.extension, env_globals=old.env_globals,
            templates_dir=old.templates_dir,
        )  # fmt: skip
        templater.env.loader = ChoiceLoader([FileSystemLoader(ours), templater.env.loader])
        _CLASSES[base] = type(f"Shared{base.__name__}", (base,), {"templater": templater})
    return _CLASSES[base]
