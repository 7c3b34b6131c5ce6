"""Names of the tags that this project writes in MLflow on models and on model versions."""

VARIANT, SEED, DATASET = "optledger.variant", "optledger.seed", "optledger.dataset"

MODEL = "optledger.model"
"""On a model version and on a variant's run: the id of the model.

The run gets the tag once the model is registered and decided on. If the model is missing after
that, a person deleted it.
"""

COMPARISON = "optledger.comparison"
"""On a model: how it is compared, as the JSON of the section `comparison` of params.yaml."""

SEEDS_PER_SEARCH = "optledger.seeds_per_search"
"""On a model: how many of its variant's seeds share a search. Absent where all share one."""

TEST_DIGEST = "optledger.checksum.test"
"""On a model: the SHA-256 of the test split that its predictions were made on."""

DECISION = "optledger.decision"
"""On a model version: `champion` if it was given the alias, else `not champion`."""

DESCRIPTION = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run or a model."""
