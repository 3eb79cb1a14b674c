"""The portal: pages for members and for anyone, read-only, over HTTP.

`serve` is what `byleave serve` starts; `create_app` is the same as an ASGI application, for a
server of the operator's own. Importing this module loads no web framework. No module here is
named as a function is: importing it would put it in the function's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byleave.portal.app import create_app
    from byleave.portal.listen import serve

__all__ = ["create_app", "serve"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562
    if name == "create_app":
        from byleave.portal.app import create_app

        return create_app
    if name == "serve":
        from byleave.portal.listen import serve

        return serve
    raise AttributeError(f"module 'byleave.portal' has no attribute {name!r}")
