"""Training: the only package that imports TensorFlow; most of its modules do so at their top."""
