"""What botocore reads and works out for each session, once a test process: each command in it makes new clients."""

from __future__ import annotations

import functools
from typing import Any

from botocore import hooks, loaders


def read_once() -> None:
    """Let every loader of this process share what one has read from a path."""
    load = functools.cache(loaders.JSONFileLoader().load_file)
    any_loader: Any = loaders.Loader
    list_services = any_loader.list_available_services
    services: dict[Any, list[str]] = {}

    class SharingLoader(loaders.JSONFileLoader):
        def load_file(self, file_path: str) -> Any:
            return load(file_path)

    def list_available_services(loader: loaders.Loader, type_name: str) -> list[str]:
        key = (*loader.search_paths, type_name)
        if key not in services:
            services[key] = list_services(loader, type_name)
        return services[key]

    any_loader.FILE_LOADER_CLASS = SharingLoader
    any_loader.list_available_services = list_available_services
    _register_quickly()


def _register_quickly() -> None:
    """Registering a hundred handlers is a third of what a command costs in this process."""
    any_hooks: Any = hooks
    any_hooks.accepts_kwargs = functools.lru_cache(1000)(any_hooks.accepts_kwargs)
    alias, known = any_hooks.EventAliaser._alias_event_name, dict[str, str]()

    def alias_event_name(aliaser: hooks.EventAliaser, name: str) -> str:
        if name not in known:
            known[name] = alias(aliaser, name)
        return known[name]

    any_hooks.EventAliaser._alias_event_name = alias_event_name
