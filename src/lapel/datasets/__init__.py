"""Something on disk -> ItemTable: CSV, Parquet, published releases, class folders, loose photos; and back."""

from lapel.datasets.convert import write
from lapel.datasets.files import IMAGE_ENDINGS, missing_rows
from lapel.datasets.reading import READERS, read
from lapel.datasets.releases import RELEASES

__all__ = ["IMAGE_ENDINGS", "READERS", "RELEASES", "missing_rows", "read", "write"]
