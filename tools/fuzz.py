"""Coverage-guided fuzzing of every decoder of scanned text, by atheris: `./dev fuzz [seconds for each] [decoder]`.

Each decoder runs in a process of its own, starting from the good inputs of tests/healthcode/decoders.py. A decoder may
answer or refuse; any other exception, a second over ten or more than 1 GB ends the run with the input that did it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "healthcode"))


def fuzz_one(name: str, seconds: int) -> None:
    """Fuzz one decoder in this process; libFuzzer ends it."""
    import atheris  # noqa: PLC0415  only here: the other commands must do without it

    with atheris.instrument_imports(include=["yima.healthcode", "yima.runtime.errors"]):
        from decoders import DECODERS  # noqa: PLC0415  instrumented while it is imported

        from yima.runtime.errors import Refusal  # noqa: PLC0415  the same

    decoder = DECODERS[name]

    def once(data: bytes) -> None:
        try:
            decoder.of_bytes(data)
        except Refusal:
            return

    with tempfile.TemporaryDirectory(prefix="yima-fuzz-") as folder:
        for number, seed in enumerate(decoder.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=4400", "-verbosity=0"]
        atheris.Setup([sys.argv[0], folder, *options, "-print_final_stats=1"], once)
        atheris.Fuzz()


def main() -> int:
    """Fuzz all decoders, or the one named; 1 when one broke."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    if len(sys.argv) > 3:
        fuzz_one(sys.argv[2], seconds)
        return 0
    from decoders import DECODERS  # noqa: PLC0415  not instrumented here

    broken = []
    for name in sys.argv[2:3] or DECODERS:
        command = [sys.executable, __file__, str(seconds), name, "here"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())  # noqa: S603  ourselves
        runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name}: {runs[0] if runs else '?'} inputs, {'BROKEN' if done.returncode else 'ok'}", flush=True)  # noqa: T201
        if done.returncode:
            broken.append(name)
            print(done.stderr[-3000:], flush=True)  # noqa: T201  the traceback and the input
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
