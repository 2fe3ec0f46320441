"""The command line: a file a command, which parses, calls the same function as Python does, and prints."""
