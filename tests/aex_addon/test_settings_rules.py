"""aex_addon/settings_rules.py: what a rule may say, and where a wrong one stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError

RULES = """
[[rules]]
name = "night"
agents = ["shop-*"]
hours = { days = ["mon"], from = "22:00", to = "06:00", zone = "Europe/Berlin" }
[rules.unless]
models = ["gpt-4o-mini*"]

[[rules]]
name = "dear"
mode = "shadow"
max_cost_usd = "0.50"

[policy]
mode = "shadow"
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.ensure()
    return found


def test_rules_are_read(home: Home) -> None:
    """Tables of a list, tables inside them and the policy's own keys have their places."""
    home.config.write_text(RULES)
    settings = load(home, {"AEX_POLICY__DEADLINE_MS": "50"})
    night, dear = settings.rules
    assert (night.name, night.mode, night.agents) == ("night", "enforce", ["shop-*"])
    assert night.unless is not None
    assert night.unless.models == ["gpt-4o-mini*"]
    assert night.hours is not None
    assert (night.hours.from_, night.hours.to) == ("22:00", "06:00")
    assert (dear.mode, dear.max_cost_usd) == ("shadow", "0.50")
    assert (settings.policy.mode, settings.policy.deadline_ms) == ("shadow", 50)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("modles = ['x']", "unknown key 'modles'; did you mean 'models'?"),
        ("models = 'x'", "expected a list"),
        ("models = []", "expected 1 to 200 patterns"),
        ("models = ['']", "expected 1 to 200 patterns"),
        ("streaming = 'yes'", "expected true or false"),
        ("max_cost_usd = 0.5", "expected dollars in quotes"),
        ("max_cost_usd = '-1'", "expected dollars in quotes"),
        ("max_cost_usd = '1.0000000001'", "expected dollars in quotes"),
        ("mode = 'test'", "expected 'enforce' or 'shadow'"),
        ("hours = { from = '9:00' }", 'expected hours and minutes in quotes, as "09:00"'),
        ("hours = { from = 09:00:00 }", 'expected hours and minutes in quotes, as "09:00"'),
        ("hours = { from = '09:00', to = '09:00' }", "from and to say when it begins and ends"),
        ("hours = { to = '24:01' }", 'expected hours and minutes in quotes, as "09:00"'),
        ("hours = { days = ['monday'] }", "expected 'mon', 'tue'"),
        ("hours = { zone = 'Berlin' }", "expected the name of a time zone"),
        ("hours = { zone = '../etc' }", "expected the name of a time zone"),
        ("hours = { form = '09:00' }", "unknown key 'form'; did you mean 'from'?"),
        ("unless = { max_cost_usd = '1' }", "unknown key 'max_cost_usd'"),
        ("unless = { model = ['x'] }", "unknown key 'model'; did you mean 'models'?"),
        ("reason = 'a\\u0007'", "expected one line"),
    ],
)
def test_a_mistake_has_its_line(home: Home, line: str, said: str) -> None:
    """Each mistake in a rule is told with the line that it stands on."""
    quoted = line.replace("'", '"')
    home.config.write_text(f'[[rules]]\nname = "a"\nagents = ["x"]\n\n[[rules]]\nname = "b"\n\n'
                           f'providers = ["x"]\n{quoted}\n')  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        load(home, {})
    (problem,) = caught.value.problems
    assert problem.startswith("aex.toml:9: ")
    assert said in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rules]]\nname = "a"', "aex.toml:1: rules.0: a rule needs a condition"),
        ('[[rules]]\nagents = ["x"]', "aex.toml:1: [rules.0] needs the key 'name'"),
        ('[[rules]]\nname = "a:b"\nagents = ["x"]', "aex.toml:2: rules.0.name: expected 1 to 64"),
        ('[[rules]]\nname = "a"\nunless = {}', "unless needs a condition"),
        (
            '[[rules]]\nname = "a"\nagents = ["x"]\n[[rules]]\nname = "a"\nagents = ["x"]',
            "two rules have the name 'a'",
        ),
        ('[rules]\nname = "a"', "aex.toml:1: rules: expected a list"),
        ("[policy]\nworkers = 0", "aex.toml:2: policy.workers: expected 1 or more"),
        ("[policy]\ndeadline = 1", "aex.toml:2: unknown key 'deadline'"),
    ],
)
def test_what_a_rule_lacks_is_told(home: Home, text: str, said: str) -> None:
    """A rule without a name or a condition, and two of one name, are none."""
    home.config.write_text(text + "\n")
    with pytest.raises(ConfigError) as caught:
        load(home, {})
    assert said in "\n".join(caught.value.problems)


def test_rules_are_no_variables(home: Home) -> None:
    """A rule in a variable would have no order and no line, so it is refused."""
    home.config.write_text(RULES)
    with pytest.raises(ConfigError, match="AEX_RULES__0__MODE: rules stand in"):
        load(home, {"AEX_RULES__0__MODE": "shadow"})
