"""What ends a recipe: one sentence for the person who started it."""


class RecipeError(ValueError):
    """A run cannot go on; the message is one sentence for the person who started it."""
