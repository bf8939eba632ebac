"""Progress of an archive's run: a bar on a terminal, else a line every 30 seconds."""

from __future__ import annotations

import sys
from threading import Event, Thread
from types import TracebackType

from monitor.archive.run import Progress
from monitor.commands.notices import PROGRAM, Notices

_FRAME_S = 0.25
_LINE_S = 30.0


class ArchiveView:
    """Shows the progress on standard error from entering to leaving."""

    def __init__(self, progress: Progress, notices: Notices) -> None:
        self._progress = progress
        self._notices = notices
        self._left = Event()
        self._thread = Thread(target=self._show, name="archive view", daemon=True)

    def __enter__(self) -> ArchiveView:
        if not self._notices.quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._thread.is_alive():
            self._thread.join()

    def _show(self) -> None:
        if sys.stderr.isatty():
            self._show_bar()
            return
        while not self._left.wait(_LINE_S):
            self._notices.line(self._progress.line())

    def _show_bar(self) -> None:
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
            self._notices.divert(lambda sentence: console.print(f"{PROGRAM}: {sentence}", soft_wrap=True))
            task = bar.add_task("", total=max(1, self._progress.size))
            ended = False
            while not ended:
                ended = self._left.wait(_FRAME_S)
                bar.update(task, completed=self._progress.gone_size, description=self._progress.line())
                bar.refresh()
            self._notices.divert(None)
