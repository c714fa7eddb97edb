"""Make what people install from the source: zipapps, plugin, marketplace, release. Not shipped itself."""
