"""What people say of the tags: a table of their ratings -> `figures` beside those of the source -> `written` files."""
