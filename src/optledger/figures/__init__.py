"""Figures: tables in, Matplotlib figures out, and how they become SVG."""
