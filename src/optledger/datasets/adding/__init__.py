"""A dataset of one's own: looked at once, told, and pinned as an entry."""
