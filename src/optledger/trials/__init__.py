"""Trials: their definition and results, where these are kept, and the learning-rate search."""
