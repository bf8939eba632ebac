"""The error tree. Every message is one sentence: what is wrong, with which value, and what to do."""


class StserError(Exception):
    """Anything that stser-monitor or stser-train reports in one sentence."""

    exit_code = 1  # of the command line


class AudioError(StserError):
    """A file that cannot be decoded, or that holds no sound."""


class CheckpointError(StserError):
    """A checkpoint folder that is missing, broken or does not fit."""


class TranscriberError(StserError):
    """A transcriber's model that is missing or broken."""


class DownloadError(StserError):
    """Something could not be fetched, or is not what it should be."""


class OutputError(StserError):
    """A file that cannot be written."""


class ClosedPipeError(OutputError):
    """Standard output is a pipe that nobody reads any more: Unix tools end quietly then, as by the signal SIGPIPE."""

    exit_code = 141


class DeviceError(StserError):
    """A microphone or an accelerator that is not there or went away."""


class DataError(StserError):
    """A corpus or manifest that is incomplete or contradicts itself."""


class PipelineError(StserError):
    """A thread of the pipeline failed for a reason nobody foresaw."""


class MissingExtraError(StserError):
    """An optional dependency that this command needs is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs the extra [{extra}]: pip install 'stser-monitor[{extra}]'.")


class UsageError(StserError):
    """An option whose value does not fit; the command line exits with 2."""

    exit_code = 2


def reason(error: BaseException) -> str:
    """Why the system or a library failed, in one line without a full stop."""
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().partition("\n")[0].rstrip(".") or type(error).__name__
