"""Progress of an archive's run: a bar on a terminal, else a line every 30 seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from monitor.archive.run import Progress
from monitor.commands.notices import PROGRAM, Notices

_FRAME_S = 0.25
_LINE_S = 30.0


@contextmanager
def archive_view(progress: Progress, notices: Notices) -> Iterator[None]:
    """Show the progress on standard error meanwhile."""
    if notices.quiet:
        yield
        return
    left = Event()
    show = _show_bar if sys.stderr.isatty() else _show_lines
    thread = Thread(target=show, args=(progress, notices, left), name="archive view", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _show_lines(progress: Progress, notices: Notices, left: Event) -> None:
    while not left.wait(_LINE_S):
        notices.line(progress.line())


def _show_bar(progress: Progress, notices: Notices, left: Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True, highlight=False, markup=False)
    with Bar(*columns, console=console, auto_refresh=False, transient=True) as bar:
        notices.divert(lambda sentence: console.print(f"{PROGRAM}: {sentence}", soft_wrap=True))
        task = bar.add_task("", total=max(1, progress.size))
        ended = False
        while not ended:
            ended = left.wait(_FRAME_S)
            bar.update(task, completed=progress.gone_size, description=progress.line())
            bar.refresh()
        notices.divert(None)
