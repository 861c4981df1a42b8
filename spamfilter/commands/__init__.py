"""The subcommands of the command line, one module each: ``add_parser(subparsers)`` and ``run(arguments)``."""
