"""What the fault tests share: a small checkpoint, and modules beside them that scripts/soak uses as well."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def scratch_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learnt nothing, but loads at once."""
    from small_checkpoint import write_checkpoint

    folder = tmp_path_factory.mktemp("checkpoints") / "scratch"
    write_checkpoint(folder)
    return folder
