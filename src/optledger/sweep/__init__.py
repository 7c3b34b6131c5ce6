"""From variants to finished trials: what is kept, what is wanting, and the pool that trains it."""
