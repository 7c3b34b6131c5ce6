"""The commands of the command line."""

import json
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from optledger.core import params
from optledger.core.breaks import command
from optledger.core.documents import mistake, shown
from optledger.core.errors import (
    INTERRUPTED,
    MISTAKE,
    VERDICT,
    UserError,
    printable,
    printable_lines,
)
from optledger.core.formats import read, write_text
from optledger.core.paths import EXPERIMENTS, PARAMS, TENSORBOARD
from optledger.datasets import registry
from optledger.datasets.adding.add import add, described
from optledger.datasets.adding.draft import Options, image_size, option_pairs, option_words
from optledger.datasets.adding.use import use
from optledger.datasets.sampling import training_examples
from optledger.datasets.split import validation_examples
from optledger.execution import executor
from optledger.pipeline import experiments, interrupted
from optledger.pipeline.preparation import prepare
from optledger.sweep import account, predictions, variants
from optledger.sweep.recheck import recheck as rechecked
from optledger.training import runtime
from optledger.training.passed import Passed
from optledger.trials.fitting import comparison_mistakes, convergence_mistakes, training_mistakes
from optledger.trials.places import place
from optledger.trials.store import Store
from optledger.trials.sufficiency import example_mistakes

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

trials_app = typer.Typer(help="Show how many finished trials are kept, or remove some of them.")
app.add_typer(trials_app, name="trials")

dataset_app = typer.Typer(help="List the datasets, add one of your own, or choose one to train on.")
app.add_typer(dataset_app, name="dataset")

# Modules that take long to import are imported by the commands that need them.

# The most columns of prose in a terminal.
_WIDEST = 100


class FailOn(StrEnum):
    """What makes a review end with exit status 1."""

    WORSE = "worse"
    DIVERGED = "diverged"


def run() -> None:
    """Run the command that was typed.

    Raises:
        UserError: there is no such command, or its arguments are wrong.
    """
    try:
        # Standalone mode makes Typer show its help if nothing was typed.
        status = app(prog_name="optledger", standalone_mode=len(sys.argv) == 1)
    except typer.TyperException as error:
        # Typer would print it in a box, control characters of the arguments included.
        context = getattr(error, "ctx", None)
        typed = context.command_path if context else "optledger"
        told = " ".join(error.format_message().split()).rstrip(".")
        raise UserError(printable(f"{typed}: {told}; see {typed} --help")) from None
    if status == INTERRUPTED:
        # Typer prints nothing about an interruption.
        raise KeyboardInterrupt
    sys.exit(status)


@app.callback()
def _optledger() -> None:
    """Which optimizer is better, is the difference real, and can anyone reproduce it?"""


@app.command(epilog="Example: optledger check")
def check() -> None:
    """Check params.yaml and its dataset's entry, and build every model, optimizer and loss."""
    executor.worker_count()
    _repair()
    settings = params.load()
    check_all(settings)
    print(f"{PARAMS}: {len(settings.variants)} variants, {settings.seeds.count} seeds: fine")


@app.command(epilog="Example: optledger experiment look")
def experiment(
    name: Annotated[str, typer.Argument(help="name of a file in experiments/, without .yaml")],
) -> None:
    """Run experiments/NAME.yaml as the DVC experiment NAME, in a copy of the checkout."""
    executor.worker_count()
    cluster = executor.cluster()
    settings, overrides = experiments.load(name)
    try:
        check_all(settings)
    except UserError as error:
        lines = str(error).splitlines()
        raise UserError("\n".join(f"{EXPERIMENTS / name}.yaml: {line}" for line in lines)) from None
    experiments.check_is_new(name)
    own = params.load()
    if (settings.dataset, settings.split) == (own.dataset, own.split):
        # The data are those of this checkout, so train all variants at once. DVC then finds the
        # trials kept.
        prepare()
        variants.sweep(settings, list(settings.variants), name, cluster=cluster)
    print(experiments.run(name, overrides))
    print(f"Its parameters, tables and results in this checkout: dvc exp apply {name}")


@app.command("history", epilog="Example: optledger history adam sgd --figure history.svg")
def history_of_results(
    variants: Annotated[
        list[str] | None,
        typer.Argument(
            help="variants to show; default: the champion, with --figure all that there are now, "
            "with --json all that there ever were"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
    figure: Annotated[
        Path | None, typer.Option(help="SVG file to draw as well; an existing file is replaced")
    ] = None,
) -> None:
    """Show how the results changed over time: each commit that changed them, newest first.

    Only commits of this branch are shown, and a merge is one commit. See docs/changes.md.
    """
    from optledger.review import history, history_report

    if figure is not None and figure.suffix != ".svg":
        found = f"found {shown(str(figure))}; allowed: a file whose name ends with .svg"
        raise UserError(f"optledger history: --figure: {found}")
    found_history = history.read()
    asked = variants or []
    if as_json:
        document = history_report.record(found_history, asked)
        text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
    else:
        text = history_report.terminal(found_history, asked, shutil.get_terminal_size().columns)
    if figure is not None:
        write_text(figure, history_report.drawing(found_history, asked))
    print(text if as_json else printable_lines(text))


@app.command("plots", epilog="Example: optledger plots main")
def draw_plots(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            help="revisions to draw side by side, as dvc plots diff does; default: workspace"
        ),
    ] = None,
) -> None:
    """Draw DVC's plots on a page that needs no network, build/plots/index.html."""
    from optledger.plots import draw

    print(f"Look at {draw(revisions or [])}")


@app.command(epilog="Example: optledger power adam sgd --difference 0.002")
def power(
    variants: Annotated[
        list[str] | None,
        typer.Argument(
            help="two or more variants; default: those that lead, or all without divergence "
            "if fewer than two do"
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(
            help="difference to detect, in the metric's unit (0.002 is 0.2 points of accuracy); "
            "default: the margin"
        ),
    ] = None,
    power: Annotated[float, typer.Option(help="probability of detecting the difference")] = 0.8,
) -> None:
    """Show how many seeds it takes to detect a difference, given the noise in the results."""
    from optledger.analysis import planning

    print(planning.plan(params.load(), variants or [], difference, power))


@app.command(epilog="Example: optledger publish --official")
def publish(
    restore: Annotated[
        bool,
        typer.Option("--restore", help="also bring back the runs that someone deleted in MLflow"),
    ] = False,
    replace: Annotated[
        list[str] | None,
        typer.Option(
            help="ID of a run to delete and publish again, as verify recommends; repeatable"
        ),
    ] = None,
    is_official: Annotated[
        bool | None,
        typer.Option(
            "--official/--try",
            help="treat the results as official or as a try; default: Git decides",
        ),
    ] = None,
) -> None:
    """Publish the results to MLflow, as the last stage of the pipeline does.

    Results are official once they are committed on the branch that publish.branch in params.yaml
    names. Until then they are a try, and MLflow's official answer and champion stay as they are.
    """
    from optledger.stages.publish import publish_results

    publish_results(restore, replace or [], is_official)


@app.command(epilog="Example: optledger ui --port 5002")
def ui(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="port on this machine for MLflow's pages")
    ] = 5000,
) -> None:
    """Print links to the leaderboards in MLflow, and serve them if no server does."""
    from optledger.tracking.servers import show

    show(port)


@app.command(epilog="Example: optledger serve digits --port 5003")
def serve(
    dataset: Annotated[
        str | None,
        typer.Argument(help="dataset whose champion to serve; default: that of params.yaml"),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="port on this machine to serve the model at")
    ] = 5001,
) -> None:
    """Serve the champion's model over HTTP. Send it raw pixels, or raw columns of a table."""
    from optledger.tracking import servers

    servers.serve(dataset or params.load().dataset, port)


@app.command("review", epilog="Example: optledger review main --fail-on worse")
def review_revisions(
    base: Annotated[
        str,
        typer.Argument(
            help="compare with a Git revision, a DVC experiment, or workspace (the present files)"
        ),
    ],
    head: Annotated[
        str,
        typer.Argument(
            help="judge a Git revision, a DVC experiment, or workspace (the present files)"
        ),
    ] = "workspace",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="print Markdown, for a comment on a pull request")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            help="exit with 1 if a variant is shown to be worse, or if more of its seeds diverged; "
            "repeatable"
        ),
    ] = None,
) -> None:
    """Show what changed from BASE to HEAD, and whether its effect is more than noise.

    With --fail-on, the exit status is 2 if HEAD's results are out of date.
    """
    from optledger.review import report
    from optledger.review.judging import review
    from optledger.review.record import record

    if as_json and markdown:
        raise UserError("optledger review: --markdown and --json exclude each other; choose one")

    found = review(base, head)
    columns = min(shutil.get_terminal_size().columns, _WIDEST)
    if as_json:
        print(json.dumps(record(found), indent=2, sort_keys=True, allow_nan=False))
    else:
        text = report.markdown(found) if markdown else report.terminal(found, columns)
        print(printable_lines(text))
    if fail_on and found.head.stale:
        # The report says why. A stale base is accepted: HEAD may be the change that mends it.
        print(
            f"The gate is shut: {found.head.label} is out of date, so run dvc repro there",
            file=sys.stderr,
        )
        raise typer.Exit(MISTAKE)
    shut = {FailOn.WORSE: found.with_verdict("worse"), FailOn.DIVERGED: found.diverging}
    if why := [each for each in fail_on or [] if shut[each]]:
        for each in why:
            names = ", ".join(effect.variant for effect in shut[each])
            print(f"The gate is shut: {names} (--fail-on {each.value})", file=sys.stderr)
        raise typer.Exit(VERDICT)


@app.command(epilog="Example: optledger schema > params.schema.json")
def schema() -> None:
    """Print the JSON Schema of params.yaml."""
    print(json.dumps(params.json_schema(), indent=2, sort_keys=True))


@app.command(epilog="Example: optledger settle --dry-run")
def settle(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="train nothing; show what is undecided and what the next look costs"
        ),
    ] = False,
    leave_behind: Annotated[
        bool,
        typer.Option(
            "--leave-behind",
            help="train no more seeds of variants shown to be worse than an unbeaten one",
        ),
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: host:port, auto to find it, local to start one; default: RAY_ADDRESS"
        ),
    ] = None,
) -> None:
    """Train more seeds until the comparison is decided or no look is left.

    A look is a number of seeds in comparison.looks. Each look trains its new seeds, then runs the
    pipeline. The command sets seeds.count in params.yaml to the current look, so after an
    interruption it continues there.
    """
    from optledger import settle as settling

    executor.worker_count()
    cluster = executor.cluster(address)
    if not dry_run:
        _repair()
    lines = settling.preview(leave_behind) if dry_run else settling.settle(cluster, leave_behind)
    for line in lines:
        print(line, flush=True)


@app.command(epilog="Example: optledger sweep --dry-run")
def sweep(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="train nothing; show what is kept, what would be trained, and why"
        ),
    ] = False,
    recheck: Annotated[
        int,
        typer.Option(
            min=0, help="afterwards, train this many random kept trials again, and compare"
        ),
    ] = 0,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: host:port, auto to find it, local to start one; default: RAY_ADDRESS"
        ),
    ] = None,
    leave_out_unlike: Annotated[
        bool,
        typer.Option(
            "--leave-out-unlike", help="skip nodes whose results would differ, instead of stopping"
        ),
    ] = False,
) -> None:
    """Train all missing trials of all variants in one pool. To get results, run dvc repro next.

    With --recheck, the exit status is 1 if a trial differs from the kept one.
    """
    executor.worker_count()
    cluster = executor.cluster(address, leave_out_unlike)
    if leave_out_unlike and cluster is None:
        needed = "needs a Ray cluster; add --address, or set RAY_ADDRESS"
        raise UserError(f"optledger sweep: --leave-out-unlike {needed}")
    settings = params.load()
    if dry_run and recheck:
        raise UserError("optledger sweep: --dry-run and --recheck exclude each other; choose one")
    if dry_run:
        print(*variants.explain(settings), sep="\n")
        return
    _repair()
    prepare()
    variants.sweep(settings, list(settings.variants), "sweep", cluster=cluster)
    if recheck:
        store = Store(place())
        if not store.items:
            print(f"Nothing to recheck: {account.summary(store, predictions.kept_predictions())}")
        different = 0
        for line, is_same in rechecked(variants.kept_trials(settings, store), store, recheck):
            print(line, flush=True)
            different += not is_same
        if different:
            raise typer.Exit(VERDICT)


@trials_app.callback(invoke_without_command=True, epilog="Example: optledger trials")
def trials(context: typer.Context) -> None:
    """Show how many finished trials are kept, and where."""
    if context.invoked_subcommand is None:
        print(account.summary(Store(place()), predictions.kept_predictions()))


@trials_app.command(epilog="Example: optledger trials prune --unused")
def prune(
    unused: Annotated[
        bool,
        typer.Option(
            "--unused", help="select trials that params.yaml does not need, with the present data"
        ),
    ] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="select trials and predictions that were written at least this many days ago",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="remove them; without it, only list them")
    ] = False,
) -> None:
    """List kept trials that are old or unused, or remove them with --yes.

    With both options, a trial has to be old and unused.
    """
    if not unused and older_than is None:
        remedy = "add --unused, --older-than DAYS or both"
        raise UserError(f"optledger trials prune: nothing says which trials; {remedy}")
    store = Store(place())
    used = {each.key for each in variants.kept_trials(params.load(), store)} if unused else set()
    for line in account.prune(store, used, older_than, yes):
        print(line)
    if older_than is not None:
        for line in account.prune_predictions(predictions.kept_predictions(), older_than, yes):
            print(line)


@dataset_app.callback(invoke_without_command=True, epilog="Example: optledger dataset")
def datasets(context: typer.Context) -> None:
    """List the datasets that params.yaml can name."""
    if context.invoked_subcommand is None:
        for name in registry.names():
            try:
                print(described(name, registry.load(name)))
            except UserError as error:
                print(error)


@dataset_app.command(
    "add", epilog="Example: optledger dataset add homes homes.csv --target price --kind number"
)
def add_dataset(
    name: Annotated[str, typer.Argument(help="name for the dataset in params.yaml")],
    path: Annotated[
        Path,
        typer.Argument(
            help="folder of images by class, folder of IDX files, or .npz, .csv, .tsv or .parquet"
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(help="kind of target, if the values leave it open: classes, labels or number"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="column of a table to predict; several for labels: a,b,c"),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            help="test split: a subfolder of images, COLUMN=VALUE of a table, or a second table"
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            help="share of items to draw at random as the test split; "
            "default: the data's own split, else 0.2"
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="keep groups together in each split: a column, "
            "or an image-path pattern like '(.*)_[0-9]+'"
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="resize all images to these rows and columns, such as 32x32")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="convert all images to grey (1) or colour (3)")
    ] = None,
    categories: Annotated[
        str, typer.Option(help="columns to use as categories, such as colour,city")
    ] = "",
    drop: Annotated[str, typer.Option(help="columns to leave out, such as id,name")] = "",
    arrays: Annotated[
        str,
        typer.Option(
            help="arrays of an .npz file with unusual names: train_inputs=a,train_targets=b"
        ),
    ] = "",
    separator: Annotated[
        str | None,
        typer.Option(help="character between the cells of a CSV file; default: detected"),
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="allow test items that are in the train split, too")
    ] = False,
) -> None:
    """Describe your data in datasets/NAME.yaml, with checksums, and print what was found.

    Your files stay as they are. For images: optledger dataset add flowers ~/flowers --size 32x32
    """
    options = Options(
        kind=kind,
        target=target,
        test=test,
        test_fraction=test_fraction,
        by=by,
        size=image_size(size),
        channels=channels,
        categories=option_words(categories),
        drop=option_words(drop),
        arrays=option_pairs(arrays),
        separator=separator,
        duplicates=duplicates,
    )
    for line in add(name, path, options):
        print(line)


@dataset_app.command("use", epilog="Example: optledger dataset use homes")
def use_dataset(
    name: Annotated[str, typer.Argument(help="a name that optledger dataset lists")],
) -> None:
    """Set the dataset in params.yaml, and each other key that does not fit its target."""
    target = registry.load(name).target
    text, lines = use(read(PARAMS).decode(), name, target)
    write_text(PARAMS.resolve(), text)
    for line in lines:
        print(line)


@app.command(epilog="Example: optledger tensorboard build/tensorboard")
def tensorboard(
    directory: Annotated[
        Path,
        typer.Argument(
            help="folder to write: new, empty, or written by this command, which replaces it"
        ),
    ] = TENSORBOARD,
) -> None:
    """Write the results for TensorBoard: a run for each seed, and one for each variant's mean."""
    from optledger.report.event_files import read_runs, write_runs

    runs = read_runs(params.load())
    write_runs(directory, runs)
    print(f"{len(runs)} runs; to look at them: {command('tensorboard', '--logdir', directory)}")
    print("Filtered by the word mean, they are the means of the variants over their seeds.")


@app.command(epilog="Example: optledger verify --reproduce")
def verify(
    reproduce: Annotated[
        bool,
        typer.Option(
            "--reproduce",
            help="instead, run HEAD's pipeline again in a clone and compare its outputs",
        ),
    ] = False,
) -> None:
    """Check the chain from MLflow's runs back to the data, and hash every output again.

    Each break is printed with the command that repairs it. The exit status is 1 if there is one.
    """
    if reproduce:
        from optledger.verification.reproduce import reproduce as run_again

        if not run_again():
            raise typer.Exit(VERDICT)
        return
    from optledger.verification.verify import Verification

    verification = Verification()
    found = 0
    for each in verification.breaks():
        print(each)
        found += not each.is_note
    print(f"verify: {', '.join(verification.counts)}: {found} break{'' if found == 1 else 's'}")
    if found:
        raise typer.Exit(VERDICT)


def _repair() -> None:
    for line in interrupted.repair():
        print(line, flush=True)


def check_all(settings: params.Params) -> None:
    """Check the dataset, and build every model, optimizer, loss and schedule.

    Raises:
        UserError: there are mistakes; the text has a line for each.
    """
    dataset = registry.load(settings.dataset)
    registry.own_mirror(settings.dataset)
    train_examples = dataset.items.train - validation_examples(
        dataset.items.train, settings.split.validation_fraction
    )
    classes = dataset.target.outputs if dataset.kind.BY_CLASS else 1
    if train_examples < classes:
        fraction = settings.split.validation_fraction
        allowed = f"a fraction that leaves at least {classes} examples to train on"
        raise UserError(mistake(PARAMS, "split.validation_fraction", fraction, allowed))
    # Assume classes of equal size: nothing else is known before the download.
    labels = np.arange(train_examples) % classes
    counts = np.bincount(labels).tolist()
    lines = [
        line
        for mistakes_of in (training_mistakes, convergence_mistakes, comparison_mistakes)
        for line in mistakes_of(settings, dataset.kind)
    ] or [line for name in settings.variants for line in example_mistakes(settings, name, counts)]
    if lines:
        raise UserError("\n".join(dict.fromkeys(lines)))
    examples = {
        name: len(training_examples(labels, variant, seed=0))
        for name, variant in settings.variants.items()
    }
    interface = registry.interface(dataset)
    passed = Passed(settings, examples, interface)
    if passed:
        return
    runtime.import_tensorflow()
    from optledger.training.checks import mistakes

    if found := mistakes(settings, examples, interface):
        raise UserError("\n".join(found))
    passed.note()
