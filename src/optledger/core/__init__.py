"""The foundation that every other package uses: files, parameters, errors and Git."""
