"""The API, version 1: everything under `/api/v1`, and the log's files under `/log`."""

from __future__ import annotations

from byleave.portal.access import Routes
from byleave.portal.api_asks import add_asks
from byleave.portal.api_consent import add_consent
from byleave.portal.api_jobs import add_jobs
from byleave.portal.api_members import add_members
from byleave.portal.api_models import add_models
from byleave.portal.api_objects import add_objects
from byleave.portal.api_offers import add_offers
from byleave.portal.api_packages import add_packages
from byleave.portal.api_releases import add_releases
from byleave.portal.api_rights import add_rights
from byleave.portal.api_sources import add_sources
from byleave.portal.api_webhooks import add_webhooks
from byleave.portal.api_withdrawals import add_withdrawals
from byleave.portal.desk import Desk
from byleave.portal.public_log import add_log

__all__ = ["add_api"]


def add_api(routes: Routes, desk: Desk) -> None:
    """Add the routes of the API."""
    add_consent(routes, desk)
    add_asks(routes, desk)
    add_members(routes, desk)
    add_models(routes, desk)
    add_jobs(routes, desk)
    add_objects(routes, desk)
    add_offers(routes, desk)
    add_packages(routes, desk)
    add_releases(routes, desk)
    add_rights(routes, desk)
    add_sources(routes, desk)
    add_webhooks(routes, desk)
    add_withdrawals(routes, desk)
    add_log(routes, desk)
