"""Run keys, which identify a run by its content.

The content is what was asked for (data, parameters, seeds) and what came out (the bytes of the
outputs). It does not say when, where or by whom it was made. The run key is the digest of the
content. So two publications of the same content have the same key, and the second finds the run of
the first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Content = Mapping[str, Any]
"""A JSON document whose digest is the run key."""


def variant_content(
    name: str,
    dataset: Mapping[str, str],
    parameters: Mapping[str, Any],
    seeds: Sequence[int],
    outputs: Mapping[str, str],
) -> Content:
    """Return the content of a variant's run.

    Args:
        name: the name of the variant. People look for it, so another name makes another run.
        dataset: the SHA-256 of each raw file, by its role.
        parameters: the variant's resolved parameters, and those of the model and the split.
        seeds: the variant's seeds, in their order.
        outputs: the SHA-256 of each output that the run shows, by the output's name.
    """
    return {
        "kind": "variant",
        "name": name,
        "dataset": dict(dataset),
        "parameters": dict(parameters),
        "seeds": list(seeds),
        "outputs": dict(outputs),
    }


def seed_content(variant: str, seed: int) -> Content:
    """Return the content of a seed's run; `variant` is the key of its variant's run."""
    return {"kind": "seed", "variant": variant, "seed": seed}


def search_content(variant: str, learning_rate: float, seed: int) -> Content:
    """Return the content of a search trial's run; `variant` is the key of its variant's run."""
    return {"kind": "search", "variant": variant, "learning_rate": learning_rate, "seed": seed}


def comparison_content(
    variants: Mapping[str, str], parameters: Mapping[str, Any], outputs: Mapping[str, str]
) -> Content:
    """Return the content of a comparison's run.

    Args:
        variants: the keys of the variants' runs, by the variants' names.
        parameters: the section `comparison` of params.yaml.
        outputs: the SHA-256 of each file that the run shows, by the file's name.
    """
    return {
        "kind": "comparison",
        "variants": dict(variants),
        "parameters": dict(parameters),
        "outputs": dict(outputs),
    }


def case_content(name: str, parameters: Mapping[str, Any], outputs: Mapping[str, str]) -> Content:
    """Return the content of a case's run.

    Args:
        name: the name of the case.
        parameters: its entry in the section `cases` of params.yaml, resolved.
        outputs: the SHA-256 of each table that the run shows, by the table's name.
    """
    return {
        "kind": "case",
        "name": name,
        "parameters": dict(parameters),
        "outputs": dict(outputs),
    }


def method_content(case: str, method: str) -> Content:
    """Return the content of a method's run; `case` is the key of its case's run."""
    return {"kind": "method", "case": case, "method": method}


def model_content(variant: str, seed: int) -> Content:
    """Return the content of a seed's model; `variant` is the key of its variant's run."""
    return {"kind": "model", "variant": variant, "seed": seed}
