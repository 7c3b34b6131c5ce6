"""The level of each look, such that all looks together keep the promise.

A look is a number of seeds at which verdicts are made. Looking at 5, 10 and 20 seeds, each time at
5 %, finds a difference that does not exist in more than 5 % of experiments. The boundaries here are
joint. The looks share the probability of an error, and errors that they have in common count only
once (docs/statistics.md).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Levels = tuple[float, ...]
"""For each look, the nominal probability with which its intervals miss."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)

# The least standard deviation of a step, relative to the sum's: a narrower density would fall
# between two nodes.
_LEAST_STEP = 0.12

# Ratios are rounded up to one digit after the first, so that nearly equal pairs share their levels,
# which are cached.
_RATIO_DIGITS = 1
_LEVEL_DIGITS = 9


def levels(looks: Sequence[int], shares: Sequence[float], alpha: float, ratio: float) -> Levels:
    """Return the level at which each look judges a pair, so that all together miss with `alpha`.

    With the first L seeds of two variants, their difference has the variance s / L + G. The first
    part is due to seeds. The second is due to images, which all looks have in common. The
    covariance of the estimates at two looks is the variance of the later one. The same is true of a
    mean and the mean of a part of its values. So the looks form a group-sequential test, whose
    information is 1 / (s / L + G). (Armitage, McPherson and Rowe 1969, JRSS A 132; Lan and DeMets
    1983, Biometrika 70.)

    Args:
        looks: numbers of seeds, ascending.
        shares: the share of `alpha` that each look may spend; they add up to 1.
        alpha: the probability with which any look may miss; two-sided.
        ratio: s / G, the variance due to seeds, at one seed, divided by that due to images;
            infinite without predictions. It is rounded up, which makes levels lower.

    Returns:
        A level per look. The first is the look's share of `alpha`; the others are more than theirs.
    """
    if len(looks) == 1:
        return (alpha,)
    return _levels(tuple(looks), tuple(shares), alpha, _rounded_up(ratio))


def any_error(looks: Sequence[int], alpha: float) -> float:
    """Return how often any look misses if each judges at the full `alpha`.

    Args:
        looks: numbers of seeds, ascending.
        alpha: the probability with which one look misses.

    Returns:
        The probability for many seeds with normal noise, and no noise of images, which would make
        it lower. With two or more looks it is above `alpha`.
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
    """A sum of independent normal steps, as long as it stays within its bounds.

    The sum's variance is the information, so the sum is the estimate's z times the square root of
    the information. Its density is kept at Gauss-Legendre nodes between the bounds.
    """

    def __init__(self) -> None:
        self._places: NDArray[np.float64] = np.zeros(1)
        self._masses: NDArray[np.float64] = np.ones(1)
        self._information = self._step = 0.0

    def step(self, information: float) -> None:
        """Take the next step, which raises the information to this value, or by the least step."""
        least = self._information * (1 + _LEAST_STEP**2)
        raised = max(information, least)
        self._step = math.sqrt(raised - self._information)
        self._information = raised

    def beyond(self, bound: float) -> float:
        """Return the probability that the sum leaves the bound, given in z, at this step."""
        end = bound * math.sqrt(self._information)
        above = special.ndtr((self._places - end) / self._step)
        below = special.ndtr((-end - self._places) / self._step)
        return float(self._masses @ (above + below))

    def bound(self, probability: float) -> float:
        """Return the bound in z that the sum leaves at this step with this probability."""
        return float(
            optimize.brentq(
                lambda bound: math.log(max(self.beyond(bound), 1e-300) / probability),
                0,
                37,
                xtol=1e-12,
            )
        )

    def stay(self, bound: float) -> None:
        """Keep only the part of the density within the bound."""
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
