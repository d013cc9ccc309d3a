"""Recipes, samplers, the loop, run folders. Reading a recipe needs no PyTorch; `lapel.training.loop.train` does."""

from lapel.training.reading import list_recipes, load_recipe
from lapel.training.recipe import Recipe

__all__ = ["Recipe", "list_recipes", "load_recipe"]
