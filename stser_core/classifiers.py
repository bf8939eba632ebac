"""The layers of a classifier, which reads the vectors of one encoder or several, concatenated."""

from torch import nn


class Classifier(nn.Sequential):
    """Dense 128 → 64 → 128 (ReLU) → labels, as the paper's classifiers are (section 3.3)."""

    def __init__(self, size: int, labels: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in (128, 64, 128):
            layers += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout)]
            size = width
        super().__init__(*layers, nn.Linear(size, labels))
