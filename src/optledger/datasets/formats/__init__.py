"""The formats of datasets, a module each: `read` what an entry pins, and `look` at what is new."""
