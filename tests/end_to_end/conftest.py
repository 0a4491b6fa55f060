"""Fixtures of the end-to-end tests: a fake provider, real gateways, agents, and the two doors.

provider       the fake provider (one process per session), reset before each test
gateway        one running gateway, shared by the tests of a module
new_gateway    makes further gateways, not started, each with a home of its own
new_agent      makes an agent in the shared gateway: `new_agent(budget_usd="5", rpm=100000)`
agent          one such agent
door           the shared gateway's door; each test runs at both
door_of        the same door of another gateway: `door_of(gateway)`
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import Provider


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    process = Provider(tmp_path_factory.mktemp("provider"))
    yield process
    process.close()


@pytest.fixture
def provider(provider_process: Provider) -> Iterator[Provider]:
    provider_process.reset()
    yield provider_process
    provider_process.reset()


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Gateway(tmp_path_factory.mktemp("gateway") / "home", provider_process.url).start()
    yield running
    running.stop()


@pytest.fixture
def new_gateway(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Gateway]]:
    made: list[Gateway] = []
    folder, counter = tmp_path_factory.mktemp("gateways"), itertools.count()

    def make() -> Gateway:
        made.append(Gateway(folder / f"home{next(counter)}", provider.url))
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
def new_agent(gateway: Gateway) -> Callable[..., Agent]:
    return gateway.create_agent


@pytest.fixture
def agent(gateway: Gateway) -> Agent:
    return gateway.create_agent()


def ca_file(gateway: Gateway) -> str:
    done = gateway.run("certs", "path")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(params=["proxy", "base_url"])
def door_of(request: pytest.FixtureRequest) -> Callable[[Gateway], Door]:
    return lambda gateway: Door(request.param, gateway, ca_file(gateway))


@pytest.fixture(scope="module")
def shared_ca_file(gateway: Gateway) -> str:
    return ca_file(gateway)


@pytest.fixture(params=["proxy", "base_url"])
def door(request: pytest.FixtureRequest, gateway: Gateway, shared_ca_file: str) -> Door:
    return Door(request.param, gateway, shared_ca_file)
