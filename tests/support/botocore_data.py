"""botocore's data, read once a test process: each command that runs in the process makes new clients."""

from __future__ import annotations

import functools
from typing import Any

from botocore import loaders


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
