"""Two revisions of the project: what was changed, what that did, and whether it is real."""
