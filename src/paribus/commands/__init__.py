"""What commands do, as functions; the command line and `import paribus as pb` call the same ones."""
