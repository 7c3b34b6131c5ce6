"""Tags that this project's models, and versions of registered models, have in MLflow."""

VARIANT, SEED, DATASET = "optledger.variant", "optledger.seed", "optledger.dataset"

MODEL = "optledger.model"
"""Of a version: the id of its model. Of a variant's run: likewise, once that is registered and
decided about; what is not there then, a person deleted."""

COMPARISON = "optledger.comparison"
"""Of a model: how it is compared, the section of params.yaml as JSON."""

BLOCK = "optledger.seeds_per_search"
"""Of a model: how many of its variant's seeds share a search, where not all do."""

TEST_DIGEST = "optledger.checksum.test"
"""Of a model: the SHA-256 of the test split that its predictions are of."""

DECISION = "optledger.decision"
"""Of a version: `champion` if it was given the alias, `not champion` if it was not."""

DESCRIPTION = "mlflow.note.content"
"""What MLflow shows as description of a run and of a model."""
