"""The cost of training here and with the alternatives: medians and ratios of one run.

`make bench` runs this at the root of the repository, on the real data/prepared/, and prints
Markdown. Each way to train has a process of its own, which stays alive. Rounds alternate between
the ways, so that a machine that becomes faster or slower does so for all of them.
"""

import os
import pickle
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import psutil
from PIL import Image
from ruamel.yaml import YAML
from threadpoolctl import threadpool_limits

import digits
import reports
import stored
from optledger.analysis.predictions import read_targets
from optledger.analysis.schemas import SCHEMAS
from optledger.core import errors, params
from optledger.core.documents import read_yaml
from optledger.core.formats import digest, write_csv, write_json, write_npz
from optledger.core.packages import version
from optledger.core.params import Params, Variant
from optledger.core.paths import CASES, LOCK, PARAMS, PREDICTIONS, RESULTS, TEST, TRIALS
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.datasets.kinds.classes import confusion_table, evaluate, per_class_table
from optledger.datasets.kinds.evaluation import Evaluation
from optledger.datasets.prepared import read_split, read_summary
from optledger.execution import executor
from optledger.execution.executor import Report, in_order
from optledger.execution.on_ray.cluster import Actors
from optledger.execution.processes import Processes
from optledger.pipeline.experiments import merge_patch
from optledger.report.page import html
from optledger.training import kernels, runtime, tasks
from optledger.trials.observations import FinishedTrial
from optledger.trials.places import Folder
from optledger.trials.records import write_trials
from optledger.trials.specify import specify
from optledger.trials.store import Store, pack
from optledger.trials.trial import Epoch, Trial, TrialResult
from project import DIGITS_PARAMS, new_project

CORES = len(os.sched_getaffinity(0))
ROUNDS = 5
TRIAL_COUNTS = (10, 50, 200)
VARIANT_COUNTS = (10, 40)
ENTRIES = 10_000
IMAGES, ROWS, COLUMNS = 60_000, 1_000_000, 50
COMMITS = 200
PAGES = ((5, 10), (40, 20))
COMPARED = ((10, 10), (40, 20))
SHAPES: Sequence[tuple[int, ...]] = ((28, 28), (32, 32), (32, 32, 3))
FILTERS, EXAMPLES = (16, 32), 4000
_CNN = params.Component.model_validate({"name": "cnn", "filters": list(FILTERS)})
LEADERBOARD = RESULTS / "leaderboard.csv"
RAY_TRIALS, RAY_ROUNDS = 60, 3
PIXELS, CLASSES = 784, 10
INTERFACE = Interface((28, 28), CLASSES)
NAMES = [str(number) for number in range(CLASSES)]

TECHNIQUES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "dropout": {"model": {"dropout": 0.5}},
    "class weights": {"class_weights": "balanced"},
    "focal": {"loss": "CategoricalFocalCrossentropy"},
    "L2": {"l2": 0.0001},
    "L1": {"l1": 0.00001},
}

Ways = Mapping[str, tuple[Callable[..., float], Sequence[Any]]]


def main() -> None:
    """Measure all parts, or those named as arguments; tell the progress on the error stream."""
    # Keeps TensorFlow's messages out of the tables, in all processes that import it.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    settings = params.load()
    print(
        f"{_processor()}, {CORES} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, TensorFlow {version('tensorflow')}\n"
    )
    # The last part changes the environment of this process, which later parts would inherit.
    parts = {
        "epochs": epochs,
        "pins": pins,
        "techniques": techniques,
        "compare": compare,
        "page": page,
        "publish": publish,
        "review": review,
        "history": history,
        "documents": documents,
        "garbage": garbage,
        "pipeline": pipeline,
        "data": data,
        "colour": colour,
        "kept": kept,
        "workers": workers,
        "ray": ray,
    }
    for part in sys.argv[1:] or parts:
        parts[part](settings)


def epochs(settings: Params) -> None:
    """Print what an epoch of one trial costs with each way to train."""
    ways: Ways = {
        "`model.fit` as in the article": (model_fit, ("adam",)),
        "`model.fit`, `steps_per_execution=125`, `jit_compile=True`": (model_fit, ("adam", True)),
        "scikit-learn's `MLPClassifier`": (mlp_classifier, ()),
        "our engine, one worker": (engine, ("adam", 1)),
        f"our engine, {CORES} workers": (engine, ("adam", CORES)),
        "our engine, one worker, SGD": (engine, ("sgd", 1)),
        "float32 matrix product, one thread": (matrix_product, ()),
    }
    seconds = measure(ways, ROUNDS)
    article, *_, sgd, product = seconds.values()
    _table(
        ["784-128-10, batches of 32, Adam unless said", "seconds an epoch", "times as fast"],
        [
            [way, f"{statistics.median(own):.3f}", f"{_ratio(article, own):.1f}"]
            for way, own in list(seconds.items())[:-1]
        ],
    )
    speed = 2 * 1024**3 / statistics.median(product)
    share = statistics.median(
        (_operations(settings) / own) / (2 * 1024**3 / other)
        for own, other in zip(sgd, product, strict=True)
    )
    print(
        f"One thread multiplies float32 matrices (1024 by 1024, NumPy) at {speed / 1e9:.0f} "
        f"GFLOP/s. A whole epoch of SGD does its own products at {share:.0%} of that.\n"
    )


def pins(settings: Params) -> None:
    """Print what it costs to be held to AVX2 on a processor that has more."""
    del settings
    names = ("sgd", "adam", "rmsprop", "gd")
    ways: Ways = {
        f"{name}, {'held to AVX2' if held else 'as the processor has it'}": (
            one_trial,
            (name, held),
        )
        for name in names
        for held in (False, True)
    }
    seconds = list(measure(ways, ROUNDS).values())
    rows = [
        [name, *(f"{statistics.median(own):.3f}" for own in pair), f"{_ratio(*pair[::-1]):.2f}"]
        for name, pair in zip(names, zip(seconds[::2], seconds[1::2], strict=True), strict=True)
    ]
    _table(["seconds an epoch", "as the processor has it", "held to AVX2", "ratio"], rows)


def techniques(settings: Params) -> None:
    """Print what an epoch of one trial costs with each technique, here and by `model.fit`."""
    ways: dict[str, tuple[Callable[..., float], Sequence[Any]]] = {}
    for technique in TECHNIQUES:
        ways[f"{technique}: model.fit"] = (model_fit, ("adam", False, technique))
        ways[f"{technique}: ours"] = (engine, ("adam", 1, technique))
    seconds = measure(ways, ROUNDS)
    rows = []
    for technique in TECHNIQUES:
        fitted, own = (seconds[f"{technique}: {way}"] for way in ("model.fit", "ours"))
        medians = [f"{statistics.median(each):.3f}" for each in (fitted, own)]
        rows.append([technique, *medians, f"{_ratio(fitted, own):.1f}"])
    head = ["784-128-10, batches of 32, Adam", "`model.fit`, s an epoch", "one worker, s an epoch"]
    _table([*head, "times as fast"], rows)


def compare(_: Params) -> None:
    """Print what the stages `compare` and `report` cost, with many variants, too."""
    environment = os.environ | {"PYTHONPATH": str(Path("src").resolve())}
    rows = []
    for variants, seeds in COMPARED:
        with tempfile.TemporaryDirectory() as folder:
            write_results(Path(folder), variants, seeds)

            def run(*arguments: str, folder: str = folder) -> str:
                command = [sys.executable, *arguments]
                done = subprocess.run(
                    command, cwd=folder, env=environment, check=True, capture_output=True, text=True
                )
                return done.stderr

            for name in ("compare", "report"):
                _say(f"{name} of {variants} variants of {seeds} seeds")
                stage = ("-m", f"optledger.stages.{name}")
                loaded = "tensorflow" in run("-X", "importtime", *stage)
                seconds = statistics.median(_seconds(partial(run, *stage)) for _ in range(ROUNDS))
                what = f"`{name}`, {variants} variants of {seeds} seeds"
                rows.append([what, f"{seconds:.1f}", "yes" if loaded else "no"])
    _table(["stage", "seconds", "imports TensorFlow"], rows)


def page(_: Params) -> None:
    """Print the size of the report's page, and how long a headless Chromium takes to open it."""
    from playwright.sync_api import sync_playwright

    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for variants, seeds in PAGES:
            _say(f"a page of {variants} variants of {seeds} seeds")
            results, parameters = reports.make(
                Path(folder), [f"variant_{number}" for number in range(variants)], seeds
            )
            path = Path(folder) / "report.html"
            path.write_text(html(results, parameters))
            window = browser.new_page()

            def opened(window: Any = window, path: Path = path) -> None:
                window.goto(path.as_uri())

            def hidden(window: Any = window, path: Path = path) -> None:
                window.goto(f"{path.as_uri()}#hide=variant_0&against=variant_1")
                window.reload()

            seconds = [
                statistics.median(_seconds(each) for _ in range(ROUNDS))
                for each in (opened, hidden)
            ]
            size = path.stat().st_size / 1e6
            rows.append(
                [
                    f"{variants} of {seeds} seeds",
                    f"{size:.2f}",
                    *(f"{each:.2f}" for each in seconds),
                ]
            )
            window.close()
        browser.close()
    _table(["variants", "MB", "s to open", "s with one hidden and another reference"], rows)


def write_results(folder: Path, variants: int, seeds: int) -> None:
    """Write what both stages read, for models that get one image in fifty wrong, at random."""
    document = read_yaml(PARAMS)
    variant = next(iter(document["variants"].values()))
    names = [f"variant_{number}" for number in range(variants)]
    document["variants"] = dict.fromkeys(names, variant)
    document["comparison"].pop("baseline", None)
    write_json(folder / PARAMS, document)
    for name in ("data", "datasets"):
        (folder / name).symlink_to(Path(name).resolve())
    shutil.copytree(CASES, folder / CASES)
    shutil.copytree(TEST, folder / TEST)
    labels = read_targets(read_summary())
    rng = np.random.default_rng(0)
    rows = []
    evaluations: dict[str, list[Evaluation]] = {}
    for name in names:
        wrong = rng.random((seeds, len(labels))) < 0.02
        classes = ((labels + wrong) % CLASSES).astype(np.uint8)
        losses = rng.exponential(0.08, wrong.shape).astype(np.float32)
        predictions = folder / PREDICTIONS / f"{name}.npz"
        write_npz(predictions, {"classes": classes, "losses": losses})
        history = [Epoch(0.1, 0.98, 0.1, 0.98)] * 10
        results = [
            TrialResult(rate, seed, {}, history, 10, None)
            for seed, rate in enumerate(np.geomspace(0.01, 1, seeds))
        ]
        write_trials(folder / TRIALS / name, results, results[:5])
        evaluations[name] = [
            evaluate(labels, *seed, CLASSES) for seed in zip(classes, losses, strict=True)
        ]
        for seed, evaluation in enumerate(evaluations[name]):
            validation = {"validation_accuracy": 0.98, "validation_loss": 0.1}
            rest = {"epochs": 10, "converged_epoch": 6}
            own = {"variant": name, "seed": seed, "learning_rate": 0.1}
            rows.append(own | evaluation.scores | validation | rest)
    table = stored.filled(pd.DataFrame(rows), SCHEMAS["seeds"])
    write_csv(folder / RESULTS / "seeds.csv", table)
    write_csv(folder / RESULTS / "per_class.csv", per_class_table(evaluations, NAMES))
    write_csv(folder / RESULTS / "confusion.csv", confusion_table(evaluations, NAMES))


def publish(settings: Params) -> None:
    """Print what it costs to publish these results to a new SQLite file, and once more."""

    def python(uri: str, *arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": "src", "MLFLOW_TRACKING_URI": uri}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    stage = ("-m", "optledger.stages.publish")
    new, again, imports = [], [], []
    for number in range(ROUNDS):
        _say(f"publish, round {number + 1} of {ROUNDS}")
        with tempfile.TemporaryDirectory() as folder:
            uri = f"sqlite:///{folder}/mlflow.db"
            publishing = partial(python, uri, *stage)
            new.append(_seconds(publishing))
            again.append(_seconds(publishing))
            imports.append(_seconds(partial(python, uri, "-c", "import mlflow")))
            said = publishing()
    runs = int(said.split()[1])
    rows = [(f"{runs} new runs and the champion's model", new), ("again", again)]
    _table(
        ["`publish`, SQLite", "seconds", "of `import mlflow`"],
        [
            [name, f"{statistics.median(seconds):.1f}", f"{_ratio(seconds, imports):.1f}"]
            for name, seconds in [*rows, ("`import mlflow`", imports)]
        ],
    )


def review(settings: Params) -> None:
    """Print what a review of this commit costs, beside the two DVC commands that it combines."""
    ways = {
        "`optledger review HEAD`": [["optledger", "review", "HEAD"]],
        "`dvc params diff` and `dvc metrics diff`": [
            ["dvc", "params", "diff", "HEAD"],
            ["dvc", "metrics", "diff", "HEAD"],
        ],
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        _say(f"review, round {number + 1} of {ROUNDS}")
        for name, commands in ways.items():
            seconds = [
                _seconds(partial(subprocess.run, each, check=True, capture_output=True))
                for each in commands
            ]
            found[name].append(sum(seconds))
    _, apart = found.values()
    _table(
        ["five variants of ten seeds", "seconds", "of the two of DVC's"],
        [
            [name, f"{statistics.median(seconds):.1f}", f"{_ratio(seconds, apart):.1f}"]
            for name, seconds in found.items()
        ],
    )


def history(settings: Params) -> None:
    """Print what a history costs in which each commit changes the results and a variant.

    Beside it is the time of a `git show` process for each file of each commit.
    """
    del settings
    with tempfile.TemporaryDirectory() as folder:
        _write_history(Path(folder))
        git = ["git", "-C", folder]
        commits = subprocess.check_output([*git, "rev-list", "HEAD"], text=True).split()
        files = [f"{each}:{path}" for each in commits for path in (LEADERBOARD, PARAMS)]
        ways = {
            "`optledger history`": [["optledger", "history"]],
            "`optledger history --figure`": [["optledger", "history", "--figure", "drawn.svg"]],
            f"{len(files)} times `git show`": [[*git, "show", each] for each in files],
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(ROUNDS):
            _say(f"history, round {number + 1} of {ROUNDS}")
            for name, commands in ways.items():
                run = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
                found[name].append(sum(_seconds(partial(run, each)) for each in commands))
    *_, apart = found.values()
    _table(
        [f"{len(commits)} commits with results of five variants", "seconds", "of those of Git's"],
        [
            [name, f"{statistics.median(seconds):.1f}", f"{_ratio(seconds, apart):.1f}"]
            for name, seconds in found.items()
        ],
    )


def _write_history(folder: Path) -> None:
    """Make a repository of commits with slightly changed results and parameters of this one."""
    table, text = pd.read_csv(LEADERBOARD), PARAMS.read_text()
    columns = ["accuracy", "accuracy_low", "accuracy_high"]
    stream = []
    for number in range(COMMITS):
        # Up and down by a tenth of a point, and never twice the same.
        moved = 0.001 * np.sin(number) + 1e-6 * number
        csv = table.assign(**{name: table[name] - moved for name in columns}).to_csv(index=False)
        parameters = text.replace("rho: 0.9", f"rho: {0.9 + 1e-6 * number:.6f}")
        stream.append(
            f"commit refs/heads/main\ncommitter Bench <bench@localhost> {10**9 + number} +0000\n"
            f"data <<END\nResults {number}\nEND\n"
            f"M 644 inline {LEADERBOARD}\ndata <<END\n{csv}END\n"
            f"M 644 inline {PARAMS}\ndata <<END\n{parameters}END\n"
        )
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, "fast-import", "--quiet"], input="".join(stream).encode(), check=True)


def documents(_: Params) -> None:
    """Print what reading dvc.lock costs, of which each command of DVC's and ours does several."""
    text = LOCK.read_text()
    ways: dict[str, Callable[[], object]] = {
        "ruamel.yaml, in Python": lambda: YAML(typ="safe", pure=True).load(text),
        "DVC: ruamel.yaml with libyaml": lambda: YAML(typ="safe").load(text),
        "here, which checks what it reads": lambda: read_yaml(LOCK),
    }
    seconds = {way: [_seconds(read) for _ in range(ROUNDS)] for way, read in ways.items()}
    slow = next(iter(seconds.values()))
    _table(
        [f"dvc.lock, {len(text.splitlines())} lines", "ms", "times as fast"],
        [
            [way, f"{1000 * statistics.median(each):.0f}", f"{_ratio(slow, each):.1f}"]
            for way, each in seconds.items()
        ],
    )


def garbage(_: Params) -> None:
    """Print what commands cost that search for garbage as often as Python does by itself."""
    usual = "import gc; gc.set_threshold = lambda *_: None"
    program = "import sys; from optledger.__main__ import main; sys.argv[0] = 'optledger'; main()"
    rows = []
    for command in (["check"], ["review", "HEAD"], ["verify"]):
        found: dict[str, list[float]] = {usual: [], "pass": []}
        for number in range(ROUNDS):
            _say(f"{' '.join(command)}, round {number + 1} of {ROUNDS}")
            for first, seconds in found.items():
                before = _children_seconds()
                code = f"{first}; {program}"
                subprocess.run([sys.executable, "-c", code, *command], capture_output=True)
                seconds.append(_children_seconds() - before)
        often, seldom = found.values()
        medians = [f"{statistics.median(each):.2f}" for each in (often, seldom)]
        rows.append([f"`optledger {' '.join(command)}`", *medians, f"{_ratio(seldom, often):.2f}"])
    _table(["processor time in s", "as often as Python", "here", "ratio"], rows)


def _children_seconds() -> float:
    """Return the processor time of all children of this process that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pipeline(settings: Params) -> None:
    """Print what the whole pipeline costs, from nothing and with most trials kept.

    Beside it are the same trials by `model.fit`, and their epochs at the speed of workers that have
    already compiled them.
    """
    by_model_fit = _all_epochs(settings, {name: (model_fit, (name,)) for name in settings.variants})
    warm = _all_epochs(settings, {name: (engine, (name, CORES)) for name in settings.variants})
    with _clone() as run:
        first = run("optledger sweep && dvc repro")
        rows = [("from nothing", first)]
        rows.append(("again", run("optledger sweep && dvc repro")))
        code = "src/optledger/sweep/progress.py"
        run(f"echo '# A comment.' >> {code}")
        rows.append(("code changed, but none of a trial's", run("optledger sweep && dvc repro")))
        run("sed -i 's/  count: 10/  count: 15/' params.yaml")
        rows.append(("of which the trainings of five more seeds", sweep := run("optledger sweep")))
        rows.append(("five more seeds", sweep + run("dvc repro")))
        run("git checkout --quiet . && rm -rf .optledger")
        rows.append(("a quick look, with nothing kept", run("optledger experiment look")))
        rows.append(("`optledger check`, all built", run("optledger check")))
        rows.append(("`optledger check` again", run("optledger check")))
    _table(
        ["the whole pipeline: `optledger sweep`, then `dvc repro`", "seconds"],
        [[what, f"{seconds:.1f}"] for what, seconds in rows],
    )
    print(f"The same trials by `model.fit` take {by_model_fit:.0f} s, {by_model_fit / first:.1f} ")
    print(f"times as long; their epochs by warm workers {warm:.0f} s, so that the pipeline takes")
    print(f"that and {first - warm:.0f} s, or 1.08 of it and {first - 1.08 * warm:.0f} s.\n")


def data(settings: Params) -> None:
    """Print the time and memory that it takes to add data of one's own and to prepare them."""
    rows = []
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number in range(IMAGES):
            own = place / "images" / f"class {number % CLASSES}"
            own.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(own / f"{number}.png", compress_level=1)
        columns = {f"c{number}": random.normal(size=ROWS).round(4) for number in range(COLUMNS)}
        table = pd.DataFrame(columns | {"kind": random.integers(0, 3, ROWS)})
        table.to_csv(place / "table.csv", index=False)
        for what, options in ((f"{IMAGES:,} images", []), (f"{ROWS:,} rows", ["--target", "kind"])):
            _say(what)
            source = place / ("images" if not options else "table.csv")
            checkout = place / f"checkout of {source.name}"
            checkout.mkdir()
            shutil.copy(PARAMS, checkout)
            rows.append([what, *_prepared(checkout, source, options)])
    _table(["data of one's own", "add, s", "download, s", "preprocess, s", "memory, GB"], rows)


def colour(settings: Params) -> None:
    """Print what an epoch of a convolutional network costs, on grey and on colour images."""
    _say("a convolutional network, grey and in colour")
    found = measure({str(shape): (convolved, [shape]) for shape in SHAPES}, ROUNDS)
    rows = [
        [
            "by".join(map(str, shape)),
            f"{_multiplications(shape):,}",
            f"{statistics.median(seconds):.2f}",
            f"{1e9 * statistics.median(seconds) / EXAMPLES / _multiplications(shape):.3f}",
        ]
        for shape, seconds in zip(SHAPES, found.values(), strict=True)
    ]
    _table([f"cnn {FILTERS}", "multiply-adds an image", "epoch, s", "ns each"], rows)


def _multiplications(shape: tuple[int, ...]) -> int:
    """Return the multiply-adds of a forward pass; each layer halves rows and columns."""
    rows, columns, *more = shape
    count, before = 0, more[0] if more else 1
    for after in FILTERS:
        count += rows * columns * 9 * before * after
        rows, columns, before = rows // 2, columns // 2, after
    return count + rows * columns * before * CLASSES


@lru_cache
def _convolving(shape: tuple[int, ...]) -> Callable[[], object]:
    runtime.import_tensorflow()
    runtime.use_one_thread()
    from optledger.training.engine import Engine

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (EXAMPLES, *shape), np.uint8)
    examples = Examples(images, random.integers(0, CLASSES, EXAMPLES).astype(np.uint8))
    variant = params.load().variants["adam"].model_copy(update={"epochs": 1, "model": _CNN})
    specification = specify(variant, Interface(shape, CLASSES))
    engine = Engine(specification, examples, examples.take(np.arange(0)))
    return lambda: engine.train(Trial("cnn", specification, 0.001, 0))


def convolved(shape: tuple[int, ...]) -> float:
    """Train a convolutional network for an epoch; return the seconds."""
    return _seconds(_convolving(shape))


def _prepared(checkout: Path, source: Path, options: Sequence[str]) -> list[str]:
    """Add data and prepare them; return as texts the seconds of each step, and the peak memory."""
    environment = {**os.environ, "PYTHONPATH": str(Path("src").resolve())}
    started = [sys.executable, "-m"]
    add = [*started, "optledger", "dataset", "add", "own", str(source), *options]
    use = [*started, "optledger", "dataset", "use", "own"]
    stages = [[*started, f"optledger.stages.{name}"] for name in ("download", "preprocess")]
    seconds, most = [], 0
    for command in (add, use, *stages):
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=sys.stderr)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{command} failed")
        most = max(most, usage.ru_maxrss)
        if command is not use:
            seconds.append(time.perf_counter() - start)
    return [*(f"{each:.1f}" for each in seconds), f"{most * 1024 / 1e9:.1f}"]


def kept(settings: Params) -> None:
    """Print what it costs to look up many trials, and to put together many variants."""
    trial = {"learning_rate": 0.1, "specification": {}}
    result = TrialResult(0.1, 0, {}, [Epoch(0.1, 0.9, 0.1, 0.9)] * 10, 10, None)
    with tempfile.TemporaryDirectory() as folder:
        place = Folder(Path(folder))
        for seed in range(ENTRIES):
            own = {"trial": {**trial, "seed": seed}}
            place.write(digest(own), pack(own, FinishedTrial(result, None)))
        stores: list[Store] = []
        listed = _seconds(lambda: stores.append(Store(place)))
        told = _seconds(lambda: list(stores[0].headers()))
    _table(
        [f"{ENTRIES:,} finished trials that are kept", "seconds"],
        [["listed", f"{listed:.2f}"], ["what each says, read", f"{told:.2f}"]],
    )
    _table(
        ["variants of five seeds on the digits", "sweep, s", "`dvc repro` then, s", "a variant, s"],
        [_assembled(count) for count in VARIANT_COUNTS],
    )


def _assembled(count: int) -> list[str]:
    """Return a row with the seconds of a sweep of so many variants, and of the pipeline then."""
    text = DIGITS_PARAMS.replace("count: 2", "count: 5")
    variants = "".join(
        f"  v{number}: {{optimizer: SGD, learning_rate: 0.{100 + number}}}\n"
        for number in range(count)
    )
    with tempfile.TemporaryDirectory() as folder:
        digits.write(Path(folder))
        entry = digits.registry_entry(Path(folder))
        parameters = f"{text[: text.index('variants:')]}variants:\n{variants}"
        project = new_project(Path(folder) / "project", entry, parameters, cold=True)
        _say(f"{count} variants")

        def run(*command: str) -> float:
            trials = f"{folder}/trials"
            return _seconds(
                lambda: project.run(*command, OPTLEDGER_TRIALS=trials, PYTHONPATH="src")
            )

        sweep, repro = run("python", "-m", "optledger", "sweep"), run("dvc", "repro")
    return [str(count), f"{sweep:.0f}", f"{repro:.0f}", f"{repro / count:.1f}"]


def _all_epochs(settings: Params, ways: Ways) -> float:
    """Return the seconds of all epochs of all trials, scaled up from a few measured ones."""
    trials = settings.search.trials * settings.search.seeds + settings.seeds.count
    seconds = measure(ways, 2)
    return sum(
        trials * variant.epochs * statistics.median(seconds[name])
        for name, variant in settings.variants.items()
    )


@contextmanager
def _clone() -> Iterator[Callable[[str], float]]:
    """Yield a function that times a command in a clone of this commit, with these data."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
        environment = {
            **os.environ,
            "OPTLEDGER_MIRROR": str(Path("data/raw").resolve()),
            "DVC_SITE_CACHE_DIR": folder,
            "PYTHONPATH": "src",
        }

        def run(command: str) -> float:
            _say(f"{command}, in a clone")
            shell = ["sh", "-c", command]
            return _seconds(
                partial(
                    subprocess.run, shell, cwd=clone, env=environment, stdout=sys.stderr, check=True
                )
            )

        yield run


def workers(settings: Params) -> None:
    """Print what workers cost before they train, and what many trials cost beside single ones."""
    rows = []
    for name, variant in settings.variants.items():
        _say(f"workers of {name}")
        with Processes(CORES, tasks.PREPARATION) as pool:
            short = variant.model_copy(update={"epochs": 1})
            start = _run(pool, _nothing, range(CORES))
            first, warm = (_train(pool, name, short, CORES) for _ in range(2))
            memory = max(map(_peak_memory, psutil.Process().children(recursive=True)))
        rows.append([name, f"{start:.1f}", f"{first - warm:.1f}", f"{memory / 1e9:.2f}"])
    _table([f"{CORES} workers", "start, s", "build and compile, s", "peak memory of one, GB"], rows)
    print("The first start imports TensorFlow in the fork server; so does each stage.\n")

    adam = settings.variants["adam"]
    with Processes(CORES, tasks.PREPARATION) as pool:
        _train(pool, "adam", adam, CORES)
        alone, busy = (
            statistics.median(_train(pool, "adam", adam, count) for _ in range(3))
            for count in (1, CORES)
        )
    rows = []
    for count in TRIAL_COUNTS:
        _say(f"{count} trials")
        with Processes(CORES, tasks.PREPARATION) as pool:
            seconds = _train(pool, "adam", adam, count)
        shares = [f"{seconds / (count * each / CORES):.2f}" for each in (alone, busy)]
        rows.append([str(count), f"{seconds:.0f}", *shares])
    _table(
        [
            f"trials of {adam.epochs} epochs, {CORES} new workers",
            "seconds",
            f"of what as many warm trials take ({alone:.2f} s each, alone)",
            f"({busy:.2f} s each, all workers busy)",
        ],
        rows,
    )


def ray(settings: Params) -> None:
    """Print what a sweep takes with Ray on one node of this machine, beside local processes."""
    if find_spec("ray") is None:
        print("Beside Ray: not measured, as it is not installed (make setup RAY=1)\n")
        return
    from ray_cluster import RayCluster

    adam = settings.variants["adam"].model_copy(update={"epochs": 2})
    trials = [Trial("adam", specify(adam, INTERFACE), 0.001, seed) for seed in range(RAY_TRIALS)]
    # So that Ray's processes import the same code as this one.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    travel = tasks.travel(["tensorflow", "keras", "numpy"])
    times: dict[str, list[float]] = {"processes": [], "Ray": []}
    with RayCluster(1, processors=CORES) as cluster:
        pools: Mapping[str, Callable[[], Any]] = {
            "processes": partial(Processes, CORES, tasks.PREPARATION),
            "Ray": partial(
                Actors, executor.Cluster(cluster.address), tasks.PREPARATION, travel, CORES
            ),
        }
        for number in range(RAY_ROUNDS):
            for name, pool in pools.items():
                _say(f"{RAY_TRIALS} trials by {name}, round {number + 1}")
                started = time.perf_counter()
                with pool() as workers:
                    results = [each for _, each in workers.run(tasks.train, in_order(trials))]
                times[name].append(time.perf_counter() - started)
    columns = [f"{RAY_TRIALS} trials of 2 epochs, {CORES} new workers", "seconds", "of processes'"]
    rows = [
        [name, f"{statistics.median(own):.1f}", f"{_ratio(own, times['processes']):.2f}"]
        for name, own in times.items()
    ]
    _table(columns, rows)
    there, back = len(pickle.dumps((tasks.train, trials[0]))), len(pickle.dumps(results[0]))
    splits = sum(array.nbytes for split in travel.data().values() for array in split)
    print(f"A trial sends {there:,} bytes there and {back:,} back; a node is sent {splits:,} bytes")
    print("of data once.\n")


def measure(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way in each round, after a first round that does not count."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with ExitStack() as stack:
        processes = {
            way: stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            for way in ways
        }
        for number in range(rounds + 1):
            for way, (function, arguments) in ways.items():
                _say(f"round {number} of {rounds}: {way}")
                taken = processes[way].submit(function, *arguments).result()
                if number:
                    seconds[way].append(taken)
    return seconds


# The ways to train. Each returns the seconds of an epoch of one trial.


def model_fit(name: str, compiled: bool = False, technique: str = "plain") -> float:
    """Train for an epoch as in the article, with a variant's optimizer and batch size."""
    return _seconds(_keras_epoch(name, compiled, technique))


@lru_cache
def _keras_epoch(name: str, compiled: bool, technique: str) -> Callable[[], object]:
    import keras

    variant = _variant(name, technique)
    images, labels = _floats()
    one_hot = keras.utils.to_categorical(labels, CLASSES)
    dropout = variant.model.arguments.get("dropout", 0)
    penalty = keras.regularizers.L1L2(variant.l1, variant.l2) if variant.l1 or variant.l2 else None
    model = keras.Sequential(
        [
            keras.Input((PIXELS,)),
            keras.layers.Dense(128, activation="relu", kernel_regularizer=penalty),
            *([keras.layers.Dropout(dropout)] if dropout else []),
            keras.layers.Dense(CLASSES, activation="softmax", kernel_regularizer=penalty),
        ]
    )
    faster = {"steps_per_execution": 125, "jit_compile": True} if compiled else {}
    model.compile(
        optimizer=getattr(keras.optimizers, variant.optimizer.name)(
            learning_rate=0.001, **variant.optimizer.arguments
        ),
        loss=getattr(keras.losses, variant.loss.name)(),
        metrics=["accuracy"],
        **faster,
    )
    size = len(images) if variant.batch_size == "full" else variant.batch_size
    weights = None
    if variant.class_weights:
        balanced = len(labels) / (CLASSES * np.bincount(labels))
        weights = dict(enumerate(balanced.tolist()))
    return lambda: model.fit(
        images, one_hot, epochs=1, batch_size=size, verbose=0, class_weight=weights
    )


def mlp_classifier() -> float:
    """Train for an epoch with scikit-learn, by Adam with the same layers and batches."""
    return _seconds(_scikit_learn_epoch())


@lru_cache
def _scikit_learn_epoch() -> Callable[[], object]:
    from sklearn.neural_network import MLPClassifier

    images, labels = _floats()
    model = MLPClassifier((128,), batch_size=32, alpha=0)
    return lambda: model.partial_fit(images, labels, classes=np.arange(CLASSES))


def engine(name: str, count: int, technique: str = "plain") -> float:
    """Train two whole trials per worker; return the time divided by the number of all epochs."""
    variant = _variant(name, technique)
    seconds = _train(_pool(count), name, variant, 2 * count)
    return seconds / (2 * count * variant.epochs)


def _variant(name: str, technique: str) -> Variant:
    """Return a variant of params.yaml to which a technique is added."""
    document = read_yaml(PARAMS)
    patch = {"variants": {name: TECHNIQUES[technique]}}
    return params.parse(merge_patch(document, patch), PARAMS).variants[name]


def one_trial(name: str, held: bool) -> float:
    """Train once in this process; return the seconds of an epoch.

    Args:
        name: the variant.
        held: whether libraries are held to AVX2; else they use all that the processor has.
    """
    if not held and "tensorflow" not in sys.modules:
        kernels._VARIABLES.clear()
        for variable in ("XLA_FLAGS", "ONEDNN_MAX_CPU_ISA"):
            del runtime.ENVIRONMENT[variable]
    if "tensorflow" not in sys.modules:
        runtime.import_tensorflow()
        runtime.use_one_thread()
    variant = _variant(name, "plain").model_copy(update={"epochs": 3})
    rate = 0.1 if variant.optimizer.name == "SGD" else 0.001
    trial = Trial(name, specify(variant, INTERFACE), rate, 0)
    observation = tasks.train(trial, lambda _: None).observation
    assert observation is not None
    return observation.seconds_per_epoch


@lru_cache
def _pool(count: int) -> Processes:
    return Processes(count, tasks.PREPARATION).__enter__()


def matrix_product() -> float:
    """Multiply two matrices with one thread; return the median time of many products."""
    left, right = np.random.default_rng(0).random((2, 1024, 1024), dtype=np.float32)
    with threadpool_limits(1):
        return statistics.median(_seconds(lambda: left @ right) for _ in range(20))


def _operations(settings: Params) -> int:
    """Return the floating-point operations of the matrix products of an epoch.

    A training example takes a forward pass and a backward pass. The latter is for the weights of
    each layer, and for the inputs of all layers but the first. A validation example takes a forward
    pass. A multiply-add counts as two operations.
    """
    hidden_units = cast("list[int]", settings.model.arguments["hidden_units"])
    widths = [PIXELS, *hidden_units, CLASSES]
    layers = [first * second for first, second in pairwise(widths)]
    training, validation = (len(read_split(name).targets) for name in ("train", "validation"))
    return 2 * (training * (3 * sum(layers) - layers[0]) + validation * sum(layers))


def _train(pool: Processes, name: str, variant: Variant, count: int) -> float:
    trials = [Trial(name, specify(variant, INTERFACE), 0.001, seed) for seed in range(count)]
    return _run(pool, tasks.train, trials)


def _run(pool: Processes, function: Callable[..., object], tasks: Sequence[object]) -> float:
    return _seconds(lambda: list(pool.run(function, in_order(tasks))))


def _nothing(task: int, report: Report) -> None:
    time.sleep(0.1)


def _floats() -> tuple[Any, Any]:
    examples = read_split("train")
    return examples.inputs.reshape(-1, PIXELS).astype("float32") / 255, examples.targets


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _ratio(slow: list[float], fast: list[float]) -> float:
    """Return the median over the rounds of how many times as long `slow` takes as `fast`."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def _peak_memory(process: psutil.Process) -> int:
    """Return the most bytes that a process has had in memory, including what it shares."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))


def _table(head: list[str], rows: list[list[str]]) -> None:
    for row in (head, ["---", *["--:"] * (len(head) - 1)], *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    errors.run(main)
