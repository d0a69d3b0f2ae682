"""Run every benchmark and write what they found into RESULTS.md: ``make bench``."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import HERE, machine

SCRIPTS = (
    "projections", "throughput", "memory", "startup", "scaling", "stopping", "learning", "training",
)  # fmt: skip


def main():
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder) / "rows"
        tables = []
        for script in SCRIPTS:
            collected.write_text("")
            print(f"--- {script}", flush=True)
            environment = {**os.environ, "BIOCONV_BENCH": str(collected)}
            code = subprocess.run([sys.executable, str(HERE / f"{script}.py")], env=environment)
            rows = [json.loads(line) for line in collected.read_text().splitlines()]
            tables.append((script, code.returncode, rows))
    lines = ["# Benchmarks", "", f"{time.strftime('%Y-%m-%d')}, {machine()}.",
             "Written by `make bench`; every row was measured against its other in one run.", ""]  # fmt: skip
    for script, code, rows in tables:
        lines += [f"## {script}.py" + (f" (ended with status {code})" if code else ""), "",
                  "| what | ours | other | ratio | against | note |", "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| {r['what']} | {r['ours']:.4g} {r['unit']} | {r['other']:.4g} {r['unit']} | "
            f"{r['ratio']:.3g} | {r['against']} | {r['note']} |"
            for r in rows
        ]
        lines.append("")
    (HERE / "RESULTS.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
