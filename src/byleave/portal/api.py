"""The API, version 1: everything under `/api/v1`, and the log's files under `/log`."""

from __future__ import annotations

from typing import Final

from byleave.portal.access import Routes
from byleave.portal.api_again import add_again
from byleave.portal.api_asks import add_asks
from byleave.portal.api_consent import add_consent
from byleave.portal.api_disclosures import add_disclosures
from byleave.portal.api_erasures import add_erasures
from byleave.portal.api_imports import add_imports
from byleave.portal.api_jobs import add_jobs
from byleave.portal.api_members import add_members
from byleave.portal.api_models import add_models
from byleave.portal.api_objects import add_objects
from byleave.portal.api_packages import add_packages
from byleave.portal.api_policies import add_policies
from byleave.portal.api_recipients import add_recipients
from byleave.portal.api_releases import add_releases
from byleave.portal.api_rights import add_rights
from byleave.portal.api_rulesets import add_rulesets
from byleave.portal.api_signals import add_signals
from byleave.portal.api_sources import add_sources
from byleave.portal.api_statements import add_statements
from byleave.portal.api_trail import add_trail
from byleave.portal.api_webhooks import add_webhooks
from byleave.portal.api_withdrawals import add_withdrawals
from byleave.portal.desk import Desk
from byleave.portal.public_log import add_log

__all__ = ["add_api"]

_PARTS: Final = (
    add_consent,
    add_asks,
    add_signals,
    add_imports,
    add_members,
    add_erasures,
    add_rights,
    add_policies,
    add_rulesets,
    add_recipients,
    add_models,
    add_jobs,
    add_sources,
    add_again,
    add_disclosures,
    add_releases,
    add_withdrawals,
    add_statements,
    add_objects,
    add_packages,
    add_trail,
    add_webhooks,
    add_log,
)


def add_api(routes: Routes, desk: Desk) -> None:
    """Add the routes of the API; of two that match an address, the first one answers."""
    for add in _PARTS:
        add(routes, desk)
