"""`stser-monitor archive-report`: an archive as one page, with its days, the calls that stand out, and all calls."""

from __future__ import annotations

from pathlib import Path

from monitor.commands.notices import Notices
from stser_core.files import STDOUT, check_not_input, check_writable, write_whole


def archive_report(root: Path, output: str | None = None, *, quiet: bool = False) -> None:
    """Make an archive's overview page.

    Args:
        root: The archive's folder.
        output: Where to write the page; `-` is standard output. By default `overview.html` in the archive.
        quiet: Whether to say nothing but errors.

    Raises:
        UsageError: The output is the archive's settings.
        MissingExtraError: pyarrow is not installed.
        DataError: It is no archive, holds no call, or is damaged.
        OutputError: The page cannot be written.
    """
    from monitor.archive.folder import OVERVIEW, SETTINGS
    from monitor.archive.overview import make_overview, render_overview
    from monitor.archive.tables import require_parquet

    require_parquet()
    target = str(root / OVERVIEW) if output is None else output
    check_not_input(target, root / SETTINGS, "the archive's settings")
    overview = make_overview(root, Path.cwd() if target == STDOUT else Path(target).resolve().parent)
    check_writable(target)
    write_whole(target, render_overview(overview))
    if target != STDOUT:
        Notices(quiet).say(f"Wrote '{target}'.")
