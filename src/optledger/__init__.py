"""An auditable ledger of optimizer comparisons: DVC holds the truth, MLflow shows it."""
