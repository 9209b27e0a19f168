"""`python -m yima`."""

from yima.cli import main

main()
