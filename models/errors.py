"""What goes wrong with a model, in one sentence that names the file and the value."""


class ModelError(ValueError):
    """A model is unknown, or its file is missing, damaged or not what the registry says."""
