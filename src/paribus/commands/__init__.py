"""What each command does, as a function: the command line and `import paribus` call the same one."""
