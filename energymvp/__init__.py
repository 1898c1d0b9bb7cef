__version__ = "0.1.0"

_FRONT = dict(
    open_store="data.ingest", ingest="data.ingest",  # from where stores can ingest
    Planner="planner", demo_store="planner", Site="site.site", Battery="site.battery", Connection="site.connection", Tariff="site.tariff",
    perfect_foresight="optimizer.optimum",
)  # fmt: skip
__all__ = list(_FRONT)


def __getattr__(name):
    "The front door, imported when it is used: `import energymvp` loads neither torch nor pandas."
    if name not in _FRONT:
        raise AttributeError(f"module 'energymvp' has no attribute {name!r}; it has {', '.join(_FRONT)}")
    from importlib import import_module

    return getattr(import_module(f"energymvp.{_FRONT[name]}"), name)


def __dir__():
    return sorted([*globals(), *_FRONT])
