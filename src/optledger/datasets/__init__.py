"""Datasets as data: where their files come from, how they are read and divided."""
