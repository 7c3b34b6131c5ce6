"""Training: the only part that knows TensorFlow, whose modules import it when they are imported."""
