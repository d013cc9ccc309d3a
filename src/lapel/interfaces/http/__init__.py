"""The HTTP API and the server of the search page."""

from lapel.interfaces.http.app import create_app
from lapel.interfaces.http.serving import serve
from lapel.interfaces.http.settings import Limits, Settings

__all__ = ["Limits", "Settings", "create_app", "serve"]
