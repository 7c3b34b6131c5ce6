"""What identifies a run: its content, whatever machine or store it is published from.

Two publications of the same content have the same run key, the content's digest, so that the second
finds the first. A content is what was asked for (data, parameters, seeds) and what came out (the
bytes of the outputs), and nothing of when, where or by whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Content = Mapping[str, Any]
"""A JSON document; its digest is the run key."""


def variant_content(
    name: str,
    dataset: Mapping[str, str],
    parameters: Mapping[str, Any],
    seeds: Sequence[int],
    outputs: Mapping[str, str],
) -> Content:
    """Return the content of a variant's run.

    Args:
        name: the variant's; people look for it, so another name is another run.
        dataset: the SHA-256 of each raw file, by its role.
        parameters: the variant's resolved parameters, and those of the model and the split.
        seeds: in their order.
        outputs: the SHA-256 of each output that the run shows, by its name.
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
    """Return the content of the run of one seed of the variant with the key `variant`."""
    return {"kind": "seed", "variant": variant, "seed": seed}


def search_content(variant: str, learning_rate: float, seed: int) -> Content:
    """Return the content of the run of a search trial of the variant with the key `variant`."""
    return {"kind": "search", "variant": variant, "learning_rate": learning_rate, "seed": seed}


def comparison_content(
    variants: Mapping[str, str], parameters: Mapping[str, Any], outputs: Mapping[str, str]
) -> Content:
    """Return the content of a comparison's run.

    Args:
        variants: the variants' keys, by name.
        parameters: the section `comparison` of params.yaml.
        outputs: the SHA-256 of each table that the run shows, by its name.
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
        name: the case's.
        parameters: its entry of the section `cases` of params.yaml, resolved.
        outputs: the SHA-256 of each table that the run shows, by its name.
    """
    return {
        "kind": "case",
        "name": name,
        "parameters": dict(parameters),
        "outputs": dict(outputs),
    }


def method_content(case: str, method: str) -> Content:
    """Return the content of the run of one method of the case with the key `case`."""
    return {"kind": "method", "case": case, "method": method}


def model_content(variant: str, seed: int) -> Content:
    """Return the content of the model that `seed` left of the variant with the key `variant`."""
    return {"kind": "model", "variant": variant, "seed": seed}
