"""The filter inside other engines, a thin file each: ``datatrove``, ``ray`` (Ray Data) and ``spark``.

Nothing is imported here: import the module of the engine that is installed. See ``docs/pipelines.md``.
"""
