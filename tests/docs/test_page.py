"""The reader of pages finds what is to be run, and does not take a wrong output for a right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page import Block, agrees, blocks, run

PAGE = """# Title

```sh
echo one
```

```text
one
```

```yaml
not: run
```

```python
print("two")
```

Prose in between.

```text
not what it prints
```
"""


def test_blocks_are_found_in_order() -> None:
    """Blocks of `sh` and `python` are run; only a `text` block right after one is compared."""
    assert [(b.line, b.language, b.prints) for b in blocks(PAGE)] == [
        (3, "sh", "one\n"),
        (15, "python", None),
    ]


@pytest.mark.parametrize(
    ("expected", "same"),
    [
        ("a\nb 12\n", True),
        ("a\nb …\n", True),
        ("…\nb 12\n", True),
        ("a\n…\n", True),
        ("a\nb 13\n", False),
        ("a\n", False),
        ("a\nb 12\nc\n", False),
        ("a\nb 12…\n", False),
        ("b …\n", False),
    ],
)
def test_only_what_may_differ_may_differ(expected: str, same: bool) -> None:
    """`…` stands for at least one character of its line, `…` alone for lines, and nothing else."""
    assert agrees("a  \nb 12\n", expected) is same


def test_a_failing_block_fails(tmp_path: Path) -> None:
    """A command of a page that fails is not passed over, also in front of a pipe."""
    block = Block(line=1, language="sh", text="false | cat", prints=None)
    with pytest.raises(AssertionError, match="line 1: exit 1"):
        run(block, tmp_path)
