"""Check the documentation: every link leads somewhere, every example does what it shows.

    python docs/check.py [FILE ...]

Links to files and to headings are checked, links to other machines are not. Examples are run page by page, each page in
a session of its own. Blocks of Python that begin with a comment such as `# one.py` are programs: those of a page are
started all at once, in both orders, and have to end well.
"""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"# \w+\.py$", re.MULTILINE)
PATIENCE = 30
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def pages(arguments: list[str]) -> list[Path]:
    """The pages to check: those given, or all."""
    if arguments:
        return [Path(argument).resolve() for argument in arguments]
    return sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("bench/*.md"))


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page can be linked to."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere."""
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: no such file: {target}"
        elif anchor and anchor not in anchors(file):
            yield f"{page.relative_to(ROOT)}: no such heading: {target}"


def unfit_code(page: Path) -> Iterator[str]:
    """Blocks of Python that do not compile."""
    for number, (language, code) in enumerate(FENCE.findall(page.read_text()), 1):
        if language == "python":
            try:
                compile(code, f"{page.name}, block {number}", "exec")
            except SyntaxError as error:
                yield f"{page.relative_to(ROOT)}: {error}"


def failed_examples(page: Path) -> Iterator[str]:
    """Examples of a page whose outcome is not what it shows; doctest prints the details."""
    os.environ["NTIPC_SESSION"] = f"docs-{os.getpid()}-{page.stem}"
    os.environ["NTIPC_GLOBAL"] = f"docs-{os.getpid()}-{page.stem}-global"
    result = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS)
    if result.failed:
        yield f"{page.relative_to(ROOT)}: {result.failed} of {result.attempted} examples failed"


def failed_programs(page: Path) -> Iterator[str]:
    """Programs of a page that do not end well when they are started together."""
    blocks = [code for language, code in FENCE.findall(page.read_text()) if language == "python"]
    programs = [code for code in blocks if PROGRAM.match(code)]
    for order in (programs, programs[::-1]) if programs else ():
        started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) for code in order]
        for process in started:
            try:
                status: int | str = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                status = f"none within {PATIENCE} seconds"
            if status:
                yield f"{page.relative_to(ROOT)}: exit status of a program: {status}"


def main() -> int:
    """Check all and say what is wrong."""
    chosen = pages(sys.argv[1:])
    troubles = [
        trouble
        for page in chosen
        for check in (broken_links, unfit_code, failed_examples, failed_programs)
        for trouble in check(page)
    ]
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    print(f"{len(chosen)} pages checked, {len(troubles)} troubles", file=sys.stderr)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
