"""The day of a call: from its name, which recorders stamp, or else from when its file was last written."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

NAME = "name"
MODIFIED = "modified"

# 2026-10-05, 20261005, 2026_10_05; compact ones also with a time behind them. No longer row of digits, which may be
# a telephone number, and no day before month, which nobody can tell from month before day.
_DAY = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<mark>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=mark)(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?(?!\d)"
)
_FOLDERS = re.compile(r"(?:^|/)(?P<year>(?:19|20)\d\d)/(?P<month>0[1-9]|1[0-2])/(?P<day>0[1-9]|[12]\d|3[01])(?:/|$)")


def day_of(name: str, modified_ns: int) -> tuple[date, str]:
    """The day of a recording.

    The last date in its name counts, its folders included (`2026/10/05/x.wav`, `2026-10-05/x.wav`,
    `x_20261005T1430.wav`); without one, the day in UTC on which the file was last written.

    Args:
        name: The recording's name in the archive.
        modified_ns: When it was written, in nanoseconds since 1970.

    Returns:
        The day, and where it comes from: `name` or `modified`.
    """
    for pattern, text in ((_DAY, name.rpartition("/")[2]), (_DAY, name), (_FOLDERS, name)):
        for match in reversed(list(pattern.finditer(text))):
            try:
                return date(int(match["year"]), int(match["month"]), int(match["day"])), NAME
            except ValueError:
                continue  # such as 30 February
    return datetime.fromtimestamp(modified_ns // 10**9, tz=timezone.utc).date(), MODIFIED
