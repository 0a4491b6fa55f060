"""Documentation under test: what a page points at exists, and what exists is on its page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNREAD = {".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "build"}
UNREAD |= {".venv-sdks"}

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# A number of a heading may follow the same heading; punctuation and case are dropped.
DROPPED = re.compile(r"[^\w\- ]")


def pages() -> list[Path]:
    """Every page of the project."""
    found = sorted(ROOT.rglob("*.md"))
    return [page for page in found if not UNREAD & set(page.relative_to(ROOT).parts)]


def anchors(page: Path) -> set[str]:
    """What a link may name after the `#`."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    return {DROPPED.sub("", heading).lower().replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link names a file that exists and, after `#`, a heading in it."""
    broken = []
    for page in pages():
        for link in LINK.findall(CODE.sub("", page.read_text())):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert not broken, "\n" + "\n".join(broken)


def test_every_script_is_described() -> None:
    """The page of scripts/ names each script and no other."""
    page = (ROOT / "scripts" / "README.md").read_text()
    described = set(re.findall(r"^\| `scripts/([\w-]+)", page, re.MULTILINE))
    present = {file.name for file in (ROOT / "scripts").iterdir() if file.is_file()}
    assert described == present - {"README.md"}
