"""Write the text encoder of a version-0.1 checkpoint as a folder in the Hub's format, for `--text-encoder`.

    python experiments/encoder_of_v1.py CHECKPOINT OUT
"""

import json
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

checkpoint, out = map(Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
albert = json.loads((checkpoint / "config.json").read_text())["text"]["albert"]
state = {
    name.removeprefix("tmodel.albert."): value.float()
    for name, value in load_file(checkpoint / "model.safetensors").items()
    if name.startswith("tmodel.albert.")
}
save_file(state, out / "model.safetensors", {"format": "pt"})
(out / "config.json").write_text(json.dumps({"model_type": "albert", "architectures": ["AlbertModel"]} | albert))
shutil.copy(checkpoint / "tokenizer.json", out)
