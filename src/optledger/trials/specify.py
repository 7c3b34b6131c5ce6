"""Converts a variant of params.yaml into the specification that the engine trains."""

from optledger.core import params
from optledger.datasets.interface import Interface
from optledger.trials.trial import Component, EarlyStopping, Specification


def specify(variant: params.Variant, interface: Interface) -> Specification:
    """Return the specification of all trials of a variant, for a dataset's interface."""
    stopping = variant.early_stopping
    return Specification(
        model=component(variant.model),
        optimizer=component(variant.optimizer),
        loss=component(variant.loss),
        schedule=component(variant.schedule) if variant.schedule else None,
        interface=interface,
        epochs=variant.epochs,
        batch_size=variant.batch_size,
        l1=variant.l1,
        l2=variant.l2,
        early_stopping=EarlyStopping(**stopping.model_dump()) if stopping else None,
        class_fractions=variant.class_fractions,
        training_fraction=variant.training_fraction,
        resample=variant.resample,
        class_weights=variant.class_weights,
    )


def component(named: params.Component) -> Component:
    """Return a component of params.yaml as plain data."""
    return Component(named.name, named.arguments)
