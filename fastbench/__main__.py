"""python -m fastbench"""

from fastbench.cli import main

raise SystemExit(main())
