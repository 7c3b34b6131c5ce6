"""The time of an epoch here and in other frameworks: one training of 784-128-10, on one thread.

`make frameworks` runs this at the root of the repository, on the real data/prepared/, and prints
Markdown. Each way to train has a process for each optimizer. Each process is asked for one epoch at
a time, and rounds alternate between all of them. JAX and PyTorch are no dependencies of this
project. They are installed into an environment of their own, build/frameworks, and this file runs
there, too.

All train on the same images in batches of 32, in a new order each epoch. What they do besides that
differs. Ours also counts hits, validates on 6,000 images, and is held to AVX2. `model.fit` is as in
the article: it counts hits, its model ends with a softmax, and its images are float32 from the
start. JAX and PyTorch only train.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

PINS = ("jax==0.10.2", "torch==2.13.0")
ENVIRONMENT = Path("build/frameworks")
ROUNDS = 5
EPOCHS = 1 + ROUNDS
BATCH_SIZE = 32
WIDTHS = (784, 128, 10)
RATES = {"sgd": 0.1, "adam": 0.001}
LEARNED = 0.95

# Libraries read these when they are imported: one thread, and no messages between the tables.
VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

Done = Callable[[], None]
Seconds = dict[tuple[str, str], list[float]]  # by way and optimizer


def main() -> None:
    """Measure all ways with both optimizers, and print them beside ours."""
    import bench
    from optledger.core.packages import version

    _install()
    versions = [f"TensorFlow {version('tensorflow')}", f"Keras {version('keras')}"]
    versions += [pin.replace("==", " ") for pin in PINS]
    print(
        f"{bench._processor()}, {bench.CORES} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}\n"
    )
    seconds = _measure()
    rows = []
    for way, (label, _) in WAYS.items():
        pairs = [(seconds[way, name], seconds["ours", name]) for name in RATES]
        medians = [f"{statistics.median(own):.3f}" for own, _ in pairs]
        rows.append([label, *medians, *(f"{bench._ratio(*pair):.2f}" for pair in pairs)])
    head = ["784-128-10, batches of 32, one thread", "SGD, s an epoch", "Adam, s an epoch"]
    bench._table([*head, "SGD, times ours", "Adam, times ours"], rows)


def _install() -> None:
    """Make the environment of JAX and PyTorch, unless it already has these versions."""
    installed = ENVIRONMENT / "installed"
    if installed.exists() and installed.read_text() == " ".join(PINS):
        return
    _say(f"installing {' and '.join(PINS)} into {ENVIRONMENT}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "-qq"]
    subprocess.run([*pip, *PINS, "numpy"], stdout=sys.stderr, check=True)
    installed.write_text(" ".join(PINS))


def _measure() -> Seconds:
    """Return the seconds of an epoch by way, optimizer and round; a first round does not count."""
    # Ways with the same optimizer come one after the other, as they are compared.
    seconds: Seconds = {(way, name): [] for name in RATES for way in WAYS}
    with ExitStack() as stack:
        processes = {asked: stack.enter_context(_start(*asked)) for asked in seconds}
        for number in range(EPOCHS):
            for asked, process in processes.items():
                _say(f"round {number} of {ROUNDS}: {' '.join(asked)}")
                taken = _ask(process)
                if number:
                    seconds[asked].append(taken)
    if failed := [asked for asked, process in processes.items() if process.returncode]:
        raise RuntimeError(f"ended with an error: {failed}")
    return seconds


def _start(way: str, name: str) -> "subprocess.Popen[str]":
    """Start a process that imports nothing until it is asked for an epoch."""
    python = ENVIRONMENT / "bin/python" if way in ("jax", "pytorch") else sys.executable
    return subprocess.Popen(
        [python, __file__, way, name],
        env=os.environ | VARIABLES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(process: "subprocess.Popen[str]") -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    print("an epoch", file=process.stdin, flush=True)
    return float(process.stdout.readline())


def serve(way: str, name: str) -> None:
    """Train on one core: wait for a line before each epoch, and answer with its seconds."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sys.stdin.readline()
    started = time.perf_counter()

    def done() -> None:
        nonlocal started
        print(time.perf_counter() - started, flush=True)
        sys.stdin.readline()
        started = time.perf_counter()

    WAYS[way][1](name, done)


# The ways to train. Each trains for all epochs, and calls `done` after each.


def ours(name: str, done: Done) -> None:
    """Train a trial as a worker does."""
    import bench
    from optledger.datasets.interface import Interface
    from optledger.training import runtime, tasks
    from optledger.trials.specify import specify
    from optledger.trials.trial import Trial

    runtime.import_tensorflow()
    runtime.use_one_thread()
    variant = bench._variant(name, "plain").model_copy(update={"epochs": EPOCHS})
    trial = Trial(name, specify(variant, Interface((28, 28), WIDTHS[-1])), RATES[name], 0)
    history = tasks.train(trial, lambda _: done()).result.history
    assert history[-1].train_score > LEARNED


def model_fit(name: str, done: Done) -> None:
    """Train with Keras as in the article.

    SGD has the learning rate of Adam, 0.001, as the rate does not change the time.
    """
    import bench
    from optledger.training import runtime

    runtime.use_one_thread()
    epoch = bench._keras_epoch(name, False, "plain")
    for _ in range(EPOCHS):
        epoch()
        done()


def jax_scan(name: str, done: Done) -> None:
    """Train with JAX: an epoch is one call of a compiled function."""
    import jax
    import jax.numpy as jnp

    images, labels = map(jnp.asarray, _examples())
    each = jax.tree.map

    def loss(weights: Any, inputs: Any, targets: Any) -> Any:
        log_shares = jax.nn.log_softmax(_logits(weights, inputs, jax.nn.relu))
        return -(log_shares * jax.nn.one_hot(targets, WIDTHS[-1])).sum(axis=1).mean()

    def sgd(weights: Any, rest: Any, slopes: Any) -> Any:
        return each(lambda weight, slope: weight - RATES[name] * slope, weights, slopes), rest

    def adam(weights: Any, rest: Any, slopes: Any) -> Any:
        step, means, squares = rest
        step += 1
        rate = RATES[name] * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        means = each(lambda mean, slope: 0.9 * mean + 0.1 * slope, means, slopes)
        squares = each(lambda square, slope: 0.999 * square + 0.001 * slope**2, squares, slopes)
        steps = each(lambda mean, square: rate * mean / (jnp.sqrt(square) + 1e-7), means, squares)
        return each(lambda weight, step: weight - step, weights, steps), (step, means, squares)

    def run_epoch(state: Any, images: Any, labels: Any, order: Any) -> Any:
        def step(state: Any, indices: Any) -> tuple[Any, None]:
            weights, rest = state
            inputs = images[indices].astype(jnp.float32) / 255
            slopes = jax.grad(loss)(weights, inputs, labels[indices])
            return (sgd if name == "sgd" else adam)(weights, rest, slopes), None

        whole = len(order) // BATCH_SIZE * BATCH_SIZE
        state, _ = jax.lax.scan(step, state, order[:whole].reshape(-1, BATCH_SIZE))
        return step(state, order[whole:])[0] if whole < len(order) else state

    initial, key = jax.nn.initializers.glorot_uniform(), jax.random.key(0)
    first, second = initial(key, WIDTHS[:2]), initial(key, WIDTHS[1:])
    weights = [first, jnp.zeros(WIDTHS[1]), second, jnp.zeros(WIDTHS[2])]
    zeros = each(jnp.zeros_like, weights)
    state: Any = weights, () if name == "sgd" else (jnp.zeros(()), zeros, zeros)
    epoch = jax.jit(run_epoch)
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = rng.permutation(len(labels)).astype(np.int32)
        state = jax.block_until_ready(epoch(state, images, labels, order))
        done()
    _check([np.asarray(weight) for weight in state[0]])


def pytorch_loop(name: str, done: Done) -> None:
    """Train with PyTorch: a plain loop over batches, and the optimizer's fused step."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    images, labels = map(torch.from_numpy, _examples())
    labels = labels.long()
    first, second = torch.nn.Linear(*WIDTHS[:2]), torch.nn.Linear(*WIDTHS[1:])
    model = torch.nn.Sequential(first, torch.nn.ReLU(), second)
    kind = torch.optim.SGD if name == "sgd" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=RATES[name], fused=True)
    for _ in range(EPOCHS):
        for indices in torch.randperm(len(labels)).split(BATCH_SIZE):
            optimizer.zero_grad()
            logits = model(images[indices].float() / 255)
            torch.nn.functional.cross_entropy(logits, labels[indices]).backward()
            optimizer.step()
        done()
    _check([weight.detach().numpy().T for weight in model.parameters()])


WAYS: dict[str, tuple[str, Callable[[str, Done], None]]] = {
    "ours": ("our engine", ours),
    "keras": ("`model.fit` of Keras", model_fit),
    "jax": ("JAX, `lax.scan` over the batches", jax_scan),
    "pytorch": ("PyTorch, a loop over the batches", pytorch_loop),
}


def _examples() -> tuple[Any, Any]:
    """Return the images to train on, uint8 of shape (images, pixels), and their labels."""
    with np.load("data/prepared/train.npz") as arrays:
        return arrays["images"].reshape(-1, WIDTHS[0]), arrays["labels"]


def _logits(weights: Sequence[Any], inputs: Any, relu: Callable[[Any], Any]) -> Any:
    first, first_bias, second, second_bias = weights
    return relu(inputs @ first + first_bias) @ second + second_bias


def _check(weights: Sequence[Any]) -> None:
    """Check that the training worked: the weights classify the images well."""
    images, labels = _examples()
    logits = _logits(weights, images.astype(np.float32) / 255, lambda values: values.clip(min=0))
    assert (logits.argmax(axis=1) == labels).mean() > LEARNED


def _say(what: str) -> None:
    print(f"frameworks: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:]) if sys.argv[1:] else main()
