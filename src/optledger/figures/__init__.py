"""Matplotlib figures of tables, and how they become SVG."""
