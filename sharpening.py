"""The console command: `sharpening forecast ...` is `python -m llm.forecast ...`; `sharpening --help` lists all.

The packages of this project have plain names (llm, figures). Where another package of such a name comes first on
Python's path, this file, whose name is the project's own, is still found and says so.
"""

import importlib.util
import sys
from pathlib import Path


def main() -> None:
    own = Path(__file__).resolve().parent / "harness"
    found = importlib.util.find_spec("harness")
    places = [Path(place).resolve() for place in found.submodule_search_locations or ()] if found else []
    if own not in places[:1]:
        print(
            f"error: Python finds {places[0] if places else 'nothing'} under the name harness, not {own}",
            file=sys.stderr,
        )
        raise SystemExit(2)
    from harness.entry import run

    run(sys.argv[1:])


if __name__ == "__main__":
    main()
