"""From folders to documents."""
