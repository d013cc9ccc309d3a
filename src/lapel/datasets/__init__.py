"""Something on disk -> ItemTable: CSV, Parquet, a folder of class folders, a folder of loose photos; and back."""

from lapel.datasets.convert import write
from lapel.datasets.files import IMAGE_ENDINGS, missing_rows
from lapel.datasets.reading import READERS, read

__all__ = ["IMAGE_ENDINGS", "READERS", "missing_rows", "read", "write"]
