"""What the columns of files and specs are: guessed, profiled, and compared with the names that a spec uses."""
