"""The formats of datasets, a module each, whose `read` reads the files of an entry."""
