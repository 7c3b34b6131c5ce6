"""Run keys: digests that identify a run's content, whatever machine or store it comes from.

Two publications of the same content have the same key, so that the second finds the first. A key
covers what was asked for (data, parameters, seeds) and what came out (the bytes of the outputs),
and nothing of when, where or by whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optledger.formats import digest


def variant_key(
    name: str,
    dataset: Mapping[str, str],
    parameters: Mapping[str, Any],
    seeds: Sequence[int],
    outputs: Mapping[str, str],
) -> str:
    """Return the key of a variant's run.

    Args:
        name: the variant's; people look for it, so another name is another run.
        dataset: the SHA-256 of each raw file, by its role.
        parameters: the variant's resolved parameters, and those of the model and the split.
        seeds: in their order.
        outputs: the SHA-256 of each output that the run shows, by its name.
    """
    content = {
        "kind": "variant",
        "name": name,
        "dataset": dict(dataset),
        "parameters": dict(parameters),
        "seeds": list(seeds),
        "outputs": dict(outputs),
    }
    return digest(content)


def seed_key(variant: str, seed: int) -> str:
    """Return the key of the run of one seed of the variant with the key `variant`."""
    return digest({"kind": "seed", "variant": variant, "seed": seed})


def search_key(variant: str, learning_rate: float, seed: int) -> str:
    """Return the key of the run of one search trial of the variant with the key `variant`."""
    content = {"kind": "search", "variant": variant, "learning_rate": learning_rate, "seed": seed}
    return digest(content)


def comparison_key(
    variants: Mapping[str, str], parameters: Mapping[str, Any], outputs: Mapping[str, str]
) -> str:
    """Return the key of a comparison's run.

    Args:
        variants: the variants' keys, by name.
        parameters: the section `comparison` of params.yaml.
        outputs: the SHA-256 of each table that the run shows, by its name.
    """
    content = {
        "kind": "comparison",
        "variants": dict(variants),
        "parameters": dict(parameters),
        "outputs": dict(outputs),
    }
    return digest(content)


def case_key(name: str, parameters: Mapping[str, Any], outputs: Mapping[str, str]) -> str:
    """Return the key of a case's run.

    Args:
        name: the case's.
        parameters: its entry of the section `cases` of params.yaml, resolved.
        outputs: the SHA-256 of each table that the run shows, by its name.
    """
    content = {
        "kind": "case",
        "name": name,
        "parameters": dict(parameters),
        "outputs": dict(outputs),
    }
    return digest(content)


def method_key(case: str, method: str) -> str:
    """Return the key of the run of one method of the case with the key `case`."""
    return digest({"kind": "method", "case": case, "method": method})


def model_key(variant: str, seed: int) -> str:
    """Return the key of the model that `seed` left of the variant with the key `variant`."""
    return digest({"kind": "model", "variant": variant, "seed": seed})
