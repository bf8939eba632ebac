"""Entry point of `stser-train`; see `monitor.entry`."""

import signal


def main() -> int:
    """Import the command line, run a command, and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from stser_core.training.cli import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return run()
    except KeyboardInterrupt:
        return 130
