"""A batch evaluation harness for the Kandinsky text-to-image family."""

__version__ = "0.1.0"
