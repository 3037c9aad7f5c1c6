"""What colours are to eyes that lack one kind of cones, and how far apart two of them are.

The matrices are those of Machado, Oliveira and Fernandes 2009 (severity 1), on linear sRGB; ΔE is the Euclidean
distance in CIE L*a*b* (1976); the contrast is that of WCAG 2.
"""

import numpy as np
from matplotlib.colors import to_rgb

BLIND = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)


def linear(colour):
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast_with_white(colour) -> float:
    return float(1.05 / (linear(colour) @ TO_XYZ[1] + 0.05))


def lab(colour, missing: str | None = None):
    """L*, a*, b* as seen without one kind of cones."""
    seen = linear(colour) if missing is None else np.clip(np.array(BLIND[missing]) @ linear(colour), 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other, missing: str | None = None) -> float:
    return float(np.linalg.norm(lab(one, missing) - lab(other, missing)))
