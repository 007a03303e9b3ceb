"""`s4 serve`: the platform."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec.structs import replace

__all__ = ("app", "serve")

app = App(name="serve", help="Run the platform until Ctrl-C.")


@app.default
def serve(
    *,
    config: Annotated[Path | None, Parameter(help="Settings (TOML); without it the defaults hold.")] = None,
    data_dir: Annotated[Path | None, Parameter(help="Where everything is kept.")] = None,
    site: Annotated[Path | None, Parameter(help="The site folder.")] = None,
    port: Annotated[int | None, Parameter(help="Of the page and the API.")] = None,
    mqtt_port: Annotated[int | None, Parameter(help="For devices.")] = None,
) -> int:
    """Run the platform: bus, edge, detection, fusion, picture and page, on loopback unless configured.

    Example: s4 serve --data-dir ./s4-data --port 8080
    """
    import uvloop

    from s4allcities.app.config import ConfigError, check_config, load_config
    from s4allcities.app.logs import set_up_logs
    from s4allcities.app.serve import Running
    from s4allcities.app.serve import serve as run
    from s4allcities.bus import BusError
    from s4allcities.security.errors import SecurityError
    from s4allcities.security.users import FirstLink
    from s4allcities.site import SiteError
    from s4allcities.store.errors import StoreError

    set_up_logs()
    try:
        settings = load_config(config)
        server = replace(settings.server, port=settings.server.port if port is None else port)
        nats = replace(settings.nats, mqtt_port=settings.nats.mqtt_port if mqtt_port is None else mqtt_port)
        settings = check_config(
            replace(
                settings,
                data_dir=str(data_dir or settings.data_dir),
                site=str(site or settings.site),
                server=server,
                nats=nats,
            )
        )

        def announce(running: Running, links: list[FirstLink]) -> None:
            print(
                f"S4AllCities is running: {running.url}   (MQTT on port {running.mqtt_port}; Ctrl-C stops it)"
            )
            for link in links:
                print(f"  first sign-in as {link.name}: {running.url}/login?token={link.token}")
            sys.stdout.flush()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, announce=announce))
    except (ConfigError, SiteError, BusError, SecurityError, StoreError) as error:
        print(f"s4 serve: {error}", file=sys.stderr)
        return 2
    return 0
