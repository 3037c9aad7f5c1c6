"""A sweep over many policies, averaged in each cell of its grid."""

from typing import NamedTuple

import numpy as np
import pandas as pd


class Sweep(NamedTuple):
    """accuracy and share, of the policies that end above their base model, are alphas × betas."""

    alphas: list[float]
    betas: list[float]
    accuracy: np.ndarray
    share: np.ndarray


def averages(table: pd.DataFrame) -> Sweep:
    """table: a row for each policy and cell, as toysims.sweep writes it."""
    table = table.assign(helped=table["simulated_accuracy"] > table["base_accuracy"])
    cells = table.groupby(["alpha", "beta"])[["simulated_accuracy", "helped"]].mean()
    accuracy, share = cells["simulated_accuracy"].unstack(), cells["helped"].unstack()
    return Sweep(list(accuracy.index), list(accuracy.columns), accuracy.to_numpy(float), share.to_numpy(float))
