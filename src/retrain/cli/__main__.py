"""`python -m retrain.cli`."""

from retrain.cli import main

main()
