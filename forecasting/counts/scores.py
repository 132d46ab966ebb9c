"""How good forecasts were: error, pinball loss, coverage, and whether a difference is more than luck."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.counts.grid import Floats

PINBALL = {"q10": 0.1, "q50": 0.5, "q90": 0.9}
_DRAWS = 2000


def scored(table: pd.DataFrame) -> pd.DataFrame:
    """The rows all models of a horizon are scored on: open slots with a known count that every model forecast.

    Adds `error` (absolute, of q50), `pinball` (mean over 0.1, 0.5, 0.9) and `covered` (inside q10..q90).
    """
    rows = table[table["is_open"] & table["actual"].notna()].copy()
    key = ["site", "room", "horizon", "target_time"]
    complete = rows["q50"].notna().groupby([rows[name] for name in key]).transform("all")
    rows = rows[complete]
    actual = rows["actual"].to_numpy()
    rows["error"] = np.abs(actual - rows["q50"])
    rows["pinball"] = np.mean(
        [pinball(actual, rows[name].to_numpy(), level) for name, level in PINBALL.items()], axis=0
    )
    rows["covered"] = (actual >= rows["q10"]) & (actual <= rows["q90"])
    return rows


def pinball(actual: Floats, quantile: Floats, level: float) -> Floats:
    miss = actual - quantile
    return np.asarray(np.maximum(level * miss, (level - 1) * miss))


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per site, horizon and model: mae, pinball, coverage of the 80 % interval, n; the model's best first."""
    groups = rows.groupby(["site", "horizon", "model"], sort=False)
    result = groups.agg(
        mae=("error", "mean"), pinball=("pinball", "mean"), coverage=("covered", "mean"), n=("error", "size")
    )
    return result.reset_index()


def significance(rows: pd.DataFrame, model: str, seed: int = 1) -> pd.DataFrame:
    """Per site and horizon, `model` against each other one, paired by day of the target.

    `gain` is the share of the other's pinball loss that is saved, `low`..`high` its 95 % bootstrap interval over days,
    `p` that of a two-sided Diebold-Mariano test on daily mean losses (Newey-West variance, one week of lags). One that
    never erred is left out: there is no share of nothing.
    """
    result = []
    for (site, name), part in rows.groupby(["site", "horizon"], sort=False):
        days = part.pivot_table(index=part["target_time"].dt.date, columns="model", values="pinball", aggfunc="sum")
        number = part[part["model"] == model].groupby(part["target_time"].dt.date).size().to_numpy(float)
        for other in [one for one in days.columns if one != model]:
            ours, theirs = days[model].to_numpy(), days[other].to_numpy()
            if not theirs.any():
                continue
            low, high = _bootstrap(ours, theirs, seed)
            gain = 1 - ours.sum() / theirs.sum()
            p = diebold_mariano((theirs - ours) / number)
            result.append(
                {"site": site, "horizon": name, "other": other, "gain": gain, "low": low, "high": high, "p": p}
            )
    return pd.DataFrame(result)


def diebold_mariano(difference: Floats, lags: int = 7) -> float:
    """Two-sided p of a mean loss difference of zero (Diebold and Mariano 1995, Bartlett weights)."""
    from scipy.stats import norm

    n = len(difference)
    centred = difference - difference.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag]) / n
    if variance <= 0:
        return 1.0 if np.allclose(difference, 0) else 0.0
    return float(2 * norm.sf(abs(difference.mean()) / np.sqrt(variance / n)))


def _bootstrap(ours: Floats, theirs: Floats, seed: int) -> tuple[float, float]:
    draws = np.random.default_rng(seed).integers(0, len(ours), (_DRAWS, len(ours)))
    lost = theirs[draws].sum(axis=1)
    gains = 1 - ours[draws].sum(axis=1)[lost > 0] / lost[lost > 0]
    low, high = np.quantile(gains, (0.025, 0.975))
    return float(low), float(high)
