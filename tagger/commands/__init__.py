"""The commands of `movietags`, one file per group: parse -> Settings -> call -> echo. cli.py puts them together."""
