"""Seconds from a shell to the first result: ``bioconv demo`` on every device, cold and warm."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

from common import report

#: device -> bars in seconds: (cold, warm)
BARS = {"numpy": (60.0, 60.0), "cpp_standalone": (25.0, 5.0), "cython": (120.0, 60.0)}


def seconds(device: str, cache: str, out: str) -> float:
    code = "import sys; from bioconv.cli import main; sys.exit(main(sys.argv[1:]))"
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, "demo", "--device", device, "--out", out],
        check=True, capture_output=True, env={**os.environ, "XDG_CACHE_HOME": cache},
    )  # fmt: skip
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", nargs="*", default=["numpy", "cpp_standalone"])
    for device in parser.parse_args().devices:
        with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as out:
            for state, bar in zip(("cold", "warm"), BARS[device], strict=True):
                report(
                    f"demo on {device}, {state}", seconds(device, cache, out), bar, "s", "the bar"
                )


if __name__ == "__main__":
    main()
