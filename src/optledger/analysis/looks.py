"""Looking again: at what level each look judges, so that all of them together keep the promise.

A look is a number of seeds at which verdicts are made. Whoever looks at 5, 10 and 20 seeds, each
time at 5 %, finds a difference that is not there in more than 5 %. The boundaries here are joint:
the looks share what may go wrong, and what they have in common is not paid for twice
(docs/statistics.md).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Levels = tuple[float, ...]
"""For each look, the nominal level that its intervals miss with."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)

# Below it, the standard deviation of a step would fall between two nodes.
_LEAST_STEP = 0.12

# What a ratio is rounded down to, so that pairs which are nearly alike share their levels.
_RATIO_DIGITS = 1
_LEVEL_DIGITS = 9


def levels(looks: Sequence[int], shares: Sequence[float], alpha: float, ratio: float) -> Levels:
    """Return at what level each look judges a pair, all of them missing with `alpha` together.

    With the first L seeds of two variants, their difference has the variance s / L + G: that of
    seeds, and that of images, which all looks have in common. Its estimates at two looks have the
    covariance of the later one's variance, as a mean and a mean of a part of it have; so the looks
    are those of a group-sequential test with the information 1 / (s / L + G) (Armitage, McPherson
    and Rowe 1969, JRSS A 132; Lan and DeMets 1983, Biometrika 70).

    Args:
        looks: numbers of seeds, ascending.
        shares: of each look, what it may spend of `alpha`; they add up to 1.
        alpha: how often any look may miss; two-sided.
        ratio: s / G, the seeds' part at one seed by the images'; infinite without predictions.
            Rounded up, which makes levels lower.

    Returns:
        Levels, of which the first is its share of `alpha`, and the others are more than theirs.
    """
    if len(looks) == 1:
        return (alpha,)
    return _levels(tuple(looks), tuple(shares), alpha, _rounded_up(ratio))


def any_error(looks: Sequence[int], alpha: float) -> float:
    """Return how often any look misses, if each of them judges at the full `alpha`.

    Args:
        looks: numbers of seeds, ascending.
        alpha: of each look.

    Returns:
        The probability for normal seeds of many, and images without a part in it: more than
        `alpha`, and the highest that it can be.
    """
    bound = -special.ndtri(alpha / 2)
    walk = _Walk()
    missed = 0.0
    for information in looks:
        walk.step(float(information))
        missed += walk.beyond(bound)
        walk.stay(bound)
    return missed


@lru_cache(maxsize=4096)
def _levels(
    looks: tuple[int, ...], shares: tuple[float, ...], alpha: float, ratio: float
) -> Levels:
    walk = _Walk()
    found = []
    for look, share in zip(looks, shares, strict=True):
        walk.step(look if math.isinf(ratio) else look / (ratio + look))
        bound = walk.bound(alpha * share)
        walk.stay(bound)
        found.append(float(f"{2 * special.ndtr(-bound):.{_LEVEL_DIGITS}g}"))
    return tuple(found)


class _Walk:
    """Where a sum of independent normal steps is, while it has stayed within its bounds.

    The sum's variance is the information, so that it is the estimate's z times the root of it. Its
    density is held at Gauss and Legendre's nodes between the bounds.
    """

    def __init__(self) -> None:
        self._places: NDArray[np.float64] = np.zeros(1)
        self._masses: NDArray[np.float64] = np.ones(1)
        self._information = self._step = 0.0

    def step(self, information: float) -> None:
        """Take the next step, which raises the information to this."""
        least = self._information * (1 + _LEAST_STEP**2)
        raised = max(information, least)
        self._step = math.sqrt(raised - self._information)
        self._information = raised

    def beyond(self, bound: float) -> float:
        """Return how likely the sum is beyond this bound of z now, and was not before."""
        end = bound * math.sqrt(self._information)
        above = special.ndtr((self._places - end) / self._step)
        below = special.ndtr((-end - self._places) / self._step)
        return float(self._masses @ (above + below))

    def bound(self, probability: float) -> float:
        """Return the bound that the sum is beyond with this probability."""
        return float(
            optimize.brentq(
                lambda bound: math.log(max(self.beyond(bound), 1e-300) / probability),
                0,
                37,
                xtol=1e-12,
            )
        )

    def stay(self, bound: float) -> None:
        """Go on with what is within the bound."""
        end = bound * math.sqrt(self._information)
        places = end * _NODES
        apart = (places[:, np.newaxis] - self._places) / self._step
        density = np.exp(-(apart**2) / 2) @ self._masses / (self._step * math.sqrt(2 * math.pi))
        self._places, self._masses = places, density * _WEIGHTS * end


def _rounded_up(ratio: float) -> float:
    if ratio == 0 or not math.isfinite(ratio):
        return ratio
    unit = 10.0 ** (math.floor(math.log10(ratio)) - _RATIO_DIGITS)
    return math.ceil(ratio / unit * (1 - 1e-9)) * unit
