"""The report: the results as one self-contained page, as a short text and as event files."""
