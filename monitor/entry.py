"""Entry point of `stser-monitor`: Ctrl-C while modules are imported ends it without a traceback."""

# Only what is built in: to import the modules around it takes long enough for a Ctrl-C.
import _signal  # type: ignore[import-not-found]
import atexit
import gc
import os
import sys


def configure() -> None:
    """Set what has to be set before NumPy and torch are imported."""
    # The products here are too small to share; threads that wait for the next one would take a processor each.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # oneDNN asks OpenMP, not torch.set_num_threads, in other threads
    gc.set_threshold(50_000, 20, 100)  # torch's modules have 200,000 objects, all of which stay


def main() -> None:
    """Import the command line, run a command, and end the process with its exit code."""
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    configure()
    from contextlib import suppress

    from monitor.cli import main as run

    try:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        code = run()
    except KeyboardInterrupt:
        code = 130
    # Python would take all modules apart, which with torch takes 0.8 s and 70 MB.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there may be none, or nobody who reads it
            stream.flush()
    os._exit(code)
