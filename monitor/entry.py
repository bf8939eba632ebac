"""Entry point of `stser-monitor`: Ctrl-C while modules are imported ends it without a traceback."""

import signal


def main() -> int:
    """Import the command line, run a command, and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from monitor.cli import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return run()
    except KeyboardInterrupt:
        return 130
