"""Adding a user's own dataset: its files are inspected once and pinned in an entry."""
