"""The node's web application: local API under /v1, console under /, health beside them."""

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from party_node import observability, problems
from party_node.api import (
    access,
    answers,
    audiences,
    audit,
    break_glass,
    budget,
    collaborations,
    consent,
    datasets,
    decisions,
    entries,
    fsck,
    health,
    hosts,
    imports,
    jobs,
    ledger,
    models,
    notices,
    persons,
    policies,
    preferences,
    reach,
    receipts,
    releases,
    requests,
    roles,
    rules,
    signals,
    status,
    tiles,
    tracking,
    trust_policy,
    webhooks,
)
from party_node.console import pages, well_known
from party_node.console.sessions import Sessions
from party_node.running import RunningNode

ROUTERS = (
    status.router,
    datasets.router,
    consent.router,
    imports.router,
    signals.router,
    collaborations.router,
    rules.router,
    jobs.router,
    audiences.router,
    decisions.router,
    audit.router,
    budget.router,
    answers.router,
    ledger.router,
    policies.router,
    notices.router,
    preferences.router,
    persons.router,
    webhooks.router,
    trust_policy.router,
    fsck.router,
    entries.router,
    tiles.router,
    receipts.router,
    requests.router,
    roles.router,
    break_glass.router,
    releases.router,
    reach.router,
    models.router,
    tracking.router,
)

DESCRIBED = HTTPBearer(
    auto_error=False, description="The contents of the file `token` in the home, or a role's token."
)
"""For the OpenAPI document only: `access.Doorkeeper` decides."""


def create_app(node: RunningNode) -> FastAPI:
    """Build the application of one running node."""
    app = FastAPI(
        title="Accord party node",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.node = node
    app.state.sessions = Sessions(node.services.clock_ms, node.services.rng)
    problems.install(app)
    app.include_router(health.router)
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(DESCRIBED)])
    pages.install(app)
    app.include_router(well_known.router)
    app.add_middleware(access.Doorkeeper, token=node.token, roles=node.services.roles)
    app.add_middleware(hosts.HostGuard, settings=node.services.home.settings)
    app.add_middleware(observability.RequestLog)
    return app
