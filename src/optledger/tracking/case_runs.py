"""The runs of a case: one for the case itself, and a child run for each method."""

from collections.abc import Iterator

from optledger.analysis.schemas import METHODS, TRAJECTORIES
from optledger.core.formats import file_digest, markdown
from optledger.core.params import Case
from optledger.core.paths import CASES
from optledger.core.tables import read, records
from optledger.tracking.keys import case_content, method_content
from optledger.tracking.run import Run, finite, flat

_FILES = ("methods.csv", "trajectories.csv", "figure.svg")


def case_runs(name: str, case: Case) -> Iterator[Run]:
    """Yield the run of the case `name`, then those of its methods."""
    files = {file: CASES / name / file for file in _FILES}
    # The key leaves out the figure: another version of Matplotlib draws it in other bytes.
    tables = {file: file_digest(path) for file, path in files.items() if file != "figure.svg"}
    methods = read(files["methods.csv"], METHODS)
    points = read(files["trajectories.csv"], TRAJECTORIES)
    parameters = case.model_dump(mode="json")
    run = Run(
        content=case_content(name, parameters, tables),
        name=name,
        parameters=flat(parameters),
        tags={"case": name},
        description=_in_words(name),
        artifacts=tuple(files.values()),
        tables={"methods": methods},
    )
    yield run
    shared = {field: value for field, value in parameters.items() if field != "methods"}
    for row in records(methods.drop(columns=["learning_rate", "batch_size"])):
        method = row.pop("method")
        # The curve of the same name has this value, at its own epoch.
        del row["suboptimality"]
        yield Run(
            content=method_content(run.key, method),
            name=f"{name} {method}",
            parent=run,
            parameters=flat(shared | parameters["methods"].get(method, {})),
            metrics=finite(row),
            curves=points[points["method"] == method].drop(columns="method"),
            tags={"case": name, "method": method},
        )


def _in_words(name: str) -> str:
    table = read(CASES / name / "methods.csv", METHODS, as_text=True)
    shown = ["method", "learning_rate", "batch_size", "epochs", "epochs_to_1e-06", "suboptimality"]
    columns = [column for column in shown if column in table]
    renamed = {column: column.replace("_", " ") for column in columns}
    return (
        f"How each method comes to the known optimum of {name.replace('_', ' ')}.\n\n"
        f"{markdown(table[columns].rename(columns=renamed))}\n\n"
        "Suboptimality is what the loss lacks to the optimum, relative to the start. Below this "
        "run is one for each method, with its way as a curve."
    )
