"""Published releases in their own layouts, one file each: `read(root) -> ItemTable`."""

from lapel.datasets.releases.detecting import RELEASES, detect, read_release
from lapel.datasets.releases.published import Count, Published, compare

__all__ = ["RELEASES", "Count", "Published", "compare", "detect", "read_release"]
