"""What a command does, as a Python function: `paribus` calls it with what it has parsed, `import paribus as pb` as it is."""
